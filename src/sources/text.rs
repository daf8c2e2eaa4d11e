//! Text from outside, made safe for a terminal.

use crate::redaction::strike_out;

/// Longest text kept of one field, in characters; servers allow messages of 32 KiB.
const LONGEST: usize = 600;

/// `text` without anything that a terminal would obey: control characters and line
/// breaks become spaces, marks that change the writing direction or have no width
/// are dropped, what is longer than any line is cut (`…`), and known secrets are
/// struck out.
#[must_use]
pub fn clean(text: &str) -> String {
    let text = &*strike_out(text);
    if text.len() <= LONGEST && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return text.to_owned();
    }
    let mut cleaned = String::with_capacity(text.len().min(LONGEST * 4));
    for (count, c) in text.chars().filter(|&c| !is_invisible(c)).enumerate() {
        if count == LONGEST {
            cleaned.push('…');
            break;
        }
        cleaned.push(if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c });
    }
    cleaned
}

/// Characters that take no room but change how their neighbours are shown.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        assert_eq!(clean("plain text"), "plain text");
        assert_eq!(clean("\x1b]52;c;aGk=\x07\x1b[2Jx"), " ]52;c;aGk=  [2Jx");
        assert_eq!(clean("a\nb\tc\r\u{9b}d"), "a b c  d");
        assert_eq!(clean("user\u{202e}gpj.exe\u{200b}"), "usergpj.exe");
        assert_eq!(clean("Malabo – año"), "Malabo – año");
    }

    #[test]
    fn long_text_is_cut() {
        let long = clean(&"é".repeat(40_000));
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(long.ends_with('…'));
    }
}
