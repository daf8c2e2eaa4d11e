//! The verdict of one signal: what its samples say together.

use jiff::Timestamp;

use super::Verdict;
use super::grade::{Context, Grade, Graded, grade};
use crate::sop::moment::rounded;
use crate::sop::signal::{History, Sample, Signal};

/// The verdict of one signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub verdict: Verdict,
    /// `error rate 6.2 % > 5 % for 3 of 3 samples, 1,240 requests`.
    pub words: String,
    /// The newest value, where it is one.
    pub value: Option<f64>,
    /// Bad samples in a row; what said nothing between them does not end the row.
    pub bad_in_a_row: u32,
    /// Samples in a row that were not bad and said something.
    pub calm_in_a_row: u32,
    /// Good samples in a row.
    pub good_in_a_row: u32,
    /// The time of the first sample of the row of bad ones, else of good ones.
    pub since: Option<Timestamp>,
}

impl Judged {
    fn of(verdict: Verdict, words: String) -> Self {
        Self { verdict, words, value: None, bad_in_a_row: 0, calm_in_a_row: 0, good_in_a_row: 0, since: None }
    }
}

/// Judges a signal by its samples since the switch.
///
/// K bad samples in a row fail, a total outage at once; K good ones in a row pass. A
/// sample that says nothing takes a pass away at once, and gives nobody one.
#[must_use]
pub fn judge(signal: &Signal, history: &History, context: &Context) -> Judged {
    let name = &signal.words;
    let Some((arrived, newest)) = history.newest() else {
        return Judged::of(Verdict::NoData, format!("{name}: not measured yet"));
    };
    let age = context.now.since(*arrived).max(context.now.since_wall(newest.at));
    let graded: Vec<(&Sample, Graded)> = history
        .samples()
        .take_while(|sample| context.switched.is_none_or(|switched| sample.at > switched))
        .map(|sample| (sample, grade(signal, sample, history, context)))
        .collect();
    let mut judged = verdict(signal, &graded);
    judged.value = newest.reading.number();
    if age > signal.stale_after {
        judged.verdict = Verdict::Stale;
        judged.words = format!("{name}: last measured {} ago", rounded(age));
    }
    judged
}

fn verdict(signal: &Signal, graded: &[(&Sample, Graded)]) -> Judged {
    let name = &signal.words;
    let needed = signal.consecutive.max(1);
    let Some((sample, newest)) = graded.first() else {
        return Judged::of(Verdict::NoData, format!("{name}: not measured since the switch yet"));
    };
    let bad: Vec<Timestamp> = row(graded, |grade| grade.is_bad(), |grade| grade == Grade::Nothing);
    let calm = row(graded, |grade| matches!(grade, Grade::Good | Grade::Warn), |_| false);
    let good = row(graded, |grade| grade == Grade::Good, |_| false);
    let count = |row: &[Timestamp]| u32::try_from(row.len()).unwrap_or(u32::MAX);
    let (bad_in_a_row, calm_in_a_row, good_in_a_row) = (count(&bad), count(&calm), count(&good));
    let said = format!("{name} {}", newest.words);
    let (verdict, words) = match newest.grade {
        Grade::Nothing => (Verdict::NoData, format!("{name}: {}", newest.words)),
        Grade::Outage => (Verdict::Fail, format!("{said}{}", newest.volume)),
        Grade::Bad if bad_in_a_row >= needed => {
            let words = format!("{said} for {needed} of {needed} samples{}", newest.volume);
            (Verdict::Fail, words)
        }
        Grade::Bad => {
            let words = format!("{said}, {bad_in_a_row} of {needed} samples so far{}", newest.volume);
            (Verdict::Warn, words)
        }
        Grade::Warn => (Verdict::Warn, format!("{said}{}", newest.volume)),
        Grade::Good if good_in_a_row >= needed => (Verdict::Pass, format!("{said}{}", newest.volume)),
        Grade::Good => {
            (settling(graded, needed), format!("{said}, {good_in_a_row} of {needed} good samples so far"))
        }
    };
    let first = if bad.is_empty() { good.last() } else { bad.last() };
    Judged {
        verdict,
        words,
        value: sample.reading.number(),
        bad_in_a_row,
        calm_in_a_row,
        good_in_a_row,
        since: first.copied(),
    }
}

/// Good by its newest sample, but not for long enough: a warning when what came before
/// was measured, else not known yet.
fn settling(graded: &[(&Sample, Graded)], needed: u32) -> Verdict {
    let recent = graded.iter().take(usize::try_from(needed).unwrap_or(usize::MAX));
    let measured = recent.filter(|(_, graded)| graded.grade != Grade::Nothing).count();
    if measured >= usize::try_from(needed).unwrap_or(usize::MAX) { Verdict::Warn } else { Verdict::NoData }
}

/// The times of the newest samples of a kind, up to the first of another; some are
/// passed over.
fn row(
    graded: &[(&Sample, Graded)],
    counts: impl Fn(Grade) -> bool,
    passed_over: impl Fn(Grade) -> bool,
) -> Vec<Timestamp> {
    graded
        .iter()
        .filter(|(_, graded)| !passed_over(graded.grade))
        .take_while(|(_, graded)| counts(graded.grade))
        .map(|(sample, _)| sample.at)
        .collect()
}
