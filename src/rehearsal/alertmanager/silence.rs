//! Silences: alerts that somebody does not want to hear of.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::{Holds, LabelMatcher};
use crate::rehearsal::prometheus::answer::rfc3339;
use crate::rehearsal::prometheus::series::Labels;

/// Most conditions of one silence.
const MOST_MATCHERS: usize = 20;

/// One silence. Times are in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Silence {
    pub(super) id: String,
    /// All of them must hold.
    pub(super) matchers: Vec<LabelMatcher>,
    pub(super) starts: i64,
    pub(super) ends: i64,
    pub(super) updated: i64,
    pub(super) created_by: String,
    pub(super) comment: String,
}

/// A silence as it is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    #[serde(default)]
    pub(super) id: Option<String>,
    matchers: Vec<WantedMatcher>,
    starts_at: jiff::Timestamp,
    ends_at: jiff::Timestamp,
    created_by: String,
    comment: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WantedMatcher {
    name: String,
    value: String,
    is_regex: bool,
    #[serde(default = "yes")]
    is_equal: bool,
}

const fn yes() -> bool {
    true
}

/// The condition that a label has a value.
pub(super) fn equal(label: &str, value: &str) -> LabelMatcher {
    let text = format!("{label}=\"{value}\"");
    LabelMatcher { text, label: label.to_owned(), holds: Holds::Equal(value.to_owned()) }
}

impl Silence {
    /// A silence of that id, made at `now`.
    ///
    /// # Errors
    /// When it cannot be had, in words.
    pub(super) fn new(id: String, wanted: Wanted, now: i64) -> Result<Self, String> {
        let (starts, ends) = (wanted.starts_at.as_millisecond().max(now), wanted.ends_at.as_millisecond());
        if ends <= starts {
            return Err("end time must be after start time, and in the future".into());
        }
        if wanted.matchers.is_empty() || wanted.matchers.len() > MOST_MATCHERS {
            return Err(format!("expected 1 to {MOST_MATCHERS} matchers"));
        }
        let matchers = wanted.matchers.iter().map(WantedMatcher::read).collect::<Result<_, _>>()?;
        let Wanted { created_by, comment, .. } = wanted;
        Ok(Self { id, matchers, starts, ends, updated: now, created_by, comment })
    }

    pub(super) const fn is_active(&self, now: i64) -> bool {
        self.starts <= now && now < self.ends
    }

    /// Whether it is for an alert of those labels.
    pub(super) fn holds(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.holds(labels.get(&matcher.label)))
    }

    pub(super) fn json(&self, now: i64) -> Value {
        let state = match now {
            now if now < self.starts => "pending",
            now if now < self.ends => "active",
            _ => "expired",
        };
        json!({
            "id": self.id, "status": {"state": state}, "comment": self.comment, "createdBy": self.created_by,
            "startsAt": rfc3339(self.starts), "endsAt": rfc3339(self.ends), "updatedAt": rfc3339(self.updated),
            "matchers": self.matchers.iter().map(shown).collect::<Vec<_>>(),
        })
    }
}

impl WantedMatcher {
    fn read(&self) -> Result<LabelMatcher, String> {
        let operator = match (self.is_regex, self.is_equal) {
            (false, true) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (true, false) => "!~",
        };
        LabelMatcher::parse(&format!("{}{operator}\"{}\"", self.name, self.value))
    }
}

fn shown(matcher: &LabelMatcher) -> Value {
    let (is_regex, is_equal) = match matcher.holds {
        Holds::Equal(_) => (false, true),
        Holds::NotEqual(_) => (false, false),
        Holds::Match(_) => (true, true),
        Holds::NoMatch(_) => (true, false),
    };
    // The text is the label, the operator and the value in quotes.
    let value = matcher.text.split_once('"').map_or("", |(_, value)| value.trim_end_matches('"'));
    json!({"name": matcher.label, "value": value, "isRegex": is_regex, "isEqual": is_equal})
}
