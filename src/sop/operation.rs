//! What can be done to the world, by name: the orders an operator gives and the
//! marks they leave on the cluster's objects.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::colour::Colour;
use super::commit::Sha;
use super::pipeline::RunId;
use super::watch::Evidence;

/// Identifies one operation everywhere: journal, record, annotation, screen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub String);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One thing an operator can ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Action {
    /// Put `image` on the idle colour and bring it up.
    Deploy { colour: Colour, image: String },
    /// Run the checks against every pod of the idle colour.
    Verify { colour: Colour },
    /// Move the traffic to the idle colour.
    Switch { to: Colour },
    /// Take the release back.
    Rollback { way: RollbackWay },
    /// Scale the old colour to 0.
    Retire { colour: Colour },
    /// End the release: nothing is changed but what all operators share.
    Close,
    /// Open the release's pull request.
    Propose { head: String, base: String, title: String, body: String },
    /// Squash the pull request, only while its head is `head`.
    Merge { number: u64, head: Sha },
    /// Delete a branch that was merged.
    #[serde(rename = "delete-branch")]
    DeleteBranch { branch: String },
    /// Let a waiting run go on to an environment.
    Approve { run: RunId, head: Sha, environment: String, environment_id: u64, comment: String },
    /// Refuse a waiting run the environment: the run fails.
    Reject { run: RunId, head: Sha, environment: String, environment_id: u64, comment: String },
    /// Start a workflow on a branch or tag.
    Dispatch { workflow: String, reference: String },
    /// Run a run again, of the same commit. `number` is the workflow's own count.
    Rerun { run: RunId, number: u64, failed_only: bool },
    /// Stop a run. `number` is the workflow's own count.
    Cancel { run: RunId, number: u64 },
}

/// The three ways back of sop.md, "Rollback manuel".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "kebab-case")]
pub enum RollbackWay {
    /// Option 1: one patch of the Service's selector.
    SwitchBack { to: Colour },
    /// Option 2: the previous ReplicaSet's template, in place on the active Deployment.
    Undo { colour: Colour },
    /// Option 3: `image` on the idle colour, then switch.
    Redeploy { to: Colour, image: String },
}

impl Action {
    /// The action's kind, which names its key, command and interlocks.
    #[must_use]
    pub const fn kind(&self) -> ActionKind {
        match self {
            Self::Deploy { .. } => ActionKind::Deploy,
            Self::Verify { .. } => ActionKind::Verify,
            Self::Switch { .. } => ActionKind::Switch,
            Self::Rollback { .. } => ActionKind::Rollback,
            Self::Retire { .. } => ActionKind::Retire,
            Self::Close => ActionKind::Close,
            Self::Propose { .. } => ActionKind::Propose,
            Self::Merge { .. } => ActionKind::Merge,
            Self::DeleteBranch { .. } => ActionKind::DeleteBranch,
            Self::Approve { .. } => ActionKind::Approve,
            Self::Reject { .. } => ActionKind::Reject,
            Self::Dispatch { .. } => ActionKind::Dispatch,
            Self::Rerun { .. } => ActionKind::Rerun,
            Self::Cancel { .. } => ActionKind::Cancel,
        }
    }

    /// The action as the shared record keeps it: without what would fill it.
    #[must_use]
    pub fn in_short(&self) -> Self {
        match self {
            Self::Propose { head, base, title, .. } => Self::Propose {
                head: head.clone(),
                base: base.clone(),
                title: title.clone(),
                body: String::new(),
            },
            other => other.clone(),
        }
    }

    /// Whether it leaves anything changed: workloads, traffic, or where the release stands.
    #[must_use]
    pub const fn changes_the_world(&self) -> bool {
        !matches!(self, Self::Verify { .. })
    }

