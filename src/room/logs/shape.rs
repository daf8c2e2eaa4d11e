//! The shape of a line: what stays when everything that varies is taken out.
//!
//! Lines with the same shape are the same event said again. Timestamps at the front are
//! dropped; numbers become `<n>`, identifiers `<id>`, addresses `<ip>`, times `<time>`.
//! A status keeps its number, because 200 and 503 are not the same event. One pass over
//! the bytes, because every captured line goes through here.

use super::scan;

/// Bytes of a shape. Lines that differ only further on count as the same.
pub const MAX_SHAPE: usize = 240;

const NUMBER: &str = "<n>";
const IDENTIFIER: &str = "<id>";
const ADDRESS: &str = "<ip>";
const TIME: &str = "<time>";

/// The shape of a sanitised line.
#[must_use]
pub fn shape(line: &str) -> String {
    let text = &line[scan::leading_time(line)..];
    let mut writer = Writer { out: String::with_capacity(text.len().min(MAX_SHAPE)), text, at: 0 };
    while writer.at < text.len() {
        if writer.out.len() >= MAX_SHAPE {
            writer.out.push('…');
            break;
        }
        writer.step();
    }
    writer.out.truncate(writer.out.trim_end().len());
    writer.out
}

struct Writer<'t> {
    out: String,
    text: &'t str,
    at: usize,
}

impl Writer<'_> {
    /// Takes one word, blank or mark.
    fn step(&mut self) {
        let bytes = self.text.as_bytes();
        let byte = bytes[self.at];
        if byte == b' ' {
            self.at += bytes[self.at..].iter().take_while(|byte| **byte == b' ').count();
            if !self.out.is_empty() {
                self.out.push(' ');
            }
        } else if byte.is_ascii_alphanumeric() || byte >= 0x80 {
            self.word();
        } else if let Some(length) = self.marked_address(byte) {
            self.replace(length, ADDRESS);
        } else {
            // A sign belongs to its number only where no word stands before it.
            let signed = byte == b'-'
                && bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit)
                && matches!(
                    self.at.checked_sub(1).map(|at| bytes[at]),
                    None | Some(b' ' | b'=' | b':' | b',' | b'(')
                );
            if !signed {
                self.out.push(char::from(byte));
            }
            self.at += 1;
        }
    }

    /// An IPv6 address that begins with a mark: `[::1]:80`, `::1`.
    fn marked_address(&self, byte: u8) -> Option<usize> {
        if !matches!(byte, b'[' | b':') {
            return None;
        }
        match scan::ipv6(&self.text[self.at..]) {
            0 => None,
            length => Some(length),
        }
    }

    fn replace(&mut self, length: usize, with: &str) {
        self.out.push_str(with);
        self.at += length;
    }

    /// Takes what begins at a word's beginning.
    fn word(&mut self) {
        let rest = &self.text[self.at..];
        let bytes = rest.as_bytes();
        let word = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte >= 0x80).count();
        let has_digit = bytes[..word].iter().any(u8::is_ascii_digit);
        let might_be_hex = bytes[..word].iter().all(u8::is_ascii_hexdigit);
        if !has_digit && !might_be_hex && bytes[0] != b'J' {
            // The common case first: an ordinary word.
            if follows_an_id_key(&self.out) {
                self.replace(word, IDENTIFIER)
            } else {
                self.keep(word)
            }
            return;
        }
        for (length, name) in [
            (scan::uuid(bytes), IDENTIFIER),
            (scan::time(bytes), TIME),
            (scan::ipv4(bytes), ADDRESS),
            (if might_be_hex { scan::ipv6(rest) } else { 0 }, ADDRESS),
        ] {
            if length > 0 {
                self.replace(length, name);
                return;
            }
        }
        if follows_an_id_key(&self.out) {
            self.replace(word, IDENTIFIER);
        } else if !has_digit {
            self.keep(word);
        } else if bytes[0].is_ascii_digit() {
            self.number(word);
        } else {
            self.named_number(word);
        }
    }

    fn keep(&mut self, length: usize) {
        self.out.push_str(&self.text[self.at..self.at + length]);
        self.at += length;
    }

    /// A word that begins with a digit: a number with or without a unit, or an identifier.
    fn number(&mut self, word: usize) {
        let bytes = &self.text.as_bytes()[self.at..];
        let whole = scan::digits(bytes);
        if whole == word && whole <= 3 && follows_a_status(&self.out) {
            self.keep(word);
        } else if whole == word {
            let end = number_end(bytes, whole);
            let unit = unit_length(&bytes[end..]);
            self.replace(end, NUMBER);
            self.keep(unit);
        } else if is_identifier(&bytes[..word]) || bytes[..word].starts_with(b"0x") {
            self.replace(word, IDENTIFIER);
        } else {
            let duration = duration_end(bytes);
            let unit = unit_length(&bytes[whole..]);
            if duration > 0 {
                // `1m3.2s` and `59s` are the same measure: the last unit stands for it.
                let unit = bytes[..duration].iter().rev().take_while(|byte| !byte.is_ascii_digit()).count();
                self.replace(duration - unit, NUMBER);
                self.keep(unit);
            } else if whole + unit == word {
                self.replace(whole, NUMBER);
                self.keep(unit);
            } else {
                self.replace(word, IDENTIFIER);
            }
        }
    }

    /// A word that begins with a letter and has digits: `v1`, `worker12`, `a3f9c2d1`.
    fn named_number(&mut self, word: usize) {
        let bytes = &self.text.as_bytes()[self.at..];
        let letters = bytes[..word].iter().take_while(|byte| !byte.is_ascii_digit()).count();
        let digits = scan::digits(&bytes[letters..]);
        if is_identifier(&bytes[..word]) {
            self.replace(word, IDENTIFIER);
        } else if letters + digits == word {
            let end = number_end(&bytes[letters..], digits);
            // A path's or an API's version (`/v1/`, `http2`) names a thing; `v1.2.3` is a value.
            let names = digits == 1 && end == digits;
            self.keep(letters);
            if names { self.keep(digits) } else { self.replace(end, NUMBER) }
        } else {
            // Few letters among digits or digits among letters, too short for an identifier: `k8s`.
            self.keep(word);
        }
    }
}

