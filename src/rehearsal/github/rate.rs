//! How much each caller may still ask: 5,000 requests an hour.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::engine::after;

/// Requests an hour.
const LIMIT: u64 = 5000;
/// What they are counted over.
const WINDOW: Duration = Duration::from_secs(3600);

/// What is left of everybody's requests.
#[derive(Debug, Default)]
pub struct Rates(Mutex<BTreeMap<&'static str, Rate>>);

/// What is left of one caller's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub limit: u64,
    pub used: u64,
    /// When all are there again.
    pub reset: Timestamp,
}

impl Rate {
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

impl Rates {
    /// Counts one request, or none; what is left then.
    pub fn count(&self, login: &'static str, requests: u64, now: Timestamp) -> Rate {
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = rates.entry(login).or_insert(Rate { limit: LIMIT, used: 0, reset: after(now, WINDOW) });
        if rate.reset <= now {
            *rate = Rate { limit: LIMIT, used: 0, reset: after(now, WINDOW) };
        }
        rate.used = (rate.used + requests).min(rate.limit + 1);
        *rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_later_all_are_there_again() {
        let (rates, begin) = (Rates::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(rates.count("ops1", 1, begin).remaining(), LIMIT - 1);
        assert_eq!(rates.count("ops1", LIMIT, begin).remaining(), 0);
        assert_eq!(rates.count("viewer", 0, begin).remaining(), LIMIT, "each has their own");
        assert_eq!(rates.count("ops1", 1, after(begin, WINDOW)).remaining(), LIMIT - 1);
    }
}
