//! Kinds of error that the logs had not had before the switch.

use std::time::Duration;

use jiff::Timestamp;

/// Lines that a new kind of error needs to count: one is an accident.
const FEWEST: u64 = 3;
/// A kind that has been quiet for so large a part of the watch counts no more.
const QUIET: u32 = 6;

/// One kind of error of the new version, first seen after the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewError {
    /// Its shape: what its lines have in common.
    pub shape: String,
    pub lines: u64,
    pub last: Timestamp,
}

/// What is to be said of them; `None` when there is nothing. It warns and never fails:
/// what is new in a log need not be bad. That nothing is new is no pass either, for
/// nobody knows whether anything was read.
#[must_use]
pub fn new_errors(kinds: &[NewError], now: Timestamp, watch: Duration) -> Option<String> {
    let lately = |last: Timestamp| now.duration_since(last).unsigned_abs() <= watch / QUIET || last > now;
    let mut loud: Vec<&NewError> =
        kinds.iter().filter(|kind| kind.lines >= FEWEST && lately(kind.last)).collect();
    loud.sort_by_key(|kind| std::cmp::Reverse(kind.lines));
    let most = loud.first()?;
    let kinds = if loud.len() == 1 { "kind" } else { "kinds" };
    let lines: u64 = loud.iter().map(|kind| kind.lines).sum();
    Some(format!("errors: {} new {kinds} since the switch, {lines} lines: {}", loud.len(), most.shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_loud_and_recent_warns() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let kind = |shape: &str, lines, last| NewError { shape: shape.into(), lines, last: at(last) };
        let watch = Duration::from_secs(1_800);
        let said = |kinds: &[NewError]| new_errors(kinds, at(1_000), watch);
        assert_eq!(said(&[]), None);
        assert_eq!(said(&[kind("Timeout", 2, 1_000)]), None, "too few");
        assert_eq!(said(&[kind("Timeout", 9, 699)]), None, "quiet for five minutes");
        let both = [kind("Timeout", 3, 700), kind("KeyError <n>", 11, 999), kind("rare", 1, 999)];
        let words = "errors: 2 new kinds since the switch, 14 lines: KeyError <n>";
        assert_eq!(said(&both).as_deref(), Some(words));
        assert!(said(&[kind("Timeout", 3, 1_200)]).is_some(), "the pod's clock is ahead");
    }
}
