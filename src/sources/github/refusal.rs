//! What GitHub's refusals mean, in the operator's words
//! (docs.github.com/rest, "Troubleshooting the REST API").

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use serde::Deserialize;

use crate::sources::http::spoken;
use crate::sources::text::clean;

/// Most of a refusal's single reasons that are told.
const MOST_REASONS: usize = 3;

/// The body of a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    message: Option<String>,
    errors: Vec<serde_json::Value>,
}

/// What a status that is no success means. `pause`: how long GitHub wants to be left
/// alone, where the refusal is about too many requests.
pub(super) fn words(status: StatusCode, headers: &HeaderMap, body: &[u8], pause: Option<Duration>) -> String {
    let told = told(body);
    let with = |words: String| match &told {
        Some(told) => format!("{words}: {told}"),
        None => words,
    };
    let code = status.as_u16();
    if let Some(pause) = pause {
        return limited(code, headers, pause);
    }
    match code {
        300..=399 => moved(code, headers),
        401 => with("GitHub does not accept the token (401): it is wrong, expired or revoked; check the token of [github]".to_owned()),
        403 => forbidden(headers, with("this token may not do that (403)".to_owned())),
        404 => "there is no such thing on GitHub, or this token may not see it (404): \
                check the repository and the token of [github]"
            .to_owned(),
        405 => with("GitHub does not allow that now (405)".to_owned()),
        409 => with("it changed meanwhile, or conflicts with what is there (409)".to_owned()),
        410 => with("GitHub no longer has it (410)".to_owned()),
        422 => with("GitHub refuses it as invalid (422)".to_owned()),
        451 => with("GitHub may not show it (451)".to_owned()),
        500..=599 => with(format!("GitHub, or something before it, failed ({code}): see www.githubstatus.com")),
        _ if is_page(headers) => page().to_owned(),
        _ => with(format!("GitHub refused ({code})")),
    }
}

/// An answer that is a page for people.
pub(super) fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/html"))
}

/// What such an answer means.
pub(super) const fn page() -> &'static str {
    "a web page answers in GitHub's place, likely a login page or a proxy: check the URL of [github]"
}

fn limited(code: u16, headers: &HeaderMap, pause: Duration) -> String {
    let left = headers.get("x-ratelimit-remaining").and_then(|left| left.to_str().ok());
    let what = match left {
        Some("0") => "this hour's requests are used up",
        _ => "GitHub asks for fewer requests",
    };
    format!("{what} ({code}): the next one in {}", spoken(pause))
}

/// GitHub sends renamed repositories on; nothing is followed, for a mutation must reach
/// what the screen names.
fn moved(code: u16, headers: &HeaderMap) -> String {
    let to = headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("?");
    let to = clean(to.split(['?', '#']).next().unwrap_or_default());
    format!("it moved to {to} ({code}): was the repository renamed? check [github]")
}

/// What is missing: a right, or the organisation's single sign-on.
fn forbidden(headers: &HeaderMap, words: String) -> String {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(clean);
    if let Some(sign_on) = header("x-github-sso") {
        let at = sign_on.split("url=").nth(1).map(|url| format!(" at {url}")).unwrap_or_default();
        return format!("the organisation wants this token authorised for its single sign-on{at} (403)");
    }
    let needed = header("x-accepted-github-permissions")
        .or_else(|| header("x-accepted-oauth-scopes"))
        .filter(|needed| !needed.trim().is_empty());
    match needed {
        Some(needed) => format!("{words}; it needs {needed}"),
        None => words,
    }
}

/// The reasons within a refusal: its message, and what it says of single fields.
fn told(body: &[u8]) -> Option<String> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let reasons = body.errors.iter().filter_map(reason).take(MOST_REASONS);
    let all: Vec<String> = body.message.iter().map(|message| clean(message.trim())).chain(reasons).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn reason(error: &serde_json::Value) -> Option<String> {
    let text = |key: &str| error.get(key).and_then(serde_json::Value::as_str);
    let words = match (error.as_str().or_else(|| text("message")), text("field"), text("code")) {
        (Some(message), _, _) => message.to_owned(),
        (None, Some(field), Some(code)) => format!("{field}: {}", code.replace('_', " ")),
        _ => return None,
    };
    Some(clean(&words))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn every_refusal_says_what_failed_and_what_to_do() {
        type Headers = &'static [(&'static str, &'static str)];
        let rows: [(u16, Headers, &str, &[&str]); 14] = [
            (401, &[], r#"{"message": "Bad credentials"}"#, &["401", "Bad credentials", "token of [github]"]),
            (
                403,
                &[],
                r#"{"message": "Resource not accessible by integration"}"#,
                &["may not do that (403)", "not accessible"],
            ),
            (403, &[("x-accepted-github-permissions", "actions=write")], "{}", &["it needs actions=write"]),
            (
                403,
                &[("x-github-sso", "required; url=https://github.com/orgs/t/sso?x=1")],
                "{}",
                &["single sign-on at https://github.com/orgs/t/sso"],
            ),
            (404, &[], "{}", &["may not see it (404)", "repository"]),
            (405, &[], r#"{"message": "Pull Request is not mergeable"}"#, &["405", "not mergeable"]),
            (409, &[], r#"{"message": "Head branch was modified."}"#, &["409", "Head branch was modified"]),
            (
                422,
                &[],
                r#"{"message": "Validation Failed", "errors": [{"resource": "PullRequest", "code": "custom", "message": "A pull request already exists"}]}"#,
                &["422", "Validation Failed; A pull request already exists"],
            ),
            (
                422,
                &[],
                r#"{"message": "Validation Failed", "errors": [{"field": "head", "code": "missing_field"}, "no more"]}"#,
                &["head: missing field; no more"],
            ),
            (422, &[], r#"{"errors": "not a list", "message": 5}"#, &["invalid (422)"]),
            (502, &[("content-type", "text/html")], "<html>", &["failed (502)", "githubstatus"]),
            (
                301,
                &[("location", "https://api.github.com/repositories/1?token=x")],
                "",
                &["moved to https://api.github.com/repositories/1 (301)"],
            ),
            (418, &[("content-type", "text/html; charset=utf-8")], "", &["login page or a proxy"]),
            (418, &[], "", &["refused (418)"]),
        ];
        for (code, headers, body, wanted) in rows {
            let headers: HeaderMap = headers
                .iter()
                .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
                .collect();
            let words = words(StatusCode::from_u16(code).unwrap(), &headers, body.as_bytes(), None);
            for part in wanted {
                assert!(words.contains(part), "{code}: `{part}` is not in `{words}`");
            }
            assert!(!words.contains("?x=1") || code == 403, "{words}");
        }
    }

    #[test]
    fn a_limit_says_which_and_when_to_go_on() {
        let mut headers = HeaderMap::new();
        let pause = Some(Duration::from_secs(60));
        let told = |headers: &HeaderMap| words(StatusCode::FORBIDDEN, headers, b"{}", pause);
        assert_eq!(told(&headers), "GitHub asks for fewer requests (403): the next one in 60 s");
        headers.insert("x-ratelimit-remaining", HeaderValue::from_static("0"));
        assert_eq!(told(&headers), "this hour's requests are used up (403): the next one in 60 s");
    }
}
