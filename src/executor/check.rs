//! What an answer must be to pass a check. Pure.

use std::time::Duration;

use crate::config::{AnswerPart, Expect, HttpCheck, Must, VersionSource};
use crate::sop::verification::CheckOutcome;
use crate::sources::text::clean;

/// Longest piece of an answer that is quoted, in characters.
const QUOTED: usize = 80;

/// An answer, read as far as its bound.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub latency: Duration,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let is_it = |known: &&(String, String)| known.0.eq_ignore_ascii_case(name);
        self.headers.iter().find(is_it).map(|(_, value)| value.as_str())
    }

    fn at_pointer(&self, pointer: &str) -> Result<String, String> {
        let body: serde_json::Value =
            serde_json::from_slice(&self.body).map_err(|_| "the body is not JSON".to_owned())?;
        let value = body.pointer(pointer).ok_or_else(|| format!("there is nothing at {pointer}"))?;
        Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    fn part(&self, part: &AnswerPart) -> Result<String, String> {
        match part {
            AnswerPart::Header(name) => {
                self.header(name).map(str::to_owned).ok_or_else(|| format!("there is no header {name}"))
            }
            AnswerPart::JsonPointer(pointer) => self.at_pointer(pointer),
            AnswerPart::Body => Ok(String::from_utf8_lossy(&self.body).trim_end().to_owned()),
        }
    }
}

/// Whether an answer passes a check. `version` is the release's, where its image names one.
pub(super) fn judge(
    check: &HttpCheck,
    answer: &Answer,
    version: Option<&str>,
    source: &VersionSource,
) -> CheckOutcome {
    if answer.status != check.status {
        return CheckOutcome::Fail(format!("status {} instead of {}", answer.status, check.status));
    }
    for expect in &check.expect {
        if let Err(why) = expected(expect, answer) {
            return CheckOutcome::Fail(why);
        }
    }
    if check.version {
        let Some(version) = version else {
            return CheckOutcome::Unknown("the image names no version to compare with".into());
        };
        let said = match source {
            VersionSource::Header(name) => answer.part(&AnswerPart::Header(name.clone())),
            VersionSource::JsonPointer(pointer) => answer.at_pointer(pointer),
        };
        match said {
            Err(why) => return CheckOutcome::Fail(format!("the answer does not say its version: {why}")),
            Ok(said) if said != version => {
                return CheckOutcome::Fail(format!("version {} instead of {version}", quoted(&said)));
            }
            Ok(_) => {}
        }
    }
    match check.max_latency {
        Some(limit) if answer.latency > limit => CheckOutcome::Fail(format!(
            "{} ms, slower than {} ms",
            answer.latency.as_millis(),
            limit.as_millis()
        )),
        _ => CheckOutcome::Pass,
    }
}

fn expected(expect: &Expect, answer: &Answer) -> Result<(), String> {
    let found = answer.part(&expect.part)?;
    let name = match &expect.part {
        AnswerPart::Header(name) => format!("header {name}"),
        AnswerPart::JsonPointer(pointer) => pointer.clone(),
        AnswerPart::Body => "the body".to_owned(),
    };
    match &expect.must {
        Must::Equal(wanted) if found != *wanted => {
            Err(format!("{name} is {}, not {}", quoted(&found), quoted(wanted)))
        }
        Must::Match(pattern) if !pattern.is_match(&found) => {
            Err(format!("{name} is {}, which does not match {pattern}", quoted(&found)))
        }
        _ => Ok(()),
    }
}

/// A piece of an answer as it can be shown.
fn quoted(text: &str) -> String {
    let text = clean(text);
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("`{}…`", text.get(..end).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        Answer {
            status: 200,
            headers: vec![("x-version".into(), "v2".into())],
            body: br#"{"status":"ok","n":3,"version":"v2"}"#.to_vec(),
            latency: Duration::from_millis(40),
        }
    }

    fn check() -> HttpCheck {
        HttpCheck {
            path: "/health".into(),
            status: 200,
            expect: Vec::new(),
            max_latency: Some(Duration::from_millis(50)),
            only_version: None,
            version: true,
        }
    }

    fn verdict(check: &HttpCheck, answer: &Answer) -> CheckOutcome {
        judge(check, answer, Some("v2"), &VersionSource::Header("X-Version".into()))
    }

    fn expecting(part: AnswerPart, must: Must) -> HttpCheck {
        HttpCheck { expect: vec![Expect { part, must }], ..check() }
    }

    #[test]
    fn every_condition_counts() {
        assert_eq!(verdict(&check(), &answer()), CheckOutcome::Pass);
        let cases = [
            Answer { status: 500, ..answer() },
            Answer { headers: Vec::new(), ..answer() },
            Answer { headers: vec![("x-version".into(), "v1".into())], ..answer() },
            Answer { latency: Duration::from_millis(51), ..answer() },
        ];
        for answer in cases {
            assert!(matches!(verdict(&check(), &answer), CheckOutcome::Fail(_)), "{answer:?}");
        }
    }

    #[test]
    fn a_version_that_is_not_known_is_not_a_pass() {
        let source = VersionSource::JsonPointer("/version".into());
        assert!(matches!(judge(&check(), &answer(), None, &source), CheckOutcome::Unknown(_)));
        assert_eq!(judge(&check(), &answer(), Some("v2"), &source), CheckOutcome::Pass);
    }

    #[test]
    fn parts_are_compared_or_matched() {
        let pointer = |path: &str| AnswerPart::JsonPointer(path.into());
        let passes = [
            expecting(pointer("/status"), Must::Equal("ok".into())),
            expecting(pointer("/n"), Must::Equal("3".into())),
            expecting(AnswerPart::Header("X-VERSION".into()), Must::Match(regex::Regex::new("^v").unwrap())),
            expecting(AnswerPart::Body, Must::Match(regex::Regex::new("\"ok\"").unwrap())),
        ];
        for check in passes {
            assert_eq!(verdict(&check, &answer()), CheckOutcome::Pass, "{check:?}");
        }
        let fails = [
            expecting(pointer("/status"), Must::Equal("down".into())),
            expecting(pointer("/missing"), Must::Equal("x".into())),
            expecting(AnswerPart::Header("None".into()), Must::Equal("x".into())),
        ];
        for check in fails {
            assert!(matches!(verdict(&check, &answer()), CheckOutcome::Fail(_)), "{check:?}");
        }
        let binary = Answer { body: vec![0xff, 0x1b, b'['], ..answer() };
        let CheckOutcome::Fail(why) = verdict(&expecting(AnswerPart::Body, Must::Equal("x".into())), &binary)
        else {
            panic!("passed");
        };
        assert!(!why.contains('\u{1b}'), "{why:?}");
    }
}
