//! The plot of a rehearsal: what there is at the start, and what goes wrong when. The
//! scenarios are data, in `assets/scenarios`.

use std::time::Duration;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use serde::{Deserialize, Deserializer};

use super::faults::Fault;
use super::github::plot::Plot;

/// The namespace of the application.
pub const NAMESPACE: &str = "taxasge";
/// The Service, the container, and the first part of the Deployments' names.
pub const SERVICE: &str = "backend";
/// The image without its tag.
pub const IMAGE: &str = "ghcr.io/taxasge/backend";
/// The versions whose images exist, besides those of the scenario.
pub const VERSIONS: [&str; 3] = ["v1.0.0", "v1.1.0", "v1.1.1"];
/// The port that the application listens on in its pods.
pub const PORT: u16 = 8000;
/// The scenario that is played where none is named.
pub const DEFAULT: &str = "release";

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        /// The scenarios that come with the program: name and text.
        pub const SHIPPED: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../assets/scenarios/", $name, ".toml")))),*];
    };
}

shipped![
    "release",
    "bad-release",
    "slow-release",
    "hotfix",
    "slow-start",
    "crash-loop",
    "image-pull",
    "memory-leak",
    "colleague",
    "git-ops",
    "api-trouble",
    "expired-credentials",
    "log-flood",
    "clock-skew",
    "metrics-trouble",
    "unmeasured",
    "chaos",
    "pipeline",
    "pipeline-smoke-fails",
    "pipeline-bad-switch",
    "ci-fails",
    "late-push",
    "head-moves",
    "known-bug",
    "friday",
    "no-backup",
    "staging-skipped",
    "failing-coverage",
    "github-trouble",
];

/// One scenario.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called on the command line.
    #[serde(skip)]
    pub name: String,
    /// In a few words.
    pub title: String,
    /// What happens, and what one learns.
    pub description: String,
    /// The version that has the traffic at the start.
    #[serde(default = "from")]
    pub from: String,
    /// The version that is to be released.
    #[serde(default = "to")]
    pub to: String,
    /// Pods of each colour.
    #[serde(default = "pods")]
    pub pods: u32,
    #[serde(default)]
    pub timings: Timings,
    /// What users do and see while all is well.
    #[serde(default)]
    pub users: Users,
    /// What is wrong with the version that runs at the start.
    #[serde(default)]
    pub running: Running,
    /// Whether anything measures the traffic: Prometheus, and what alerts by it.
    #[serde(default = "yes")]
    pub measured: bool,
    /// What happens on GitHub.
    #[serde(default)]
    pub github: Plot,
    /// The checklist that its rooms keep, by name; with it goes the procedure's deploy
    /// window. Without it none is kept.
    pub checklist: Option<String>,
    /// The evening on which it plays, at a quarter past ten in the team's zone; without
    /// it, now.
    pub evening: Option<Evening>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub faults: Vec<Planned>,
}

/// The zone of the procedure's team.
pub const TIME_ZONE: &str = "Africa/Malabo";

/// An evening of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evening {
    Tuesday,
    Friday,
}

/// How long things take in the cluster; real time, whatever the speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timings {
    /// From a pod's creation to its container being created.
    #[serde(deserialize_with = "duration")]
    pub schedule: Duration,
    /// Pulling an image.
    #[serde(deserialize_with = "duration")]
    pub pull: Duration,
    /// From the container's start to its first good answer.
    #[serde(deserialize_with = "duration")]
    pub start: Duration,
}

/// The application's users and what they see while all is well.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Users {
    pub requests_per_second: f64,
    /// Share of answers that are errors, 0 to 1.
    pub error_rate: f64,
    /// Mean time to an answer.
    #[serde(deserialize_with = "duration")]
    pub latency: Duration,
}

/// What is wrong with the version that runs at the start; nothing, mostly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Running {
    /// Share of its answers that are errors, 0 to 1.
    pub error_rate: f64,
}

/// One fault of the plot.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    pub fault: Fault,
    /// Time since the rehearsal's start at which it begins.
    #[serde(default, deserialize_with = "some_duration")]
    pub at: Option<Duration>,
    /// What it begins with, instead of a time.
    pub on: Option<Event>,
    /// How long after that.
    #[serde(default, deserialize_with = "duration")]
    pub after: Duration,
    /// How long it goes on; without it, to the end.
    #[serde(default, rename = "for", deserialize_with = "some_duration")]
    pub lasts: Option<Duration>,
}

/// What can set a fault off, as seen in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The release's image was set on a colour.
    Deploy,
    /// Its rollout is done.
    Ready,
    /// The traffic goes to it.
    Switch,
    /// The traffic goes back.
    Rollback,
}

/// Why a scenario cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    #[error("there is no scenario `{name}`; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("the scenario `{name}` cannot be read: {why}")]
    Unreadable { name: String, why: String },
}

impl Scenario {
    /// The scenario of that name.
    ///
    /// # Errors
    /// When there is none, or its file is wrong.
    pub fn find(name: &str) -> Result<Self, ScenarioError> {
        let known = || SHIPPED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let (_, text) = SHIPPED
            .iter()
            .find(|(shipped, _)| *shipped == name)
            .ok_or_else(|| ScenarioError::Unknown { name: name.to_owned(), known: known() })?;
        Self::parse(name, text)
    }

