//! The text of a configuration file as mistakes show it: places, excerpts, and
//! what must never be shown of it.

use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

/// Columns of an excerpt on either side of the caret.
const CONTEXT: usize = 60;
/// Longest text that is quoted whole in a message, in characters.
const QUOTED: usize = 80;
/// Stands for what is not shown.
const HIDDEN: &str = "…";

/// What a key is called when its value is likely a secret.
const SECRET_WORDS: [&str; 9] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "bearer",
    "authorization",
    "credential",
    "apikey",
];

/// Whether a key's name says that its value is a secret.
pub(super) fn names_a_secret(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| !matches!(c, '_' | '-')).collect();
    let plain = plain.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| plain.contains(word))
}

/// Makes foreign text safe to print: control characters, and characters that
/// reorder or hide text, are written as escapes; long text is cut.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == QUOTED {
            shown.push_str(HIDDEN);
            break;
        }
        push_printable(&mut shown, c);
    }
    shown
}

fn push_printable(shown: &mut String, c: char) {
    if is_deceptive(c) {
        shown.extend(c.escape_unicode());
    } else {
        shown.push(c);
    }
}

/// Control characters, and the format characters with which text can be made
/// to look like other text (bidirectional overrides, zero-width characters).
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A configuration file's text, with the parts of it that are never shown.
pub(super) struct Source<'t> {
    text: &'t str,
    /// In order and apart from each other.
    hidden: Vec<Range<usize>>,
}

impl<'t> Source<'t> {
    /// `more_hidden`: parts that were found to be secrets although their keys
    /// do not say so.
    pub(super) fn new(text: &'t str, more_hidden: impl IntoIterator<Item = Range<usize>>) -> Self {
        let mut hidden: Vec<_> = secrets(text);
        hidden.extend(more_hidden);
        hidden.sort_by_key(|range| range.start);
        Self { text, hidden }
    }

    /// The nearest place at or before `byte` where a character begins.
    fn boundary(&self, byte: usize) -> usize {
        let mut byte = byte.min(self.text.len());
        while !self.text.is_char_boundary(byte) {
            byte -= 1;
        }
        byte
    }

    /// Line and column of a byte, both counted from 1, the column in characters.
    pub(super) fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let byte = self.boundary(byte);
        let before = &self.text[..byte];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }

    /// The first line of `span`, with a caret under what `span` covers of it.
    pub(super) fn excerpt(&self, span: &Range<usize>) -> Excerpt {
        let start = self.boundary(span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        let line = self.text[line_start..line_end].trim_end_matches('\r');

        let hidden: Vec<_> =
            self.hidden.iter().filter(|range| range.start < line_end && range.end > line_start).collect();

        let mut drawn = Drawn::default();
        for (offset, c) in line.char_indices() {
            let byte = line_start + offset;
            let marked = byte >= start && byte < span.end.max(start + 1);
            match hidden.iter().find(|range| range.contains(&byte)) {
                Some(range) => {
                    let first = byte == range.start || offset == 0;
                    drawn.push(if first { HIDDEN } else { "" }, marked);
                }
                None if c == '\t' => drawn.push(" ", marked),
                None => {
                    let mut piece = String::new();
                    push_printable(&mut piece, c);
                    drawn.push(&piece, marked);
                }
            }
        }
        drawn.cut()
    }
}

/// A line of the file and what of it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    text: String,
    /// Columns before the caret.
    indent: usize,
    /// Columns that the caret covers; at least 1.
    width: usize,
}

impl Excerpt {
    /// Writes the line under its number, and the caret under the line.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, line: usize) -> fmt::Result {
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, " {margin} |")?;
        writeln!(f, " {number} | {}", self.text)?;
        writeln!(f, " {margin} | {}{}", " ".repeat(self.indent), "^".repeat(self.width))
    }
}

/// The pieces of a line on their way to an excerpt.
#[derive(Default)]
struct Drawn {
    /// Text, columns, whether the caret is under it.
    pieces: Vec<(String, usize, bool)>,
}

impl Drawn {
    fn push(&mut self, text: &str, marked: bool) {
        let columns = text.chars().map(|c| c.width().unwrap_or(0)).sum();
        self.pieces.push((text.to_owned(), columns, marked));
    }

    /// Keeps what stands around the caret of a line that is too long.
    fn cut(&self) -> Excerpt {
        let caret = self.pieces.iter().position(|(.., marked)| *marked).unwrap_or(self.pieces.len());
        let (before, after) = self.pieces.split_at(caret);

        let left = fitting(before.iter().rev());
        let right = fitting(after.iter());
        let mut text = String::new();
        if left < before.len() {
            text.push_str(HIDDEN);
        }
        let shown = &self.pieces[caret - left..caret + right];
        text.extend(shown.iter().map(|(piece, ..)| piece.as_str()));
        if right < after.len() {
            text.push_str(HIDDEN);
        }

        let columns = |pieces: &[(String, usize, bool)]| -> usize { pieces.iter().map(|p| p.1).sum() };
        let indent = columns(&before[before.len() - left..]) + usize::from(left < before.len());
        let marked = after[..right].iter().filter(|(.., marked)| *marked).map(|p| p.1).sum::<usize>();
        Excerpt { text: text.trim_end().to_owned(), indent, width: marked.max(1) }
    }
}

