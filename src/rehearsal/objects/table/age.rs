//! Spans of time as kubectl writes them: two figures at most, coarser as they grow.

use jiff::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// The time since a moment that an object names; `<unknown>` where it names none.
pub(super) fn since(at: &str, now: Timestamp) -> String {
    at.parse::<Timestamp>()
        .map_or_else(|_| "<unknown>".to_owned(), |at| human(now.as_second() - at.as_second()))
}

/// A number of seconds.
pub(super) fn human(seconds: i64) -> String {
    let two = |large: i64, name: char, unit: i64, second: char| {
        let (big, rest) = (seconds / large, seconds % large / unit);
        if rest == 0 { format!("{big}{name}") } else { format!("{big}{name}{rest}{second}") }
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..0 => "0s".to_owned(),
        s if s < 2 * MINUTE => format!("{s}s"),
        s if s < 10 * MINUTE => two(MINUTE, 'm', 1, 's'),
        s if s < 3 * HOUR => format!("{}m", s / MINUTE),
        s if s < 8 * HOUR => two(HOUR, 'h', MINUTE, 'm'),
        s if s < 2 * DAY => format!("{}h", s / HOUR),
        s if s < 8 * DAY => two(DAY, 'd', HOUR, 'h'),
        s if s < 2 * YEAR => format!("{}d", s / DAY),
        s if s < 8 * YEAR => two(YEAR, 'y', DAY, 'd'),
        s => format!("{}y", s / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_as_kubectl_does() {
        let cases = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 300, "3h5m"),
            (8 * HOUR + 300, "8h"),
            (47 * HOUR, "47h"),
            (2 * DAY, "2d"),
            (2 * DAY + HOUR, "2d1h"),
            (9 * DAY, "9d"),
            (3 * YEAR + DAY, "3y1d"),
            (-1, "0s"),
            (-9, "<invalid>"),
        ];
        for (seconds, words) in cases {
            assert_eq!(human(seconds), words, "{seconds}");
        }
    }
}
