//! What reaches the room and what it asks for in return.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;

use super::intent::Intent;
use super::logs::{LogEvent, LogOrder};
use super::rehearsal::FaultLine;
use crate::sop::access::Access;
use crate::sop::alert::{Alert, Duty};
use crate::sop::checklist::evidence::Evidence;
use crate::sop::cluster::{
    AutoscalerState, DeploymentState, EndpointState, PodState, ReplicaSetState, ServiceState,
};
use crate::sop::colour::Colour;
use crate::sop::command::Command;
use crate::sop::interlock::Interlock;
use crate::sop::moment::Moment;
use crate::sop::note::Note;
use crate::sop::operation::{Action, OperationId, Order};
use crate::sop::record::Record;
use crate::sop::repository::Repository;
use crate::sop::signal::{Past, Sampled};

/// Anything that can change the room, with the time at which it arrived.
#[derive(Clone, Debug)]
pub struct Message {
    pub at: Moment,
    pub body: Body,
}

/// The kinds of message.
#[derive(Clone, Debug)]
pub enum Body {
    /// Time has passed; nothing else has happened.
    Tick,
    Observation(Observation),
    Intent(Intent),
    Outcome(Outcome),
}

/// What a source has seen.
#[derive(Clone, Debug)]
pub enum Observation {
    /// The connection is open: what it leads to, pinned from now on.
    Connected {
        context: String,
        server: String,
    },
    Service(Option<ServiceState>),
    Deployment(Colour, Option<Box<DeploymentState>>),
    ReplicaSets(Change<ReplicaSetState>),
    Pods(Change<PodState>),
    Endpoints(Vec<EndpointState>),
    Autoscalers(Vec<AutoscalerState>),
    Access(Access),
    Command(Command),
    Record(Record),
    /// The record in the cluster cannot be read; why.
    RecordUnreadable(String),
    Link(SourceId, LinkState),
    /// The server answered a heartbeat.
    Heartbeat(Heartbeat),
    /// The public URL's health, asked.
    Probe(Probe),
    /// A path of the API behind the public URL, asked.
    ApiProbe(Probe),
    /// What was measured just now, of any number of signals.
    Samples(Vec<Sampled>),
    /// What was measured before this program started.
    Past(Vec<Past>),
    /// All alerts that are not resolved.
    Alerts(Vec<Alert>),
    Duty(Duty),
    /// What was read of the release's repository.
    Repository(Box<Repository>),
    /// A job's log that was asked for.
    JobLog(JobLog),
    /// What the pull request of the release might say; by its own words, or as edited.
    Draft {
        draft: Draft,
        /// Whether an operator wrote it, so that it counts whatever was typed before.
        edited: bool,
    },
    /// Of an item of the checklist, by its id.
    Check(String, CheckNews),
    Logs(LogEvent),
    /// Something the operators should be told in a line.
    Notice(Notice),
    /// What can be made to go wrong in a rehearsal, and what does.
    Faults(Vec<FaultLine>),
}

/// What a verifier tells of its item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckNews {
    /// It is at it.
    Running,
    Found(Evidence),
}

/// A change to a set of named objects.
#[derive(Clone, Debug)]
pub enum Change<T> {
    /// All there are: what is not among them is gone.
    All(Vec<T>),
    /// Some were added or changed, some went (by name). Later entries of one name win.
    Some { changed: Vec<T>, gone: Vec<String> },
}

/// What is read from outside, each by a connection of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceId {
    Service,
    Deployments,
    ReplicaSets,
    Pods,
    Endpoints,
    Autoscalers,
    Heartbeat,
    Record,
    Probe,
    ApiProbe,
    Metrics,
    Alerts,
    /// Who is on call.
    Duty,
    /// Pull request and pipeline.
    GitHub,
}

impl SourceId {
    /// What it is called on the screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Deployments => "deployments",
            Self::ReplicaSets => "replica sets",
            Self::Pods => "pods",
            Self::Endpoints => "endpoints",
            Self::Autoscalers => "autoscalers",
            Self::Heartbeat => "heartbeat",
            Self::Record => "record",
            Self::Probe => "probe",
            Self::ApiProbe => "API probe",
            Self::Metrics => "metrics",
            Self::Alerts => "alerts",
            Self::Duty => "on-call",
            Self::GitHub => "GitHub",
        }
    }
}

