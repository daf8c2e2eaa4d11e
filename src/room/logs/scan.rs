//! Small scanners over a line's bytes, shared by [`level`](super::level) and
//! [`shape`](super::shape). Each answers with the number of bytes it recognised, 0 for none,
//! and only ever ends on a character border.

use std::net::Ipv6Addr;

/// A byte that is part of a word.
pub(super) const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// At most `max` bytes from the line's beginning, ended at a character border.
pub(super) fn head(line: &str, max: usize) -> &str {
    if line.len() <= max {
        return line;
    }
    let end = (0..=max).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
    &line[..end]
}

/// Number of leading ASCII digits.
pub(super) fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// `pattern` at the beginning of `bytes`: `0` stands for a digit, anything else for itself.
fn matches(bytes: &[u8], pattern: &[u8]) -> bool {
    bytes.len() >= pattern.len()
        && pattern.iter().zip(bytes).all(|(wanted, byte)| match wanted {
            b'0' => byte.is_ascii_digit(),
            _ => wanted == byte,
        })
}

/// A time of day: `21:25:00`, with a fraction when there is one.
pub(super) fn clock(bytes: &[u8]) -> usize {
    if !matches(bytes, b"00:00:00") {
        return 0;
    }
    match bytes.get(8) {
        Some(b'.' | b',') => match digits(&bytes[9..]) {
            0 => 8,
            fraction => 9 + fraction,
        },
        Some(b':' | b'0'..=b'9') => 0,
        _ => 8,
    }
}

/// A date, a date with a time, or a time of day, with the zone: ISO 8601 and its relatives
/// (`2026/11/22 21:25:00`), the common log format (`22/Nov/2026:21:25:00 +0000`), syslog's
/// (`Nov 22 21:25:00`).
pub(super) fn time(bytes: &[u8]) -> usize {
    let date = date(bytes);
    if date == 0 {
        return match clock(bytes) {
            0 => 0,
            clock => clock + zone(&bytes[clock..]),
        };
    }
    let rest = &bytes[date..];
    if let Some(b'T' | b't' | b' ' | b':' | b'_') = rest.first() {
        let clock = clock(&rest[1..]);
        if clock > 0 {
            let end = date + 1 + clock;
            return end + zone(&bytes[end..]);
        }
    }
    date
}

fn date(bytes: &[u8]) -> usize {
    const MONTHS: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let month = |bytes: &[u8]| bytes.get(..3).is_some_and(|name| MONTHS.iter().any(|known| *known == name));
    let ends = |length: usize| !bytes.get(length).is_some_and(u8::is_ascii_digit);
    if (matches(bytes, b"0000-00-00") || matches(bytes, b"0000/00/00")) && ends(10) {
        return 10;
    }
    if matches(bytes, b"00/") && month(&bytes[3..]) && matches(&bytes[6..], b"/0000") && ends(11) {
        return 11;
    }
    let syslog = |pattern: &[u8]| month(bytes) && bytes.len() > 3 && matches(&bytes[3..], pattern);
    if syslog(b" 00 00:00:00") || syslog(b"  0 00:00:00") { 6 } else { 0 }
}

/// A zone right after a time: `Z`, `+01:00`, ` +0000`, ` UTC`.
fn zone(bytes: &[u8]) -> usize {
    match bytes {
        [b'Z' | b'z', rest @ ..] if !rest.first().copied().is_some_and(is_word_byte) => 1,
        [b' ', b'U', b'T', b'C', ..] | [b' ', b'G', b'M', b'T', ..] => 4,
        [b'+' | b'-', rest @ ..] if matches(rest, b"00:00") => 6,
        [b'+' | b'-', rest @ ..] if matches(rest, b"0000") => 5,
        [b' ', b'+' | b'-', rest @ ..] if matches(rest, b"0000") => 6,
        _ => 0,
    }
}

