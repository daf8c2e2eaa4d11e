//! How bad a log line says it is: plain text, logfmt, JSON lines, klog.

use serde::{Deserialize, Serialize};

use super::json;
use super::scan::{self, is_word_byte};

/// How bad a log line says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Bytes of a line in which its level is looked for.
const REACH: usize = 512;

/// Words of the line in which a bare level word is believed. Further in, it is prose.
const NEAR: usize = 12;

/// Words in which even a lower-case level word without any punctuation is believed.
const VERY_NEAR: usize = 2;

impl Level {
    /// All levels, the least bad first.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Upper case, as it stands on the screen: `ERROR`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }

    /// The level that a word stands for, whatever its case: `warning`, `ERR`, `critical`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let mut lower = [0; 11];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trce" | b"trc" | b"finest" | b"verbose" => Self::Trace,
            b"debug" | b"dbug" | b"dbg" | b"fine" => Self::Debug,
            b"info" | b"inf" | b"information" | b"notice" | b"log" | b"default" => Self::Info,
            b"warn" | b"warning" | b"wrn" => Self::Warn,
            b"error" | b"err" | b"eror" | b"severe" | b"fail" | b"failure" => Self::Error,
            b"fatal" | b"ftl" | b"critical" | b"crit" | b"panic" | b"dpanic" | b"alert" | b"emerg"
            | b"emergency" => Self::Fatal,
            _ => return None,
        })
    }

    /// The level that a number stands for in the lines of pino and bunyan: 10 trace … 60 fatal.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            10..20 => Self::Trace,
            20..30 => Self::Debug,
            30..40 => Self::Info,
            40..50 => Self::Warn,
            50..60 => Self::Error,
            60..=70 => Self::Fatal,
            _ => return None,
        })
    }

    /// The level that a line tells by itself; `None` when it tells none. A line that
    /// continues another one is the business of [`Trace`](super::trace::Trace).
    #[must_use]
    pub fn of(line: &str) -> Option<Self> {
        let line = scan::head(line, REACH);
        let body = line.trim_start();
        if body.starts_with('{') {
            return json::level(body);
        }
        if let Some(level) = klog(body) {
            return Some(level);
        }
        let body = &body[scan::leading_time(body)..];
        if body.starts_with('{') { json::level(body) } else { of_words(body) }
    }
}

/// klog's and glog's head: a letter, month and day, then the time (`E1122 21:25:00.1`).
fn klog(line: &str) -> Option<Level> {
    let (head, rest) = (line.as_bytes().get(..6)?, line.as_bytes().get(6)?);
    let dated = head[1..5].iter().all(u8::is_ascii_digit) && head[5] == b' ' && rest.is_ascii_digit();
    match head[0] {
        b'I' if dated => Some(Level::Info),
        b'W' if dated => Some(Level::Warn),
        b'E' if dated => Some(Level::Error),
        b'F' if dated => Some(Level::Fatal),
        _ => None,
    }
}

/// The first word of the line that tells a level, as a bare word or as a key's value.
fn of_words(line: &str) -> Option<Level> {
    let bytes = line.as_bytes();
    let (mut at, mut index) = (0, 0);
    while at < bytes.len() {
        if !is_word_byte(bytes[at]) {
            at += 1;
            continue;
        }
        let end = at + bytes[at..].iter().take_while(|byte| is_word_byte(**byte) || **byte == b'.').count();
        let word = line.get(at..end)?;
        let before = at.checked_sub(1).map(|before| bytes[before]);
        if bytes.get(end) == Some(&b'=') {
            let value = line.get(end + 1..)?;
            if is_level_key(word) && before.is_none_or(|byte| matches!(byte, b' ' | b'[' | b'{' | b',')) {
                return of_value(value);
            }
            at = end + 1 + value_length(value);
        } else {
            if index < NEAR
                && let Some(level) = of_word(word, before, bytes.get(end..).unwrap_or_default(), index)
            {
                return Some(level);
            }
            at = end;
        }
        index += 1;
    }
    None
}

/// The level of one bare word, when its form and place make it believable.
fn of_word(word: &str, before: Option<u8>, after: &[u8], index: usize) -> Option<Level> {
    let next = after.first().copied();
    if !matches!(before, None | Some(b' ' | b'[' | b'(' | b'<' | b'|' | b':' | b'*' | b'"')) {
        return None;
    }
    let Some(level) = Level::from_word(word) else { return of_exception(word, next, after.get(1).copied()) };
    // A quantity ("0 error", "fail 3") and a part of a name (`error-rate`, `error/page`) are no levels.
    if !matches!(next, None | Some(b' ' | b']' | b')' | b'>' | b'|' | b':' | b',' | b'*' | b'"' | b'!')) {
        return None;
    }
    let shouted = word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    let set_off = matches!(before, Some(b'[' | b'(' | b'<' | b'|')) || next == Some(b':');
    (shouted || set_off || (index < VERY_NEAR && !is_prose(word))).then_some(level)
}

/// Level words that are as often plain language: believed only in capitals or set off.
fn is_prose(word: &str) -> bool {
    ["fine", "finest", "verbose", "log", "default", "notice", "information", "fail", "failure", "alert"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(word))
}

/// An exception's name before its words: `TimeoutError: …`, `java.lang.IllegalStateException: …`.
fn of_exception(word: &str, next: Option<u8>, then: Option<u8>) -> Option<Level> {
    let named = word.ends_with("Error") || word.ends_with("Exception");
    (named && next == Some(b':') && matches!(then, None | Some(b' '))).then_some(Level::Error)
}

