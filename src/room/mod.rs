//! The room: what the operators see and know. Pure: time comes in with messages,
//! what is to be done goes out as effects.

pub mod act;
pub mod assess;
pub mod automatic;
pub mod checklist;
pub mod dialog;
mod github;
mod hotfix;
pub mod intent;
pub mod judgement;
mod log_intents;
pub mod logs;
pub mod message;
pub mod metrics;
pub mod operations;
pub mod rehearsal;
pub mod release;
pub mod roster;
pub mod text;
mod update;
pub mod view;
pub mod world;
mod writing;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::sop::checklist::Checklist;
use crate::sop::colour::{Colour, PerColour};
use crate::sop::command::{Command, Operator};
use crate::sop::hotfix::Hotfix;
use crate::sop::interlock::Situation;
use crate::sop::moment::Moment;
use crate::sop::note::Note;
use crate::sop::operation::ActionKind;
use crate::sop::phase::{Phase, phase};
use crate::sop::pods::PodFacts;
use crate::sop::policy::Policy;
use crate::sop::record::{Record, Switched};
use crate::sop::repository::{GitHubSetting, Repository};
use crate::sop::signal::Signal;
use crate::sop::stages::StagePatterns;
use message::{Notice, Urgency};
use operations::Operations;
use rehearsal::{FaultLine, Rehearsal};
use view::View;
use world::World;

/// Most notices kept for the screen.
const MOST_NOTICES: usize = 50;
/// How long a notice stays on the screen.
const INFO_STANDS: Duration = Duration::from_secs(10);
/// How long a warning stays on the screen.
const WARNING_STANDS: Duration = Duration::from_secs(30);
/// A key pressed sooner than this after an alarm was not pressed because of it.
const ALARM_IS_READ: Duration = Duration::from_secs(2);

/// Everything that one screen shows and every decision rests on.
#[derive(Debug)]
pub struct Room {
    pub setting: Setting,
    /// When the last message arrived.
    pub now: Moment,
    pub world: World,
    pub command: Command,
    pub record: Option<Record>,
    /// Why the shared record cannot be read, while it cannot.
    pub record_trouble: Option<String>,
    /// The last known move of the traffic.
    pub switched: Option<Switched>,
    /// The colour that was last seen to have the traffic.
    last_active: Option<Colour>,
    pub operations: Operations,
    pub metrics: metrics::Metrics,
    /// Pull request and pipeline as they were read last, and when.
    pub repository: Option<(Moment, Repository)>,
    /// What follows from what was measured.
    pub assessed: assess::Assessed,
    /// What operators wrote down, in that order.
    pub notes: Vec<Note>,
    own_notes: Vec<Note>,
    pub checklist: checklist::Kept,
    automatic: automatic::Automatic,
    pub logs: logs::Logs,
    /// What can be made to go wrong; empty in earnest.
    pub faults: Vec<FaultLine>,
    pub view: View,
    /// Newest last, with their arrival.
    pub notices: VecDeque<(Moment, Notice)>,
    /// When the operator last pressed a key outside dialogs and prompts.
    pub last_key: Option<Moment>,
    quit_asked: Option<Moment>,
    /// Void with every observation.
    pod_facts: OnceLock<PodFacts>,
}

/// What was settled at start and never changes: where the room looks.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The environment's name in the configuration.
    pub environment: String,
    pub production: bool,
    pub read_only: bool,
    pub context: String,
    pub server: String,
    pub namespace: String,
    pub service: String,
    pub selector_key: String,
    pub deployments: PerColour<String>,
    pub url: String,
    /// The path of the API that is asked for beside the URL's health.
    pub api_path: Option<String>,
    pub operator: Operator,
    pub zone: TimeZone,
    /// What the header calls the zone.
    pub zone_label: String,
    pub policy: Policy,
    /// What is watched; empty: no metrics are configured.
    pub signals: Vec<Signal>,
    /// Whether an alerting system is asked.
    pub alerts: bool,
    /// The repository of the release, where one is configured.
    pub github: Option<GitHubSetting>,
    /// Whether it is asked who is on call.
    pub duty: bool,
    /// What the pipeline's stages are called.
    pub stages: StagePatterns,
    /// The link to the dashboard, where there is one.
    pub dashboard: Option<String>,
    /// `None`: none is kept.
    pub checklist: Option<Arc<Checklist>>,
    /// `None`: an ordinary release.
    pub hotfix: Option<Hotfix>,
    /// `None` in earnest.
    pub rehearsal: Option<Rehearsal>,
}

impl Room {
    /// The kinds of action that this room has: without a repository none on GitHub.
    pub fn kinds(&self) -> impl Iterator<Item = ActionKind> {
        let github = self.setting.github.is_some();
        ActionKind::ALL.into_iter().filter(move |kind| github || !kind.is_on_github())
    }

