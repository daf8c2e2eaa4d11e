//! Text measured in columns: cut, shortened, wrapped; and times in words that
//! do not change more often than they have to.

use std::time::Duration;

use unicode_width::UnicodeWidthChar;

use super::theme::Look;

/// Columns that `text` takes. Control characters take none: they are never drawn.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(|char| char.width().unwrap_or(0)).sum()
}

/// The longest beginning of `text` that takes at most `width` columns.
fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, char) in text.char_indices() {
        used += char.width().unwrap_or(0);
        if used > width {
            return &text[..at];
        }
    }
    text
}

/// The longest end of `text` that takes at most `width` columns.
fn tail(text: &str, width: usize) -> &str {
    let mut used = 0;
    for (at, char) in text.char_indices().rev() {
        used += char.width().unwrap_or(0);
        if used > width {
            return &text[at + char.len_utf8()..];
        }
    }
    text
}

/// `text` in at most `width` columns; what is cut off leaves an ellipsis.
pub(crate) fn fit(text: &str, width: usize, look: Look) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mark = look.glyphs().ellipsis;
    match width.checked_sub(columns(mark)) {
        Some(room) => format!("{}{mark}", head(text, room)),
        None => head(text, width).to_owned(),
    }
}

/// `text` in at most `width` columns, shortened in its middle: the ends of names
/// tell them apart.
pub(crate) fn middle(text: &str, width: usize, look: Look) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mark = look.glyphs().ellipsis;
    let Some(room) = width.checked_sub(columns(mark)).filter(|room| *room >= 2) else {
        return head(text, width).to_owned();
    };
    let end = room.div_ceil(2);
    format!("{}{mark}{}", head(text, room - end), tail(text, end))
}

/// `text` filled up with spaces to exactly `width` columns, cut where it is longer.
pub(crate) fn padded(text: &str, width: usize, look: Look) -> String {
    let mut text = fit(text, width, look);
    let missing = width.saturating_sub(columns(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// `text` in lines of at most `width` columns, broken at spaces where there are any.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut rest = text.trim_end();
    while columns(rest) > width {
        let fitting = head(rest, width);
        let at = match fitting.rfind(' ') {
            Some(space) if space > fitting.len() / 2 => space,
            _ if fitting.is_empty() => rest.chars().next().map_or(rest.len(), char::len_utf8),
            _ => fitting.len(),
        };
        lines.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    lines.push(rest.to_owned());
    lines
}

/// How long ago something was seen: nothing for the first seconds, then in steps
/// of 5 s, minutes, hours, so that the screen stays quiet.
pub(crate) fn age(age: Duration) -> Option<String> {
    match age.as_secs() {
        0..5 => None,
        seconds @ 5..60 => Some(format!("{} s", seconds / 5 * 5)),
        seconds => Some(coarse(seconds)),
    }
}

/// How old a thing is, in its largest unit: `40s`, `9m`, `3h`, `12d`.
pub(crate) fn grown(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{}s", seconds / 10 * 10),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

fn coarse(seconds: u64) -> String {
    match seconds {
        0..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A running time: `04:12`, beyond an hour `1:04:12`.
pub(crate) fn timer(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

/// How long something took: `240 ms`, `1.2 s`, `41 s`, `2 min 05 s`.
pub(crate) fn took(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        1000..10_000 => format!("{:.1} s", time.as_secs_f64()),
        10_000..60_000 => format!("{} s", time.as_secs()),
        _ => format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { colour: true, unicode: true };

    #[test]
    fn shortens_where_the_names_are_alike() {
        assert_eq!(middle("backend-green-84d4c9-6rrw5", 14, LOOK), "backen…9-6rrw5");
        assert_eq!(middle("short", 14, LOOK), "short");
        assert_eq!(fit("a longer text", 8, LOOK), "a longe…");
        assert_eq!(fit("abc", 0, LOOK), "");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(fit("日本語", 4, LOOK), "日…");
        assert_eq!(columns(&padded("日本語", 4, LOOK)), 4);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
        assert_eq!(wrapped("日", 1), ["日", ""]);
    }

    #[test]
    fn wraps_at_spaces_and_loses_nothing() {
        assert_eq!(wrapped("the server is silent", 12), ["the server", "is silent"]);
        assert_eq!(wrapped("aaaaaaaaaa", 4), ["aaaa", "aaaa", "aa"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn ages_are_quiet() {
        let words: Vec<_> =
            [0, 4, 5, 9, 34, 61, 7200].map(|s| age(Duration::from_secs(s)).unwrap_or_default()).to_vec();
        assert_eq!(words, ["", "", "5 s", "5 s", "30 s", "1 min", "2 h"]);
        assert_eq!(grown(Duration::from_secs(47)), "40s");
        assert_eq!(timer(Duration::from_secs(3852)), "1:04:12");
        assert_eq!(took(Duration::from_millis(1240)), "1.2 s");
    }
}