/// Whether an alphanumeric word is an identifier that some machine made: eight or more
/// hexadecimal digits, or letters and digits that alternate too often for a name.
fn is_identifier(word: &[u8]) -> bool {
    let letters = word.iter().filter(|byte| !byte.is_ascii_digit()).count();
    if letters == 0 || word.iter().any(|byte| *byte >= 0x80) {
        return false;
    }
    if word.len() >= 7 && word.iter().all(u8::is_ascii_hexdigit) {
        return true;
    }
    let changes = word.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    match word.len() {
        0..4 => false,
        4..16 => changes >= 3 || (changes >= 2 && (word[0].is_ascii_digit() || word.len() > 4)),
        _ => changes >= 2,
    }
}

/// The end of a number whose first `whole` bytes are digits: thousands, fractions,
/// further parts of a version, an exponent.
fn number_end(bytes: &[u8], whole: usize) -> usize {
    let mut end = whole;
    while let Some(b'.' | b',') = bytes.get(end) {
        let part = scan::digits(&bytes[end + 1..]);
        if part == 0 || (bytes[end] == b',' && part != 3) {
            break;
        }
        end += 1 + part;
    }
    if let [b'e' | b'E', sign @ (b'+' | b'-' | b'0'..=b'9'), rest @ ..] = &bytes[end..] {
        let digits = usize::from(sign.is_ascii_digit()) + scan::digits(rest);
        let signed = usize::from(!sign.is_ascii_digit());
        if digits > 0 && !rest.get(digits).copied().is_some_and(scan::is_word_byte) {
            end += 1 + signed + digits;
        }
    }
    end
}

/// A unit right after a number: up to three letters (`ms`, `KiB`, `rd`, `µs`).
fn unit_length(bytes: &[u8]) -> usize {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte >= 0x80).count();
    let ends = !bytes.get(length).is_some_and(u8::is_ascii_digit);
    if length <= 4 && ends { length } else { 0 }
}

/// A duration of several parts, as Go writes them: `1m3.2s`, `1h0m0s`. 0 when there is none.
fn duration_end(bytes: &[u8]) -> usize {
    const UNITS: [&str; 8] = ["ms", "us", "µs", "ns", "h", "m", "s", "d"];
    let mut end = 0;
    loop {
        let mut number = scan::digits(&bytes[end..]);
        if number > 0 && bytes.get(end + number) == Some(&b'.') {
            number += 1 + scan::digits(&bytes[end + number + 1..]);
        }
        let rest = &bytes[end + number..];
        let unit = UNITS.iter().find(|unit| rest.starts_with(unit.as_bytes()));
        match unit {
            Some(unit) if number > 0 => end += number + unit.len(),
            _ => break,
        }
    }
    if bytes.get(end).copied().is_some_and(scan::is_word_byte) { 0 } else { end }
}

/// Whether what was written ends with a key that names an identifier (`request_id=`, `traceId: `):
/// its value is one even when it happens to consist of digits or letters alone.
fn follows_an_id_key(out: &str) -> bool {
    let key = out.trim_end_matches([' ', '"', '\'']);
    let Some(key) = key.strip_suffix(['=', ':']) else { return false };
    let key = key.trim_end_matches('"').as_bytes();
    let Some(start) = key.len().checked_sub(2) else { return false };
    if !key[start..].eq_ignore_ascii_case(b"id") {
        return false;
    }
    // `uid`, `user_id`, `traceId`, `id`, but not `invalid:` or `paid:`.
    match start.checked_sub(1).map(|before| key[before]) {
        None => true,
        Some(b'u') => true,
        Some(before) => !before.is_ascii_alphanumeric() || key[start] == b'I',
    }
}