/// Keys whose value is the line's level.
pub(super) fn is_level_key(key: &str) -> bool {
    ["level", "lvl", "severity", "log.level", "loglevel", "levelname", "log_level", "@l"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(key))
}

/// The level that a key's value begins with.
fn of_value(value: &str) -> Option<Level> {
    let value = value.trim_start_matches(['"', '\'']);
    let end = value.bytes().take_while(|byte| is_word_byte(*byte)).count();
    let word = &value[..end];
    Level::from_word(word).or_else(|| Level::from_number(word.parse().ok()?))
}

/// Bytes of a logfmt value, quotes included.
fn value_length(value: &str) -> usize {
    let bytes = value.as_bytes();
    if bytes.first() != Some(&b'"') {
        return bytes.iter().take_while(|byte| **byte != b' ').count();
    }
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn levels_of_the_formats_that_are_met() {
        use Level::*;
        let cases: &[(&str, Option<Level>)] = &[
            // plain text
            (
                "2026-11-22T21:25:00.123456789Z ERROR backend.api request_id=0a1b2c3d TimeoutError: x",
                Some(Error),
            ),
            ("2026-11-22 21:25:00,123 - backend.api - ERROR - no answer", Some(Error)),
            ("2026-11-22 21:25:00.123  WARN 1 --- [main] c.e.App : slow", Some(Warn)),
            ("2026/11/22 21:25:00 [error] 31#31: *1 connect() failed", Some(Error)),
            ("2026-11-22 21:25:00.000 UTC [123] FATAL:  password authentication failed", Some(Fatal)),
            ("2026-11-22 21:25:00.000 UTC [123] LOG:  database system is ready", Some(Info)),
            ("2026-11-22T21:25:00.000000Z 8 [Warning] [MY-010055] [Server] lookup", Some(Warn)),
            ("E, [2026-11-22T21:25:00.1 #12] ERROR -- : no route", Some(Error)),
            ("ERROR:root:it broke", Some(Error)),
            ("error: it broke", Some(Error)),
            ("Error while connecting", Some(Error)),
            ("[WARN] low disk", Some(Warn)),
            ("<critical> heat", Some(Fatal)),
            ("fail: Microsoft.Hosting[0]", Some(Error)),
            ("INFO no errors found, ERROR count 0", Some(Info)),
            ("INFO:     10.0.0.1:51234 - \"GET /error HTTP/1.1\" 200 OK", Some(Info)),
            ("TimeoutError: upstream did not answer", Some(Error)),
            ("java.lang.IllegalStateException: closed", Some(Error)),
            ("panic: runtime error: index out of range", Some(Fatal)),
            // logfmt
            ("time=2026-11-22T21:25:00Z level=error msg=\"boom\"", Some(Error)),
            ("ts=1700000000.1 caller=x.go:1 lvl=warn msg=\"an error\"", Some(Warn)),
            ("msg=\"level=error inside\" severity=INFO", Some(Info)),
            ("level=\"fatal\" x=1", Some(Fatal)),
            ("msg=\"error: in a value\" status=500", None),
            ("sublevel=error", None),
            ("level=50 msg=x", Some(Error)),
            // JSON
            (r#"{"level":"error","msg":"x"}"#, Some(Error)),
            (r#"{"time":1,"level":30,"msg":"error"}"#, Some(Info)),
            (r#"{"level":60}"#, Some(Fatal)),
            (r#"{"msg":"\"level\":\"error\"","severity":"WARNING"}"#, Some(Warn)),
            (r#"{"log.level":"ERROR","message":"x"}"#, Some(Error)),
            (r#"{"log":{"level":"error"},"message":"x"}"#, Some(Error)),
            (r#"{"ctx":{"a":[1,"level"]},"lvl":"debug"}"#, Some(Debug)),
            (r#"2026-11-22T21:25:00Z {"level":"error"}"#, Some(Error)),
            (r#"{"msg":"an error"}"#, None),
            (r#"{"level":"err"#, None),
            (r#"{"level""#, None),
            // klog
            ("E1122 21:25:00.123456       1 reflector.go:138] Failed to watch", Some(Error)),
            ("W1122 21:25:00.123456       1 x.go:1] ERROR", Some(Warn)),
            ("I1122 21:25:00.123456       1 x.go:1] ok", Some(Info)),
            ("F1122 21:25:00.123456       1 x.go:1] end", Some(Fatal)),
            ("E1122", None),
            // none
            ("10.0.0.1 - - [22/Nov/2026:21:25:00 +0000] \"GET /error HTTP/1.1\" 500 12", None),
            ("compiled with 0 error", None),
            ("GET /error/page", None),
            ("the whole build finished without error", None),
            ("error-rate 0.1", None),
            ("errors: 0", None),
            ("fine so far", None),
            ("default settings are used", None),
            ("FINE: a detail", Some(Debug)),
            ("", None),
            ("   ", None),
            ("é ñ ERROR après", Some(Error)),
        ];
        for (line, level) in cases {
            assert_eq!(Level::of(line), *level, "{line}");
        }
    }

    #[test]
    fn words_are_recognised_whatever_their_case() {
        for level in Level::ALL {
            assert_eq!(Level::from_word(level.label()), Some(level));
            assert_eq!(Level::from_word(&level.label().to_lowercase()), Some(level));
        }
        assert_eq!(Level::from_word("a very long word that is none"), None);
    }

    proptest! {
        #[test]
        fn no_line_is_too_strange(line in "\\PC{0,80}", head in "(\\{\"level\":|level=|E1122 2|\\[|20)?") {
            let _ = Level::of(&format!("{head}{line}"));
        }
    }
}
