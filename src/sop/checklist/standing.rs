//! How each item stands: from what verifiers found and what operators wrote down, as it
//! holds now. Nothing but a pass that still holds, a tick, a waiver or "not applicable"
//! settles an item.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::evidence::{Evidence, Found, Inputs};
use super::{Checklist, Gate, Item, MayWaive, Verifier};
use crate::sop::moment::{Moment, rounded};
use crate::sop::note::{Note, Noted};
use crate::sop::operation::Action;
use crate::sop::record::{OperationResult, Record};

/// How an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Pass,
    Fail,
    /// It could not be found out, or nobody looked yet.
    Unknown,
    Running,
    /// An operator has to say so.
    Manual,
    /// It was so once: too long ago, or of another release.
    Stale,
    Waived,
    NotApplicable,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Fail,
        Self::Unknown,
        Self::Running,
        Self::Manual,
        Self::Stale,
        Self::Waived,
        Self::NotApplicable,
    ];

    /// The word on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Running => "running",
            Self::Manual => "manual",
            Self::Stale => "stale",
            Self::Waived => "waived",
            Self::NotApplicable => "n/a",
        }
    }

    /// Whether it holds nothing up.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Pass | Self::Waived | Self::NotApplicable)
    }
}

/// One item as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub state: State,
    /// What was seen or said, or why nothing was.
    pub words: String,
    /// Where it was seen.
    pub from: Option<String>,
    pub at: Option<Timestamp>,
    /// Who said it, as `user@host`.
    pub by: Option<String>,
    /// How long it still holds.
    pub left: Option<Duration>,
}

/// What holds an action up: carried to where the checklist is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub gates: Vec<Gate>,
    pub words: String,
    pub overridable: bool,
}

/// What is known of one item.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    pub evidence: Option<&'a Evidence>,
    /// A verifier is at it.
    pub running: bool,
    /// What an operator last said of it in this release.
    pub mark: Option<&'a Note>,
}

/// How an item stands now.
#[must_use]
pub fn stand(item: &Item, known: Known<'_>, release: &Inputs, now: Moment) -> Standing {
    let marked = known.mark.and_then(|note| marked(item, note, release, now));
    let found = found(item, known, release, now);
    match marked {
        // What was let go is let go, whatever is seen.
        Some(marked) if matches!(marked.state, State::Waived | State::NotApplicable) => marked,
        // What was seen to fail nobody can tick; what was seen to pass needs nobody.
        Some(_) if matches!(found.state, State::Pass | State::Fail) => found,
        Some(marked) => marked,
        None => found,
    }
}

/// What an operator's note makes of it; `None` where it makes nothing.
fn marked(item: &Item, note: &Note, release: &Inputs, now: Moment) -> Option<Standing> {
    let (state, words, of) = match &note.what {
        Noted::Ticked { words, of, .. } if item.takes_ticks() => (State::Pass, words.clone(), of),
        Noted::Waived { reason, of, .. } if item.may_waive != MayWaive::Nobody => {
            (State::Waived, reason.clone(), of)
        }
        Noted::NotApplicable { reason, of, .. } if item.if_necessary => {
            (State::NotApplicable, reason.clone(), of)
        }
        _ => return None,
    };
    let (at, age) = (note.at, now.since_wall(note.at));
    let by = Some(note.author().to_owned());
    let words = if words.is_empty() { "said by hand".to_owned() } else { words };
    let said = Standing { state, words, from: None, at: Some(at), by, left: None };
    Some(as_it_holds(item, said, of, age, release))
}

/// What verifiers make of it.
fn found(item: &Item, known: Known<'_>, release: &Inputs, now: Moment) -> Standing {
    let nothing = |state, words: &str| Standing {
        state,
        words: words.to_owned(),
        from: None,
        at: None,
        by: None,
        left: None,
    };
    let Some(evidence) = known.evidence else {
        return match &item.verifier {
            Verifier::Manual => nothing(State::Manual, "an operator has to say so"),
            _ if known.running => nothing(State::Running, "being looked at"),
            _ => nothing(State::Unknown, "not looked at yet"),
        };
    };
    let seen = Standing {
        state: match evidence.found {
            Found::Pass => State::Pass,
            Found::Fail => State::Fail,
            Found::Unknown => State::Unknown,
        },
        words: evidence.seen.clone(),
        from: Some(evidence.from.clone()),
        at: Some(evidence.at.wall),
        by: None,
        left: None,
    };
    let holding = as_it_holds(item, seen, &evidence.of, now.since(evidence.at), release);
    if holding.state == State::Stale && known.running {
        return Standing { state: State::Running, ..holding };
    }
    holding
}

/// Stale where it is of another release or too old.
fn as_it_holds(item: &Item, said: Standing, of: &Inputs, age: Duration, release: &Inputs) -> Standing {
    if let Some(input) = of.changed(release, &item.depends) {
        let words = format!("the {} changed since: {}", input.word(), said.words);
        return Standing { state: State::Stale, words, ..said };
    }
    let Some(holds) = item.holds else { return said };
    match holds.checked_sub(age) {
        Some(left) if !left.is_zero() => Standing { left: Some(left), ..said },
        _ => {
            let words = format!("{} old, holds {}: {}", rounded(age), rounded(holds), said.words);
            Standing { state: State::Stale, words, ..said }
        }
    }
}

/// Since when what operators say is about this release: since the last one was closed,
/// taken back, or left behind by the next deploy.
#[must_use]
pub fn began(record: &Record) -> Timestamp {
    let mut began = Timestamp::MIN;
    let mut out = false;
    for operation in &record.operations {
        let applied = operation.outcome.as_ref().filter(|outcome| {
            matches!(outcome.result, OperationResult::Verified | OperationResult::AppliedNotVerified)
        });
        match (&operation.action, applied) {
            (Action::Switch { .. }, Some(_)) => out = true,
            (Action::Close | Action::Rollback { .. }, Some(outcome)) => (began, out) = (outcome.at, false),
            (Action::Deploy { .. }, _) if out => (began, out) = (operation.at, false),
            _ => {}
        }
    }
    began
}

/// What was last said of an item in this release.
#[must_use]
pub fn mark<'n>(notes: &'n [Note], id: &str, began: Timestamp) -> Option<&'n Note> {
    notes.iter().rev().find(|note| note.at > began && note.what.item() == Some(id))
}

/// How many items of a group are settled, and how many there are.
#[must_use]
pub fn count(checklist: &Checklist, standings: &[Standing], group: &str) -> (usize, usize) {
    let of_group = checklist.items.iter().zip(standings).filter(|(item, _)| item.group == group);
    of_group.fold((0, 0), |(settled, all), (_, standing)| {
        (settled + usize::from(standing.state.is_settled()), all + 1)
    })
}

/// What holds actions up, in the checklist's order.
#[must_use]
pub fn held(checklist: &Checklist, standings: &[Standing]) -> Vec<Held> {
    let open = checklist.items.iter().zip(standings);
    open.filter(|(item, standing)| !item.blocks.is_empty() && !standing.state.is_settled())
        .map(|(item, standing)| Held {
            gates: item.blocks.clone(),
            words: format!(
                "{} ({}): {}",
                item.words.say(checklist.language),
                standing.state.word(),
                standing.words
            ),
            overridable: item.overridable,
        })
        .collect()
}