/// How a source's connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It hears the server.
    Live,
    /// It lost the server and tries again; the last state is kept.
    Lost { why: String },
    /// It will never hear it (no right, no such API); what is missing without it.
    Unavailable { why: String },
}

/// What a heartbeat's answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    pub round_trip: Duration,
    /// This machine's clock minus the server's, in seconds, when it says.
    pub skew_seconds: Option<i64>,
}

/// One request to the public URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The HTTP status, or why there was none.
    pub answer: Result<u16, String>,
    pub latency: Duration,
    /// The version that answered, when the answer says.
    pub version: Option<String>,
}

/// The log of one job, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLog {
    /// The job's id.
    pub job: u64,
    /// Its lines, cleaned; or why they cannot be read.
    pub lines: Result<Vec<String>, String>,
    /// Whether there was more before the first line than is kept.
    pub cut: bool,
}

/// A pull request that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub title: String,
    pub body: String,
}

/// What is to be read of the repository beside the release's own run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// A run whose jobs are looked at.
    pub run: Option<u64>,
    /// A job whose log lies open.
    pub log: Option<u64>,
}

/// A line for the operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub urgency: Urgency,
    pub words: String,
}

/// How loud a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    Info,
    Warning,
    Alarm,
}

/// What became of an order, as the executor goes along.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The order was taken up.
    Began { id: OperationId, action: Action },
    /// A step began, went on, or ended. Steps of one name replace each other.
    Step { id: OperationId, step: Step },
    /// The order is done with.
    Ended { id: OperationId, conclusion: Conclusion },
    /// Command was taken, refused, lost or given up.
    Command { words: String, urgency: Urgency },
    /// An operation that an earlier run or a colleague left open was settled.
    Settled { id: OperationId, words: String },
    /// Text was copied or a file written; told in a line.
    Told(Notice),
}

/// One step of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `patch`, `rollout`, `pod backend-green-x`.
    pub name: Cow<'static, str>,
    pub state: StepState,
    /// What is seen or was done.
    pub words: String,
    /// How long it took, once it ended.
    pub took: Option<Duration>,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepState {
    Running,
    Done,
    Failed,
    /// It is not known whether it took effect.
    Unknown,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Applied, and the world is seen to be as ordered.
    Verified { words: String },
    /// Applied, but the world was not seen to be as ordered.
    AppliedNotVerified { words: String },
    /// It failed; the words say what state the world is in.
    Failed { words: String },
    /// Refused before any change, by these interlocks.
    Blocked { interlocks: Vec<Interlock> },
}

impl Conclusion {
    /// The exit status of a headless command.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::Verified { .. } => 0,
            Self::Failed { .. } => 1,
            Self::Blocked { .. } => 3,
            Self::AppliedNotVerified { .. } => 4,
        }
    }

    /// What happened, in one line.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Verified { words } | Self::AppliedNotVerified { words } | Self::Failed { words } => {
                words.clone()
            }
            Self::Blocked { interlocks } => {
                let reasons: Vec<String> = interlocks
                    .iter()
                    .map(|lock| format!("{} ({}): {}", lock.id.words(), lock.id.name(), lock.why()))
                    .collect();
                format!("nothing was changed; blocked by {}", reasons.join("; "))
            }
        }
    }
}

/// What the room asks of the world. Everything that changes the cluster goes
/// through [`Effect::Execute`], that is through the executor's guard.
#[derive(Clone, Debug)]
pub enum Effect {
    Execute(Order),
    /// Write a note down for all operators.
    Note(Note),
    /// Take command now; the reason when it is taken from somebody.
    TakeCommand {
        reason: Option<String>,
    },
    GiveUpCommand,
    /// Read the logs anew with this filter.
    FilterLogs(LogOrder),
    Copy(String),
    /// Show a page in a browser; where there is none, copy its link.
    Open(String),
    /// Read this of the repository, too, from now on.
    Attend(Attention),
    /// Find words for the release's pull request.
    OfferDraft,
    /// Let the operator write the pull request in an editor of their own.
    EditDraft(Draft),
    /// Save the lines that the log pane shows.
    SaveLogs {
        lines: Vec<String>,
        at: Timestamp,
    },
    /// Begin or end a fault of the rehearsal, by name.
    ToggleFault(&'static str),
    /// Give the terminal back to the shell until the program is continued.
    Suspend,
    /// Draw everything anew, whatever is thought to be on the screen.
    Redraw,
    Quit,
}
