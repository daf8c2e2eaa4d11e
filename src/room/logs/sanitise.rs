//! Makes text from outside harmless for a terminal.
//!
//! A log line may carry escape sequences that move the cursor, set the window's
//! title or write to the clipboard, and characters that reorder what is read.
//! None of that reaches the screen, a file or the clipboard.

use std::fmt::Write as _;

/// Bytes of one line that are kept: 4 KiB.
pub const MAX_LINE: usize = 4 * 1024;

/// What a tab becomes. Columns are not aligned: a log line is not a table.
const TAB: &str = "    ";

/// `raw` as one line of printable text: escape sequences and control characters
/// removed, tabs turned into spaces, invalid UTF-8 replaced by U+FFFD, characters
/// that change the reading direction removed, cut at `max` bytes.
///
/// `unread` is the number of bytes that were left out before this function saw the
/// line; they count in the mark ("… +N bytes") that a cut line ends with.
#[must_use]
pub fn sanitise(raw: &[u8], max: usize, unread: usize) -> String {
    let mut text = if raw.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        String::from_utf8_lossy(raw).into_owned()
    } else {
        clean(&String::from_utf8_lossy(raw))
    };
    let cut = cut_at(&text, max);
    let left_out = unread + (text.len() - cut);
    text.truncate(cut);
    if left_out > 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, "… +{left_out} bytes");
    }
    text
}

/// [`sanitise`] for a short text that is already a string: names, messages.
#[must_use]
pub fn sanitise_text(text: &str) -> String {
    sanitise(text.as_bytes(), MAX_LINE, 0)
}

/// The greatest character border at or below `max`.
fn cut_at(text: &str, max: usize) -> usize {
    if text.len() <= max {
        return text.len();
    }
    (0..=max).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Copies what may be shown.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\u{1b}' => after_escape(after),
            // The 8-bit forms of `ESC [` and of the sequences that end with a string terminator.
            '\u{9b}' => after_control_sequence(after),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => after_string(after),
            '\t' => {
                out.push_str(TAB);
                after
            }
            _ if is_hidden(c) => after,
            _ => {
                out.push(c);
                after
            }
        };
    }
    out
}

/// What follows an escape sequence whose `ESC` was just read.
fn after_escape(text: &str) -> &str {
    let mut chars = text.chars();
    match chars.next() {
        Some('[') => after_control_sequence(chars.as_str()),
        Some(']' | 'P' | 'X' | '^' | '_') => after_string(chars.as_str()),
        // Intermediate bytes, then one final byte: character sets and the like.
        Some(' '..='/') => {
            let rest = text.trim_start_matches(|c| matches!(c, ' '..='/'));
            rest.strip_prefix(|c| matches!(c, '0'..='~')).unwrap_or(rest)
        }
        Some('0'..='~') => chars.as_str(),
        _ => text,
    }
}

/// What follows a control sequence (ECMA-48, 5.4): parameters, intermediates, one final byte.
fn after_control_sequence(text: &str) -> &str {
    let rest = text.trim_start_matches(|c| matches!(c, ' '..='?'));
    rest.strip_prefix(|c| matches!(c, '@'..='~')).unwrap_or(rest)
}

/// What follows a string sequence (OSC, DCS, …): up to BEL or the string terminator.
/// An unfinished one swallows the rest of the line, as a terminal would.
fn after_string(text: &str) -> &str {
    let Some(end) = text.find(['\u{7}', '\u{9c}', '\u{1b}']) else { return "" };
    let rest = &text[end..];
    match rest.strip_prefix('\u{1b}') {
        Some(rest) => rest.strip_prefix('\\').unwrap_or_else(|| after_escape(rest)),
        None => rest.strip_prefix(['\u{7}', '\u{9c}']).unwrap_or(rest),
    }
}

/// Control characters, line separators, and characters that reorder or hide text
/// (Unicode's bidirectional controls, zero-width spaces, tags, the byte order mark).
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_moves_a_terminal_gets_through() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain text", "plain text"),
            (b"\x1b[31mERROR\x1b[0m red", "ERROR red"),
            (b"\x1b[38;5;196mx\x1b[m", "x"),
            (b"a\tb", "a    b"),
            (b"\x1b]0;owned\x07title", "title"),
            (b"\x1b]52;c;aGVsbG8=\x1b\\clip", "clip"),
            (b"\x1bP1$r0m\x1b\\dcs", "dcs"),
            (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"unfinished \x1b]0;title", "unfinished "),
            (b"unfinished \x1b[31", "unfinished "),
            (b"string broken by \x1b]0;t\x1b[31mred", "string broken by red"),
            (b"\x1bcreset \x1b(Bset \x1b7save", "reset set save"),
            (b"bell\x07 back\x08 null\x00 del\x7f", "bell back null del"),
            (b"carriage\rreturn\n", "carriagereturn"),
            (b"bad \xff\xfe utf", "bad \u{fffd}\u{fffd} utf"),
            ("c1 \u{9b}31mred \u{9d}0;t\u{9c}end".as_bytes(), "c1 red end"),
            ("bidi \u{202e}evil\u{202c} \u{2066}x\u{2069}".as_bytes(), "bidi evil x"),
            ("é ñ 漢字 stay".as_bytes(), "é ñ 漢字 stay"),
            (b"", ""),
            (b"\x1b", ""),
        ];
        for (raw, clean) in cases {
            assert_eq!(&sanitise(raw, MAX_LINE, 0), clean, "{:?}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn a_long_line_is_cut_at_a_character_and_says_how_much_is_missing() {
        assert_eq!(sanitise(b"0123456789", 10, 0), "0123456789");
        assert_eq!(sanitise(b"0123456789", 4, 0), "0123… +6 bytes");
        assert_eq!(sanitise("aé".as_bytes(), 2, 0), "a… +2 bytes");
        assert_eq!(sanitise(b"0123", 10, 7), "0123… +7 bytes");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_only_harmless_text_comes_out(
            raw in proptest::collection::vec(prop_oneof![Just(0x1b), Just(b'['), Just(b']'), any::<u8>()], 0..200)
        ) {
            let text = sanitise(&raw, 64, 0);
            prop_assert!(!text.chars().any(|c| c.is_control() || is_hidden(c)));
            prop_assert!(text.len() <= 64 + "… +999 bytes".len());
        }
    }
}