/// Whether what was written ends with a word whose number says what happened (`status=503`,
/// `exit code 137`): another number is another event.
fn follows_a_status(out: &str) -> bool {
    let key = out.trim_end_matches([' ', '"', '\'', '=', ':', '(']);
    key.len() < out.len() && ["status", "code", "HTTP/<n>"].iter().any(|known| key.ends_with(known))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_varies_is_taken_out_and_the_rest_stays() {
        let cases = [
            (
                "2026-11-22T21:25:00.123456789Z ERROR backend.api request_id=0a1b2c3d path=/api/v1/x TimeoutError: upstream treasury gateway did not answer in 2s",
                "ERROR backend.api request_id=<id> path=/api/v1/x TimeoutError: upstream treasury gateway did not answer in <n>s",
            ),
            ("[2026-11-22 21:25:00,123] ERROR x", "ERROR x"),
            (
                "2026/11/22 21:25:00 [error] 31#31: *1 connect() failed",
                "[error] <n>#<n>: *<n> connect() failed",
            ),
            ("Nov 22 21:25:00 host app[12]: x", "host app[<n>]: x"),
            ("1700000000.123 x", "x"),
            ("ConnectionReset by peer 10.0.0.1:8080", "ConnectionReset by peer <ip>"),
            ("from [2001:db8::1]:443 to 2001:db8::2.", "from <ip> to <ip>."),
            ("peer ::1, std::ffi::CStr", "peer <ip>, std::ffi::CStr"),
            ("id 123e4567-e89b-12d3-a456-426614174000 done", "id <id> done"),
            ("commit a1b2c3d of 0xdeadBEEF", "commit <id> of <id>"),
            ("pod backend-green-84d4c9f7b6-6rrw5 gone", "pod backend-green-<id>-<id> gone"),
            (
                "took 412ms, 1.5s, 1m3.2s, 12,431 rows, 3.4e-5, -7",
                "took <n>ms, <n>s, <n>s, <n> rows, <n>, <n>",
            ),
            ("version v1.2.3 on http2 and k8s", "version v<n> on http2 and k8s"),
            ("GET /users/42/orders/7?page=3", "GET /users/<n>/orders/<n>?page=<n>"),
            (
                "user_id=42 uid: 7 traceId=abcdef invalid: 3",
                "user_id=<id> uid: <id> traceId=<id> invalid: <n>",
            ),
            (
                r#"{"time":"2026-11-22T21:25:00Z","requestId":"abc","n":1}"#,
                r#"{"time":"<time>","requestId":"<id>","n":<n>}"#,
            ),
            ("at 21:25:00.5 on 2026-11-22 13:00:00+01:00", "at <time> on <time>"),
            ("column 'name' of \"users\" is null", "column 'name' of \"users\" is null"),
            ("worker12 and worker-13", "worker<n> and worker-<n>"),
            ("status=503 took 503 ms, exit code 137", "status=503 took <n> ms, exit code 137"),
            ("\"GET /x HTTP/1.1\" 500 1234", "\"GET /x HTTP/<n>\" 500 <n>"),
            (r#"{"status": 200,"barcode":12345}"#, r#"{"status": 200,"barcode":<n>}"#),
            ("a   b", "a b"),
            ("été 5 µs 3µs 漢字9", "été <n> µs <n>µs 漢字9"),
            ("deadbeef facade", "deadbeef facade"),
            ("", ""),
        ];
        for (line, expected) in cases {
            assert_eq!(shape(line), expected, "{line}");
        }
    }

    #[test]
    fn a_long_shape_ends_somewhere() {
        let long = shape(&"word ".repeat(1_000));
        assert!(long.len() <= MAX_SHAPE + "word …".len() && long.ends_with('…'), "{long}");
    }

    proptest! {
        #[test]
        fn the_values_never_change_the_shape(
            a in any::<u32>(), b in any::<u32>(), ms in 1_u32..100_000, id in any::<u32>(), other in any::<u32>(),
            ip in any::<[u8; 4]>(), v6 in any::<[u16; 8]>(),
        ) {
            let line = |n: u32, id: u32, ip: std::net::Ipv4Addr| format!(
                "2026-11-22T21:25:00Z ERROR request_id={id:08x} n={n} from {ip}:80 after {ms}ms"
            );
            let local = std::net::Ipv4Addr::LOCALHOST;
            prop_assert_eq!(shape(&line(a, id, ip.into())), shape(&line(b, other, local)));
            let v6 = std::net::Ipv6Addr::from(v6);
            if v6.to_string().bytes().any(|byte| byte.is_ascii_digit()) {
                prop_assert_eq!(shape(&format!("to [{v6}]:443 x")), "to <ip> x");
            }
        }

        #[test]
        fn no_line_is_too_strange(line in "\\PC{0,120}") {
            prop_assert!(shape(&line).len() <= MAX_SHAPE + line.len() + 8);
        }

        #[test]
        fn nor_is_one_of_digits_and_marks(line in "[0-9a-f:.,/ +\\-\\[\\]eExTZµ]{0,60}") {
            let shaped = shape(&line);
            prop_assert_eq!(shape(&line), shaped);
        }
    }
}
