//! What operators write down for all of them, about the checklist and during a watch: kept
//! in the shared record in the order in which it was written.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::checklist::evidence::Inputs;
use super::command::Operator;
use super::record::Switched;

/// How far two operators' clocks may be apart for a note to count as written after
/// something that was measured.
const CLOCKS_APART: jiff::SignedDuration = jiff::SignedDuration::from_secs(15);

/// One note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub at: Timestamp,
    /// Identity of the session that wrote it (user@host/session).
    pub by: String,
    #[serde(flatten)]
    pub what: Noted,
}

/// What a note says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
pub enum Noted {
    /// The watch goes on for longer.
    Extended { seconds: u64, reason: String },
    /// The watch is over, whatever the timer and the signals say.
    Ended { reason: String },
    /// Somebody found a critical bug (sop.md: a reason to roll back).
    Bug { words: String },
    /// In so many seconds the one in command rolls back, for these reasons.
    Countdown { seconds: u64, reasons: String },
    /// Not to be rolled back for what was raised so far.
    Stopped { reason: String },
    /// The countdown ended by itself: what it was for went away, or command was lost.
    CalledOff { reason: String },
    /// After a rollback: so long it took until things were back to normal.
    Stable { millis: u64 },
    /// An item of the checklist is so, as an operator says; `of`: for this state of the release.
    Ticked {
        item: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        words: String,
        #[serde(default, skip_serializing_if = "Inputs::is_empty")]
        of: Inputs,
    },
    /// What was said of an item is taken back.
    Unticked { item: String },
    /// An item is let go.
    Waived {
        item: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Inputs::is_empty")]
        of: Inputs,
    },
    /// An item that is there "if necessary" is not.
    NotApplicable {
        item: String,
        reason: String,
        #[serde(default, skip_serializing_if = "Inputs::is_empty")]
        of: Inputs,
    },
    /// Written by a later version of this program.
    #[serde(other)]
    Unknown,
}

impl Noted {
    /// The checklist's item that it is about.
    #[must_use]
    pub fn item(&self) -> Option<&str> {
        match self {
            Self::Ticked { item, .. }
            | Self::Unticked { item }
            | Self::Waived { item, .. }
            | Self::NotApplicable { item, .. } => Some(item),
            _ => None,
        }
    }
}

impl Note {
    /// Who wrote it, for people: `user@host`.
    #[must_use]
    pub fn author(&self) -> &str {
        Operator::shown(&self.by)
    }

    /// Whether it was written at or after a time on another clock.
    #[must_use]
    pub fn is_after(&self, at: Timestamp) -> bool {
        self.at.saturating_add(CLOCKS_APART).unwrap_or(Timestamp::MAX) >= at
    }

    /// What it says, in one line.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.what {
            Noted::Extended { seconds, reason } => {
                format!("extended the watch by {} min: {reason}", seconds.div_ceil(60))
            }
            Noted::Ended { reason } => format!("ended the watch: {reason}"),
            Noted::Bug { words } => format!("critical bug: {words}"),
            Noted::Countdown { seconds, reasons } => format!("automatic rollback in {seconds} s: {reasons}"),
            Noted::Stopped { reason } => format!("no rollback: {reason}"),
            Noted::CalledOff { reason } => format!("automatic rollback called off: {reason}"),
            Noted::Stable { millis } => {
                format!("stable again after {}", spoken(Duration::from_millis(*millis)))
            }
            Noted::Ticked { item, words, .. } if words.is_empty() => format!("ticked {item}"),
            Noted::Ticked { item, words, .. } => format!("ticked {item}: {words}"),
            Noted::Unticked { item } => format!("took back what was said of {item}"),
            Noted::Waived { item, reason, .. } => format!("waived {item}: {reason}"),
            Noted::NotApplicable { item, reason, .. } => format!("{item} does not apply: {reason}"),
            Noted::Unknown => "a note of a later version of this program".to_owned(),
        }
    }
}

/// How long something took, as it is announced: `2 min 10 s`.
#[must_use]
pub fn spoken(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// The notes that belong to the last move of the traffic.
pub fn since<'n>(notes: &'n [Note], switched: Option<&Switched>) -> impl Iterator<Item = &'n Note> + use<'n> {
    let from = switched.map_or(Timestamp::MAX, |switched| switched.at);
    notes.iter().filter(move |note| note.at >= from)
}

/// A countdown that runs somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running<'n> {
    pub by: &'n str,
    pub at: Timestamp,
    pub ends: Timestamp,
    pub reasons: &'n str,
}

/// The countdown that was announced last and neither stopped nor called off since.
#[must_use]
pub fn countdown<'n>(notes: impl IntoIterator<Item = &'n Note>) -> Option<Running<'n>> {
    notes.into_iter().fold(None, |running, note| match &note.what {
        Noted::Countdown { seconds, reasons } => {
            let ends = note.at.saturating_add(Duration::from_secs(*seconds)).unwrap_or(Timestamp::MAX);
            Some(Running { by: &note.by, at: note.at, ends, reasons })
        }
        Noted::Stopped { .. } | Noted::CalledOff { .. } | Noted::Stable { .. } => None,
        _ => running,
    })
}

/// The note that stopped the countdown announced at `at`, if one did.
#[must_use]
pub fn stopped(notes: &[Note], at: Timestamp) -> Option<&Note> {
    let announced = |note: &Note| note.at == at && matches!(note.what, Noted::Countdown { .. });
    let place = notes.iter().position(announced)?;
    notes[place..].iter().find(|note| matches!(note.what, Noted::Stopped { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(second: i64, what: Noted) -> Note {
        Note { at: Timestamp::from_second(second).unwrap(), by: "ops1@b/s".into(), what }
    }

    #[test]
    fn a_countdown_runs_until_it_is_stopped() {
        let announced = note(10, Noted::Countdown { seconds: 30, reasons: "error rate 12 %".into() });
        let mut notes = vec![announced.clone()];
        assert_eq!(countdown(&notes).unwrap().ends.as_second(), 40);
        assert_eq!(stopped(&notes, announced.at), None);
        // The colleague's clock is behind: the order of writing counts.
        notes.push(note(7, Noted::Stopped { reason: "known".into() }));
        assert_eq!(countdown(&notes), None);
        assert_eq!(stopped(&notes, announced.at).unwrap().words(), "no rollback: known");
        notes.push(note(50, Noted::Countdown { seconds: 30, reasons: "again".into() }));
        assert_eq!(countdown(&notes).unwrap().reasons, "again");
        assert_eq!(stopped(&notes, notes[2].at), None);
    }

    #[test]
    fn notes_are_plain_json_and_later_kinds_do_no_harm() {
        let extended = note(0, Noted::Extended { seconds: 600, reason: "batch".into() });
        let text = serde_json::to_string(&extended).unwrap();
        let plain = r#"{"at":"1970-01-01T00:00:00Z","by":"ops1@b/s","note":"extended","seconds":600,"reason":"batch"}"#;
        assert_eq!(text, plain);
        assert_eq!(serde_json::from_str::<Note>(&text).unwrap(), extended);
        let later = r#"{"at":"1970-01-01T00:00:00Z","by":"x","note":"sung","song":1}"#;
        assert_eq!(serde_json::from_str::<Note>(later).unwrap().what, Noted::Unknown);
        assert_eq!(spoken(Duration::from_secs(130)), "2 min 10 s");
    }
}
