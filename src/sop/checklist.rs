//! The checklist before a deployment (sop.md, "Pre-deployment checklist"): data that a
//! team may change. Each item says how it is verified, how long what was seen holds, which
//! actions it blocks and who may waive it.

use std::time::Duration;

use jiff::civil::Weekday;
use regex::Regex;
use serde::{Deserialize, Serialize};

pub mod database;
pub mod evidence;
pub mod facts;
pub mod previous_version;
pub mod repository;
pub mod standing;
#[cfg(test)]
mod tests;

use super::window::Days;
use database::DatabaseRule;
use evidence::{Input, Inputs};

/// A checklist: its items, in groups, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Checklist {
    /// `production`.
    pub name: String,
    /// In which language its words are shown.
    pub language: Language,
    pub groups: Vec<Group>,
    pub items: Vec<Item>,
}

/// A heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: String,
    pub words: Words,
}

/// What is shown, in the procedure's two languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub en: String,
    pub fr: String,
}

/// The languages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    French,
}

/// One thing that has to be so.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub id: String,
    /// The id of its group.
    pub group: String,
    pub words: Words,
    pub verifier: Verifier,
    /// How long what was seen holds; `None`: until the release ends.
    pub holds: Option<Duration>,
    /// When one of these changes, what was seen before says nothing any more.
    pub depends: Vec<Input>,
    /// The actions that it blocks until it is settled.
    pub blocks: Vec<Gate>,
    pub may_waive: MayWaive,
    /// Whether an operator may say by hand what the verifier cannot find out. What it
    /// found to fail nobody can tick.
    pub may_confirm: bool,
    /// Whether the block may be overridden with a reason at the action itself.
    pub overridable: bool,
    /// The procedure's "if necessary": it may be said not to apply.
    pub if_necessary: bool,
    /// Whether it is there only where a database is configured.
    pub needs_database: bool,
}

/// The actions that items may block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Gate {
    Merge,
    Approve,
    Deploy,
    Switch,
    Retire,
    Close,
}

impl Gate {
    /// All of them, in the order of the procedure.
    pub const ALL: [Self; 6] =
        [Self::Merge, Self::Approve, Self::Deploy, Self::Switch, Self::Retire, Self::Close];

    /// The word in files and on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Approve => "approve",
            Self::Deploy => "deploy",
            Self::Switch => "switch",
            Self::Retire => "retire",
            Self::Close => "close",
        }
    }
}

/// Who may let an item go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayWaive {
    Anyone,
    /// Whoever holds the deploy lock.
    InCommand,
    Nobody,
}

/// How an item is verified.
#[derive(Clone, Debug, PartialEq)]
pub enum Verifier {
    /// An operator says so.
    Manual,
    /// By the clock in the team's zone.
    Clock(Clock),
    /// Somebody is on call.
    OnCall,
    /// No pod of the idle colour lacks a Secret or a ConfigMap.
    Configuration,
    /// By what the room reads of the release's repository.
    Repository(repository::Rule),
    /// A question to the outside.
    Asked(Question),
}

/// What the clock must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The deploy window is open.
    Window,
    /// It is none of these days.
    NotOn(Days),
    /// No freeze.
    NoFreeze,
    /// The team is there for the policy's `on_call` from now on.
    TeamTime,
}

impl Clock {
    /// Never on a Friday (sop.md, "Anti-patterns").
    #[must_use]
    pub fn not_friday() -> Self {
        Self::NotOn(Days::range(Weekday::Friday, Weekday::Friday))
    }
}

/// A question that a source asks.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub ask: Ask,
    /// Time limit; what takes longer is unknown.
    pub limit: Duration,
}

/// What is asked. Texts may name `{{version}}`, `{{image}}` and `{{head}}` of the release.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    Http(Http),
    Command(Command),
    Query(Query),
    /// All of these must be so.
    Database(Vec<DatabaseRule>),
    GitHub(repository::Wanted),
}

/// A request; the answer must have the status and the expected field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    pub url: String,
    pub status: u16,
    /// A place in the JSON body (RFC 6901); `None`: the whole body. An answer without it
    /// is unknown, never a pass.
    pub field: Option<String>,
    pub expect: Expect,
}

/// A program; no shell reads its arguments. Exit status 0 and the expected output pass,
/// exit status 1 fails, anything else is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub argv: Vec<String>,
    /// What its output must be. Without it exit status 0 is unknown, not a pass.
    pub expect: Expect,
}