/// How many of the pieces fit into the context's columns.
fn fitting<'p>(pieces: impl Iterator<Item = &'p (String, usize, bool)>) -> usize {
    let mut columns = 0;
    pieces
        .take_while(|(_, width, _)| {
            columns += width;
            columns <= CONTEXT
        })
        .count()
}

/// Where values stand that are secrets by their key's name, and credentials
/// within URLs. Works on the bare text, because the file may not even be TOML;
/// when in doubt more is hidden than needed.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open: Option<Open> = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end_matches(['\r', '\n']).len();
        let body = &text[start..end];
        let from = match &open {
            Some(state) if state.goes_on(body) => Some(0),
            _ => secret_value(body),
        };
        match from {
            Some(from) => {
                found.push(start + from..end);
                open = Some(Open::after(open.as_ref(), &body[from..]));
            }
            None => {
                open = None;
                found.extend(url_credentials(body).map(|range| start + range.start..start + range.end));
            }
        }
        start += line.len();
    }
    found
}

/// A secret's value that may go on in the next line.
struct Open {
    /// The delimiter of a multi-line string that has not ended yet.
    string: Option<&'static str>,
}

impl Open {
    /// The state after another piece of the value.
    fn after(before: Option<&Self>, piece: &str) -> Self {
        let within = before.and_then(|open| open.string);
        let string = match within {
            Some(delimiter) => (piece.matches(delimiter).count() % 2 == 0).then_some(delimiter),
            None => ["\"\"\"", "'''"].into_iter().find(|d| piece.matches(d).count() % 2 == 1),
        };
        Self { string }
    }

    /// Whether `line` still belongs to the value: everything does until
    /// something that begins a table or another key.
    fn goes_on(&self, line: &str) -> bool {
        if self.string.is_some() {
            return true;
        }
        let line = line.trim_start();
        let key = line.trim_start_matches(|c: char| c.is_alphanumeric() || "_-.\"' \t".contains(c));
        let assigns = key.len() < line.len() && key.starts_with('=') && !key.starts_with("==");
        let header = line.starts_with('[')
            && line.contains(|c: char| c.is_alphabetic())
            && !line.contains(['"', '\'']);
        !assigns && !header
    }
}

/// Where the value begins that a line gives to a key named like a secret.
fn secret_value(line: &str) -> Option<usize> {
    line.match_indices('=').find_map(|(at, _)| {
        let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let name = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).next()?;
        let value = at + 1 + (line[at + 1..].len() - line[at + 1..].trim_start().len());
        names_a_secret(name).then_some(value)
    })
}

/// User and password within the URLs of a line.
fn url_credentials(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    line.match_indices("://").filter_map(|(at, separator)| {
        let from = at + separator.len();
        let rest = &line[from..];
        let authority = &rest[..rest.find(['/', ' ', '"', '\'']).unwrap_or(rest.len())];
        authority.rfind('@').map(|end| from..from + end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let source = Source::new(text, []);
        let mut start = 0;
        text.split_inclusive('\n')
            .map(|line| {
                let at = start;
                start += line.len();
                source.excerpt(&(at..at + 1)).text + "\n"
            })
            .collect()
    }

    #[test]
    fn values_of_secret_keys_are_hidden_wherever_they_stand() {
        assert_eq!(shown("token = \"abc\"\nport = 1\n"), "token = …\nport = 1\n");
        assert_eq!(shown("a = { api-key = 'abc', b = 1 }"), "a = { api-key = …\n");
        assert_eq!(shown("\"Authorization\" = 'abc'"), "\"Authorization\" = …\n");
        assert_eq!(shown("token = \"\"\"\nab=c\n[ab]\n\"\"\"\nport = 1"), "token = …\n…\n…\n…\nport = 1\n");
        assert_eq!(shown("token =\n'abc'\nport = 1"), "token =\n…\nport = 1\n");
        assert_eq!(shown("token = [\n  'abc',\n]\n[table]"), "token = …\n…\n…\n[table]\n");
        assert_eq!(shown("url = \"http://me:pw@host/@x\""), "url = \"http://…@host/@x\"\n");
    }

    #[test]
    fn what_could_deceive_is_escaped() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}c\u{9b}"), r"a\u{1b}[2Jb\u{202e}c\u{9b}");
        assert_eq!(printable(&"x".repeat(100)), "x".repeat(80) + "…");
    }

    #[test]
    fn the_caret_stands_under_what_is_meant() {
        let excerpt = |text: &str, span: Range<usize>| {
            let excerpt = Source::new(text, []).excerpt(&span);
            format!("{}\n{}{}", excerpt.text, " ".repeat(excerpt.indent), "^".repeat(excerpt.width))
        };
        assert_eq!(excerpt("a\tbb = 1\r\n", 2..4), "a bb = 1\n  ^^");
        assert_eq!(excerpt("é\u{1b}漢 x", 7..8), "é\\u{1b}漢 x\n          ^");
        assert_eq!(excerpt("", 0..0), "\n^");
        let long = format!("{}here{}", "a".repeat(200), "b".repeat(200));
        let expected = format!("…{}here{}…\n{}^^^^", "a".repeat(60), "b".repeat(56), " ".repeat(61));
        assert_eq!(excerpt(&long, 200..204), expected);
    }

    #[test]
    fn places_are_counted_from_one_in_characters() {
        let source = Source::new("é\nåb = 1", []);
        assert_eq!(source.line_and_column(0), (1, 1));
        assert_eq!(source.line_and_column(5), (2, 2));
        assert_eq!(source.line_and_column(999), (2, 7));
    }
}
