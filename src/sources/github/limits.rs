//! What GitHub lets us ask: the hour's requests, and pauses that it wants
//! (docs.github.com/rest, "Rate limits for the REST API").

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use crate::sop::repository::Rate;

/// The pause after a limit that does not say how long; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// Longer pauses are not made: the limit is asked again then.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
const LONGEST_GUESS: Duration = Duration::from_secs(15 * 60);

/// The state of both limits.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    rate: Option<Rate>,
    /// Nothing is asked before this time.
    rest_until: Option<Instant>,
    /// Limits in a row that did not say how long.
    guesses: u32,
}

impl Limits {
    /// What was last told of the hour's requests.
    pub(super) const fn rate(&self) -> Option<Rate> {
        self.rate
    }

    /// How long nothing should be asked.
    pub(super) fn rest(&self) -> Option<Duration> {
        let left = self.rest_until?.checked_duration_since(Instant::now())?;
        (!left.is_zero()).then_some(left)
    }

    /// Takes in an answer's headers. `Some`: it is a limit, and asks for this pause.
    pub(super) fn heard(&mut self, status: StatusCode, headers: &HeaderMap, body: &str) -> Option<Duration> {
        if let Some(rate) = rate(headers) {
            self.rate = Some(rate);
        }
        if !is_limit(status, headers, body) {
            if status.is_success() || status == StatusCode::NOT_MODIFIED {
                self.guesses = 0;
            }
            return None;
        }
        let told = told_pause(headers);
        let pause = told.unwrap_or_else(|| self.guess()).min(LONGEST_PAUSE);
        self.rest_until = Some(Instant::now() + pause);
        Some(pause)
    }

    fn guess(&mut self) -> Duration {
        let pause = FIRST_PAUSE * 2_u32.pow(self.guesses.min(4));
        self.guesses += 1;
        pause.min(LONGEST_GUESS)
    }
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The hour's requests; other resources (search, code scanning) have budgets of their own.
fn rate(headers: &HeaderMap) -> Option<Rate> {
    let resource = headers.get("x-ratelimit-resource").and_then(|name| name.to_str().ok());
    if resource.is_some_and(|name| name != "core") {
        return None;
    }
    let resets =
        number(headers, "x-ratelimit-reset").and_then(|seconds| Timestamp::from_second(seconds).ok());
    Some(Rate {
        limit: number(headers, "x-ratelimit-limit")?,
        left: number(headers, "x-ratelimit-remaining")?,
        resets,
    })
}

/// A 403 is a limit only where it says so; most are about rights.
fn is_limit(status: StatusCode, headers: &HeaderMap, body: &str) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::FORBIDDEN => {
            headers.contains_key(RETRY_AFTER)
                || number::<u32>(headers, "x-ratelimit-remaining") == Some(0)
                || body.to_ascii_lowercase().contains("rate limit")
        }
        _ => false,
    }
}

/// `retry-after`, else the end of the hour when its requests are used up; by GitHub's own
/// clock, for this machine's may be wrong.
fn told_pause(headers: &HeaderMap) -> Option<Duration> {
    if let Some(seconds) = number(headers, RETRY_AFTER.as_str()) {
        return Some(Duration::from_secs(seconds));
    }
    if number::<u32>(headers, "x-ratelimit-remaining") != Some(0) {
        return None;
    }
    let resets = Timestamp::from_second(number(headers, "x-ratelimit-reset")?).ok()?;
    let date = headers.get(DATE)?.to_str().ok()?;
    let now = jiff::fmt::rfc2822::parse(date).ok()?.timestamp();
    // A second more: the hour ends at some time within the one that is named.
    Duration::try_from(resets.duration_since(now)).ok().map(|left| left + Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| {
                (reqwest::header::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_as_long_as_is_told_and_grows_where_nothing_is() {
        let secs = Duration::from_secs;
        let used_up = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "1090"),
            ("date", "Thu, 01 Jan 1970 00:16:40 GMT"),
        ];
        type Row<'a> = (u16, &'a [(&'static str, &'static str)], &'static str, Option<Duration>);
        let rows: [Row<'_>; 8] = [
            (
                403,
                &[("retry-after", "7"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "9000")],
                "",
                Some(secs(7)),
            ),
            (403, &used_up, "", Some(secs(91))),
            (429, &[], "", Some(secs(60))),
            (403, &[], "You have exceeded a secondary rate limit", Some(secs(120))),
            (429, &[("retry-after", "999999999")], "", Some(LONGEST_PAUSE)),
            (429, &[("retry-after", "soon")], "", Some(secs(240))),
            (403, &[("x-ratelimit-remaining", "4999")], "Resource not accessible by integration", None),
            (200, &used_up, "", None),
        ];
        let mut limits = Limits::default();
        for (status, given, body, pause) in rows {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(limits.heard(status, &headers(given), body), pause, "{status} {given:?} {body}");
        }
        assert_eq!(limits.guesses, 0, "an answer ends the growing");
        assert_eq!(limits.rest(), Some(secs(240)));
        tokio::time::advance(secs(241)).await;
        assert_eq!(limits.rest(), None);
    }

    #[test]
    fn what_is_left_of_the_hour_is_that_of_the_core_api() {
        let mut limits = Limits::default();
        let told =
            [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4321"), ("x-ratelimit-reset", "1090")];
        limits.heard(StatusCode::OK, &headers(&told), "");
        let rate = Rate { limit: 5000, left: 4321, resets: Timestamp::from_second(1090).ok() };
        assert_eq!(limits.rate(), Some(rate));
        let other =
            [("x-ratelimit-limit", "30"), ("x-ratelimit-remaining", "1"), ("x-ratelimit-resource", "search")];
        limits.heard(StatusCode::OK, &headers(&other), "");
        assert_eq!(limits.rate(), Some(rate));
    }
}