/// The timestamps that a line begins with, in brackets or not, and the blanks and dashes
/// around them; also a Unix time.
pub(super) fn leading_time(line: &str) -> usize {
    let bytes = line.as_bytes();
    let mut at = 0;
    loop {
        let start = at + bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'-')).count();
        let open = usize::from(matches!(bytes.get(start), Some(b'[' | b'(')));
        let rest = &bytes[start + open..];
        let length = match time(rest) {
            0 => unix_time(rest),
            length => length,
        };
        let end = start + open + length;
        let closed = open == 0 || matches!(bytes.get(end), Some(b']' | b')'));
        let bordered = matches!(bytes.get(end + open), None | Some(b' ' | b'-' | b':' | b'|' | b'{' | b'['));
        if length == 0 || !closed || !bordered {
            // Blanks are dropped even where no time follows.
            return if at == 0 { start - dashes(&bytes[..start]) } else { at_text(bytes, at) };
        }
        at = end + open;
    }
}

/// Blanks, and the separators that stood between a time and the text.
fn at_text(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'-' | b':' | b'|')).count()
}

/// Dashes that end `bytes`, with the blanks between and after them: a list's dash is text.
fn dashes(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'-').map_or(0, |first| bytes.len() - first)
}

/// `1700000000`, `1700000000.123`, `1700000000123`: seconds or milliseconds since 1970.
fn unix_time(bytes: &[u8]) -> usize {
    let whole = digits(bytes);
    if !(whole == 10 || whole == 13) || bytes[0] != b'1' {
        return 0;
    }
    match bytes.get(whole) {
        Some(b'.') => whole + 1 + digits(&bytes[whole + 1..]),
        _ => whole,
    }
}

/// An IPv4 address, with its port or prefix length: `10.0.0.1:8080`.
pub(super) fn ipv4(bytes: &[u8]) -> usize {
    let mut at = 0;
    for part in 0..4 {
        if part > 0 {
            if bytes.get(at) != Some(&b'.') {
                return 0;
            }
            at += 1;
        }
        let length = digits(&bytes[at..]);
        let value =
            bytes[at..at + length].iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        if !(1..=3).contains(&length) || value > 255 {
            return 0;
        }
        at += length;
    }
    let goes_on = match bytes.get(at) {
        Some(b'.') => bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
        Some(byte) => is_word_byte(*byte),
        None => false,
    };
    if goes_on { 0 } else { at + port(&bytes[at..]) }
}

/// `:8080` or `/24` after an address.
fn port(bytes: &[u8]) -> usize {
    match bytes {
        [b':' | b'/', rest @ ..] if (1..=5).contains(&digits(rest)) => 1 + digits(rest),
        _ => 0,
    }
}

/// An IPv6 address, bare or in brackets with its port: `2001:db8::1`, `[::1]:8080`.
pub(super) fn ipv6(text: &str) -> usize {
    let bytes = text.as_bytes();
    let open = usize::from(bytes.first() == Some(&b'['));
    let inner = &bytes[open..];
    let length =
        inner.iter().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')).count();
    let mut end = open + length;
    // A sentence's colon or full stop after the address is not part of it.
    while open == 0 && end > 2 && matches!(bytes[end - 1], b'.' | b':') && &bytes[end - 2..end] != b"::" {
        end -= 1;
    }
    let candidate = &text[open..end];
    let has_digit = candidate.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digit || !candidate.contains(':') || candidate.parse::<Ipv6Addr>().is_err() {
        return 0;
    }
    if open == 0 {
        return if bytes.get(end).copied().is_some_and(is_word_byte) { 0 } else { end };
    }
    if bytes.get(end) == Some(&b']') { end + 1 + port(&bytes[end + 1..]) } else { 0 }
}

/// A UUID: `123e4567-e89b-12d3-a456-426614174000`.
pub(super) fn uuid(bytes: &[u8]) -> usize {
    const LENGTH: usize = 36;
    let Some(candidate) = bytes.get(..LENGTH) else { return 0 };
    let formed = candidate.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    if formed && !bytes.get(LENGTH).copied().is_some_and(is_word_byte) { LENGTH } else { 0 }
}