    /// Reads a scenario.
    ///
    /// # Errors
    /// When the text is no scenario, with the place.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let unreadable = |why: String| ScenarioError::Unreadable { name: name.to_owned(), why };
        let scenario: Self = toml::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        let share = |share: f64| (0.0..=1.0).contains(&share);
        let planned = |planned: &Planned| planned.at.is_some() != planned.on.is_some();
        match &scenario {
            s if s.pods == 0 || s.pods > 100 => Err(unreadable("expected 1 to 100 pods".into())),
            s if !share(s.users.error_rate) || !share(s.running.error_rate) => {
                Err(unreadable("expected error rates from 0 to 1".into()))
            }
            s if !(0.0..=10_000.0).contains(&s.users.requests_per_second) => {
                Err(unreadable("expected 0 to 10,000 requests a second".into()))
            }
            s if !s.faults.iter().all(planned) => {
                Err(unreadable("each fault needs either `at` or `on`, not both".into()))
            }
            _ => Ok(Self { name: name.to_owned(), ..scenario }),
        }
    }

    /// How far the world's clock is before the machine's, so that it plays on its evening:
    /// the next one of these.
    #[must_use]
    pub fn lead(&self, now: Timestamp) -> SignedDuration {
        let day = match self.evening {
            None => return SignedDuration::ZERO,
            Some(Evening::Tuesday) => Weekday::Tuesday,
            Some(Evening::Friday) => Weekday::Friday,
        };
        let zone = TimeZone::get(TIME_ZONE).unwrap_or(TimeZone::UTC);
        evening(&now.to_zoned(zone), day).map_or(SignedDuration::ZERO, |at| at.duration_since(now))
    }

    /// What users see of a version while nothing else goes wrong.
    #[must_use]
    pub fn users_of(&self, version: &str) -> Users {
        let worse = if version == self.from { self.running.error_rate } else { 0.0 };
        Users { error_rate: self.users.error_rate.max(worse), ..self.users }
    }
}

impl Default for Scenario {
    /// A release in which nothing goes wrong.
    fn default() -> Self {
        Self {
            name: DEFAULT.into(),
            title: String::new(),
            description: String::new(),
            from: from(),
            to: to(),
            pods: pods(),
            timings: Timings::default(),
            users: Users::default(),
            running: Running::default(),
            measured: yes(),
            github: Plot::default(),
            checklist: None,
            evening: None,
            faults: Vec::new(),
        }
    }
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            schedule: Duration::from_millis(150),
            pull: Duration::from_millis(600),
            start: Duration::from_millis(800),
        }
    }
}

impl Default for Users {
    fn default() -> Self {
        // The procedure's own figures: about 1,000 requests a second.
        Self { requests_per_second: 1000.0, error_rate: 0.002, latency: Duration::from_millis(40) }
    }
}

/// A quarter past ten on the next such day after today.
fn evening(now: &Zoned, day: Weekday) -> Option<Timestamp> {
    let at = now.date().nth_weekday(1, day).ok()?.to_datetime(Time::constant(22, 15, 0, 0));
    Some(at.to_zoned(now.time_zone().clone()).ok()?.timestamp())
}

const fn yes() -> bool {
    true
}

fn from() -> String {
    "v1.0.0".into()
}

fn to() -> String {
    "v1.1.0".into()
}

const fn pods() -> u32 {
    3
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let span: SignedDuration = text.parse().map_err(serde::de::Error::custom)?;
    Duration::try_from(span).map_err(|_| serde::de::Error::custom("expected a duration that is not negative"))
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rehearsal::faults::Fault;

    #[test]
    fn every_shipped_scenario_can_be_played_and_every_fault_is_in_one() {
        let mut used = BTreeSet::new();
        for (name, _) in SHIPPED {
            let scenario = Scenario::find(name).unwrap_or_else(|error| panic!("{error}"));
            assert!(!scenario.title.is_empty() && !scenario.description.trim().is_empty(), "{name}");
            assert_ne!(scenario.from, scenario.to, "{name}");
            used.extend(scenario.faults.iter().map(|planned| planned.fault.name()));
        }
        let all: BTreeSet<_> = Fault::ALL.iter().map(Fault::name).collect();
        assert_eq!(used, all);
        assert!(Scenario::find(DEFAULT).unwrap().faults.is_empty());
    }

    #[test]
    fn an_evening_is_the_next_one_in_the_teams_zone() {
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let begins = |evening| {
            let lead = Scenario { evening, ..Scenario::default() }.lead(now);
            now.checked_add(lead).unwrap().to_string()
        };
        assert_eq!(begins(None), "2026-11-27T12:00:00Z");
        // That day is a Friday itself: the evening is the one a week later.
        assert_eq!(begins(Some(Evening::Friday)), "2026-12-04T21:15:00Z");
        assert_eq!(begins(Some(Evening::Tuesday)), "2026-12-01T21:15:00Z");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let wrong = |text: &str| Scenario::parse("x", text).unwrap_err().to_string();
        let head = "title = 't'\ndescription = 'd'\n";
        assert!(wrong("titel = 't'").contains("titel"));
        assert!(wrong(&format!("{head}pods = 0")).contains("1 to 100 pods"));
        assert!(
            wrong(&format!("{head}[[faults]]\nfault = {{ name = 'errors', rate = 0.1 }}"))
                .contains("either `at` or `on`")
        );
        assert!(wrong(&format!("{head}[timings]\npull = '-1s'")).contains("negative"));
        assert!(Scenario::find("nonsense").unwrap_err().to_string().contains("bad-release"));
    }
}