/// A query in PromQL whose one value is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub query: String,
    pub compare: Compare,
}

/// What a text must be.
#[derive(Clone, Debug)]
pub enum Expect {
    Equal(String),
    /// Somewhere in it unless the pattern is anchored.
    Match(Regex),
}

impl Expect {
    const fn text(&self) -> Option<&String> {
        match self {
            Self::Equal(text) => Some(text),
            Self::Match(_) => None,
        }
    }
}

impl PartialEq for Expect {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Equal(one), Self::Equal(two)) => one == two,
            (Self::Match(one), Self::Match(two)) => one.as_str() == two.as_str(),
            _ => false,
        }
    }
}

impl Eq for Expect {}

/// A pattern of names; upper and lower case are the same to it where it was read from a
/// checklist.
#[derive(Clone, Debug)]
pub struct Pattern(pub Regex);

impl Pattern {
    /// Whether it is found in a name.
    #[must_use]
    pub fn is_match(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

/// A comparison with a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Compare {
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
}

impl Compare {
    /// Whether a value is as it must be; no comparison with NaN holds.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Below(bound) => value < bound,
            Self::AtMost(bound) => value <= bound,
            Self::Above(bound) => value > bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }

    /// `< 86400`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Below(bound) => format!("< {bound}"),
            Self::AtMost(bound) => format!("<= {bound}"),
            Self::Above(bound) => format!("> {bound}"),
            Self::AtLeast(bound) => format!(">= {bound}"),
        }
    }
}

impl Words {
    /// The words in a language; where there are none in it, the other's.
    #[must_use]
    pub fn say(&self, language: Language) -> &str {
        let (first, second) = match language {
            Language::English => (&self.en, &self.fr),
            Language::French => (&self.fr, &self.en),
        };
        if first.is_empty() { second } else { first }
    }
}

impl Checklist {
    /// An item by its id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// The checklist where no repository is configured: what one would have shown, an
    /// operator has to say.
    #[must_use]
    pub fn without_repository(mut self) -> Self {
        for item in &mut self.items {
            if item.is_of_repository() {
                item.verifier = Verifier::Manual;
            }
        }
        self
    }

    /// Where no database is configured: what only a database needs is left out, and what
    /// would be read of one an operator has to say.
    #[must_use]
    pub fn without_database(self) -> Self {
        let items = self.items.into_iter().filter(|item| !item.needs_database);
        let by_hand = |item: Item| match item.verifier {
            Verifier::Asked(Question { ask: Ask::Database(_), .. }) => {
                Item { verifier: Verifier::Manual, ..item }
            }
            _ => item,
        };
        Self { items: items.map(by_hand).collect(), ..self }
    }

    /// The place of an item by its id.
    #[must_use]
    pub fn place(&self, id: &str) -> Option<usize> {
        self.items.iter().position(|item| item.id == id)
    }
}

impl Question {
    /// The texts that may name something of the release.
    fn texts(&self) -> Vec<&str> {
        let (mut texts, expected): (Vec<&String>, Option<&String>) = match &self.ask {
            Ask::Http(http) => (vec![&http.url], http.expect.text()),
            Ask::Command(command) => (command.argv.iter().collect(), command.expect.text()),
            Ask::Query(query) => (vec![&query.query], None),
            Ask::Database(_) => (Vec::new(), None),
            Ask::GitHub(wanted) => (wanted.text().into_iter().collect(), None),
        };
        texts.extend(expected);
        texts.into_iter().map(String::as_str).collect()
    }
}

impl Item {
    /// Whether what was found of one state of the release says nothing about another one.
    #[must_use]
    pub fn is_of_another(&self, of: &Inputs, release: &Inputs) -> bool {
        let names_another = match &self.verifier {
            Verifier::Asked(question) => {
                question.texts().into_iter().any(|text| of.fill(text) != release.fill(text))
            }
            _ => false,
        };
        names_another || of.changed(release, &self.depends).is_some()
    }

    /// Whether the release's repository tells how it stands.
    #[must_use]
    pub const fn is_of_repository(&self) -> bool {
        matches!(
            self.verifier,
            Verifier::Repository(_) | Verifier::Asked(Question { ask: Ask::GitHub(_), .. })
        )
    }

    /// Whether an operator's tick can count for it.
    #[must_use]
    pub const fn takes_ticks(&self) -> bool {
        self.may_confirm || matches!(self.verifier, Verifier::Manual)
    }
}
