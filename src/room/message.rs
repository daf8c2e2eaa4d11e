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
    Probe(Probe),
    /// What was measured just now, of any number of signals.
    Samples(Vec<Sampled>),
    /// What was measured before this program started.
    Past(Vec<Past>),
    /// All alerts that are not resolved.
    Alerts(Vec<Alert>),
    Duty(Duty),
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
    Metrics,
    Alerts,
    /// Who is on call.
    Duty,
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
            Self::Metrics => "metrics",
            Self::Alerts => "alerts",
            Self::Duty => "on-call",
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