    /// The panes of this room: none for what is not measured, for a repository that is not
    /// configured, or for a checklist that is not kept.
    pub fn panes(&self) -> impl Iterator<Item = intent::Pane> {
        let measures = !self.setting.signals.is_empty() || self.setting.alerts;
        let (repository, lists) = (self.has_repository(), self.setting.checklist.is_some());
        intent::Pane::ALL.into_iter().filter(move |pane| match pane {
            intent::Pane::Signals => measures,
            intent::Pane::Pipeline => repository,
            intent::Pane::Checklist => lists,
            intent::Pane::Pair | intent::Pane::Operation | intent::Pane::Errors => true,
        })
    }

    /// An empty room: nothing has been seen, so nothing is known.
    #[must_use]
    pub fn new(setting: Setting, logs: logs::Logs, now: Moment) -> Self {
        Self {
            metrics: metrics::Metrics::new(setting.signals.clone()),
            assessed: assess::Assessed::default(),
            notes: Vec::new(),
            own_notes: Vec::new(),
            checklist: checklist::Kept::default(),
            automatic: automatic::Automatic::default(),
            setting,
            now,
            world: World::default(),
            command: Command::Unknown,
            record: None,
            record_trouble: None,
            switched: None,
            last_active: None,
            operations: Operations::default(),
            repository: None,
            logs,
            faults: Vec::new(),
            view: View::default(),
            notices: VecDeque::new(),
            last_key: None,
            quit_asked: None,
            pod_facts: OnceLock::new(),
        }
    }

    /// What can only be told by looking at every pod: looked at once after a change.
    fn pod_facts(&self) -> &PodFacts {
        let verification = self.record.as_ref().and_then(|record| record.verification.as_ref());
        self.pod_facts.get_or_init(|| PodFacts::of(&self.world.cluster, verification))
    }

    /// What interlocks are judged by, as the room knows it now.
    #[must_use]
    pub fn situation(&self) -> Situation<'_> {
        Situation {
            cluster: &self.world.cluster,
            freshness: self.world.freshness(self.now),
            access: &self.world.access,
            command: &self.command,
            verification: self.record.as_ref().and_then(|record| record.verification.as_ref()),
            switched: self.switched.as_ref(),
            record: self.record.as_ref(),
            notes: &self.notes,
            evidence: &self.assessed.evidence,
            pods: Some(self.pod_facts()),
            github: self.on_github(),
            read_only: self.setting.read_only,
            policy: &self.setting.policy,
            now: self.now,
        }
    }

    /// Where the release stands; `None` while the pair has not been seen.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        phase(&self.situation())
    }

    /// The version that is being left and the one that is being brought, by the
    /// phase: after the switch the old colour has the older one.
    #[must_use]
    pub fn release(&self) -> Option<(Option<&str>, Option<&str>)> {
        self.release_in(self.phase())
    }

    /// [`release`](Self::release) where the phase is known already.
    #[must_use]
    pub fn release_in(&self, phase: Option<Phase>) -> Option<(Option<&str>, Option<&str>)> {
        let cluster = &self.world.cluster;
        let active = cluster.active()?;
        let (active, idle) = (cluster.version(active), cluster.version(active.other()));
        let forward = phase.is_some_and(Phase::is_after_switch);
        let origin = self.assessed.evidence.origin.as_ref();
        let named = origin.and_then(|origin| origin.version.as_deref());
        let coming = !forward && phase != Some(Phase::RolledBack);
        if let Some(version) = named.filter(|version| coming && active != Some(*version)) {
            // What the idle colour still runs may not be what is being brought.
            return Some((active, Some(version)));
        }
        Some(if forward { (idle, active) } else { (active, idle) })
    }

    /// The pod that the selection of the blue/green pane stands on: the active
    /// colour's pods come first.
    #[must_use]
    pub fn selected_pod(&self) -> Option<&str> {
        let first = self.world.cluster.active().unwrap_or(Colour::Blue);
        let order = &self.world.roster().order;
        order[first].iter().chain(&order[first.other()]).nth(self.view.pod).map(String::as_str)
    }

    /// What the operators should still be told: the newest first. An alarm stays
    /// until a key was pressed some time after it came; the rest goes with time.
    pub fn standing_notices(&self) -> impl Iterator<Item = &Notice> {
        self.notices
            .iter()
            .rev()
            .filter(|(at, notice)| self.is_standing(*at, notice))
            .map(|(_, notice)| notice)
    }

    fn is_standing(&self, at: Moment, notice: &Notice) -> bool {
        match notice.urgency {
            Urgency::Info => self.now.since(at) < INFO_STANDS,
            Urgency::Warning => self.now.since(at) < WARNING_STANDS,
            Urgency::Alarm => self.last_key.is_none_or(|key| key < at.plus(ALARM_IS_READ)),
        }
    }

    fn notice(&mut self, notice: Notice) {
        if self.notices.len() == MOST_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back((self.now, notice));
    }
}