    /// The word that has to be typed to confirm: the colour that is acted on; for
    /// the undo in place, which acts on what serves now, and for the end, which acts
    /// on no colour, the Service's name. On GitHub it is what is acted on: the branch,
    /// the pull request's number, the environment, the run's number.
    #[must_use]
    pub fn confirmation<'a>(&'a self, service: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(match self {
            Self::Deploy { colour, .. } | Self::Verify { colour } | Self::Retire { colour } => colour.name(),
            Self::Switch { to }
            | Self::Rollback { way: RollbackWay::SwitchBack { to } | RollbackWay::Redeploy { to, .. } } => {
                to.name()
            }
            Self::Rollback { way: RollbackWay::Undo { .. } } | Self::Close => service,
            Self::Propose { base, .. } => base,
            Self::DeleteBranch { branch } => branch,
            Self::Approve { environment, .. } | Self::Reject { environment, .. } => environment,
            Self::Dispatch { reference, .. } => reference,
            Self::Merge { number, .. } | Self::Rerun { number, .. } | Self::Cancel { number, .. } => {
                return Cow::Owned(number.to_string());
            }
        })
    }

    /// Whether it takes the traffic back to that colour.
    #[must_use]
    pub fn is_way_back_to(&self, colour: Colour) -> bool {
        matches!(self, Self::Rollback { .. }) && self.traffic_to() == Some(colour)
    }

    /// The colour that the traffic goes to when the action is done, if it moves any.
    #[must_use]
    pub const fn traffic_to(&self) -> Option<Colour> {
        match self {
            Self::Switch { to }
            | Self::Rollback { way: RollbackWay::SwitchBack { to } | RollbackWay::Redeploy { to, .. } } => {
                Some(*to)
            }
            _ => None,
        }
    }
}

/// The kinds of action, one key and one command each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    Deploy,
    Verify,
    Switch,
    Rollback,
    Retire,
    Close,
    Propose,
    Merge,
    #[serde(rename = "delete-branch")]
    DeleteBranch,
    Approve,
    Reject,
    Dispatch,
    Rerun,
    Cancel,
}

impl ActionKind {
    /// All kinds: those on the cluster in the order of the procedure, then those on GitHub.
    pub const ALL: [Self; 14] = [
        Self::Deploy,
        Self::Verify,
        Self::Switch,
        Self::Rollback,
        Self::Retire,
        Self::Close,
        Self::Propose,
        Self::Merge,
        Self::DeleteBranch,
        Self::Approve,
        Self::Reject,
        Self::Dispatch,
        Self::Rerun,
        Self::Cancel,
    ];

    /// Whether it is done on GitHub, not on the cluster.
    #[must_use]
    pub const fn is_on_github(self) -> bool {
        !matches!(
            self,
            Self::Deploy | Self::Verify | Self::Switch | Self::Rollback | Self::Retire | Self::Close
        )
    }

    /// The word used on the screen, as a command and in the journal.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Verify => "verify",
            Self::Switch => "switch",
            Self::Rollback => "rollback",
            Self::Retire => "retire",
            Self::Close => "close",
            Self::Propose => "propose",
            Self::Merge => "merge",
            Self::DeleteBranch => "delete-branch",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Dispatch => "dispatch",
            Self::Rerun => "rerun",
            Self::Cancel => "cancel",
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What this program writes on an object that it changes, as annotations: by it
/// anyone can tell later whether a call whose answer was lost took effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationMark {
    pub id: OperationId,
    /// The transition number of the deploy lock under which it was done.
    pub fence: Option<i64>,
    pub at: Option<Timestamp>,
    pub by: Option<String>,
}

/// An order as it was confirmed: what to do, what was shown when it was confirmed,
/// and what was overridden.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub id: OperationId,
    pub action: Action,
    pub expectation: Expectation,
    /// Interlocks that were overridden, with the typed reasons.
    pub overrides: Vec<Override>,
    /// Reason for taking command from another holder, when it was asked for.
    pub take_command: Option<String>,
    /// Why it was ordered: the reasons to roll back that stood.
    #[serde(default)]
    pub reason: Option<String>,
    /// What was measured when it was ordered.
    #[serde(default)]
    pub evidence: Box<Evidence>,
    /// For a rollback that nobody ordered: when its countdown was announced.
    #[serde(default)]
    pub automatic: Option<Timestamp>,
}

impl Order {
    /// An order with nothing overridden and nothing measured.
    #[must_use]
    pub fn new(id: OperationId, action: Action, expectation: Expectation) -> Self {
        Self {
            id,
            action,
            expectation,
            overrides: Vec::new(),
            take_command: None,
            reason: None,
            evidence: Box::default(),
            automatic: None,
        }
    }
}

/// What the operator saw when the order was confirmed. The executor refuses when a
/// fresh read differs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The colour that had the traffic.
    pub active: Option<Colour>,
    /// The Service's uid: a Service that was made anew is another one.
    pub service_uid: Option<String>,
}

/// One interlock that an operator overrode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    pub interlock: super::interlock::InterlockId,
    pub reason: String,
}
