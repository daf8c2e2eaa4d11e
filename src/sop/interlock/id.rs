//! The conditions, by name.

use serde::{Deserialize, Serialize};

/// One condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterlockId {
    /// Changes are allowed at all (`--read-only`).
    Writable,
    /// The selector names a configured colour, and the one that was shown.
    Selector,
    /// What is known is young enough.
    Fresh,
    /// The server grants the rights.
    Permission,
    /// Nobody else is in command.
    Command,
    /// The deploy window is open.
    Window,
    /// What the checklist asks for is settled.
    Checklist,
    /// So are those of its items that no reason overrides.
    Required,
    /// The action is aimed at the right side.
    Target,
    /// The target's rollout is done.
    Rollout,
    /// All the target's pods are ready, on one image.
    Pods,
    /// The target has as many pods as the side that has the traffic now.
    Capacity,
    /// The checks passed, recently, on what runs now.
    Verified,
    /// No GitOps controller would undo it.
    GitOps,
    /// What has to be watched after the switch can be seen.
    Measured,
    /// The old colour has stood by long enough.
    Standby,
    /// The watch passes so far, or is over.
    Watch,
    /// The old colour gets next to no requests any more.
    TrafficLeft,
    /// The old colour has stood down.
    StoodDown,
    /// No operation is without its end.
    Settled,
    /// What would get the traffic is what was reviewed, merged and built.
    Chain,
    /// The pipeline's smoke tests did not fail.
    Smoke,
    /// GitHub was read lately.
    Repository,
    /// The pull request stands as the action needs it.
    PullRequest,
    /// Its head is the one that was shown.
    Head,
    /// GitHub would merge it.
    Mergeable,
    /// What is checked at its head passed.
    Checks,
    /// Enough approvals count.
    Reviews,
    /// The branch may go.
    Branch,
    /// The run, its attempt and commit are those that were shown, in the right state.
    Run,
    /// The run waits for exactly this environment.
    Waiting,
    /// GitHub lets this token's user decide.
    Approver,
    /// Who it is reserved to.
    Role,
    /// No newer run of the branch has taken its place.
    Newest,
    /// A re-run deploys nothing that is older than what ran since.
    OldCommit,
    /// There is something to go back to.
    WayBack,
}

impl InterlockId {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 36] = [
        Self::Writable,
        Self::Selector,
        Self::Fresh,
        Self::Permission,
        Self::Command,
        Self::Window,
        Self::Checklist,
        Self::Required,
        Self::Target,
        Self::Rollout,
        Self::Pods,
        Self::Capacity,
        Self::Verified,
        Self::GitOps,
        Self::Measured,
        Self::Standby,
        Self::Watch,
        Self::TrafficLeft,
        Self::StoodDown,
        Self::Settled,
        Self::Chain,
        Self::Smoke,
        Self::Repository,
        Self::PullRequest,
        Self::Head,
        Self::Mergeable,
        Self::Checks,
        Self::Reviews,
        Self::Branch,
        Self::Run,
        Self::Waiting,
        Self::Approver,
        Self::Role,
        Self::Newest,
        Self::OldCommit,
        Self::WayBack,
    ];

    /// What the operator reads.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Writable => "changes allowed",
            Self::Selector => "selector as shown",
            Self::Fresh => "data fresh",
            Self::Permission => "permission held",
            Self::Command => "in command",
            Self::Window => "deploy window",
            Self::Checklist => "checklist",
            Self::Required => "required checks",
            Self::Target => "right side",
            Self::Rollout => "rollout done",
            Self::Pods => "pods ready",
            Self::Capacity => "capacity",
            Self::Verified => "verified",
            Self::GitOps => "no GitOps owner",
            Self::Measured => "metrics live",
            Self::Standby => "standby passed",
            Self::Watch => "watch passes",
            Self::TrafficLeft => "no traffic left",
            Self::StoodDown => "old colour down",
            Self::Settled => "nothing owed",
            Self::Chain => "chain of evidence",
            Self::Smoke => "smoke tests",
            Self::Repository => "GitHub fresh",
            Self::PullRequest => "pull request",
            Self::Head => "head as shown",
            Self::Mergeable => "mergeable",
            Self::Checks => "checks passed",
            Self::Reviews => "reviews",
            Self::Branch => "branch may go",
            Self::Run => "run as shown",
            Self::Waiting => "run waits",
            Self::Approver => "may decide",
            Self::Role => "role held",
            Self::Newest => "newest run",
            Self::OldCommit => "newest commit",
            Self::WayBack => "way back",
        }
    }

    /// Whether an operator may override it with a typed reason, in some state at least:
    /// see [`Interlock::overridable`].
    #[must_use]
    pub const fn overridable(self) -> bool {
        matches!(
            self,
            Self::GitOps
                | Self::Capacity
                | Self::Command
                | Self::Window
                | Self::Checklist
                | Self::Measured
                | Self::TrafficLeft
                | Self::StoodDown
                | Self::Chain
                | Self::Checks
                | Self::OldCommit
        )
    }

    /// The name in JSON, in `--override NAME=REASON` and in messages: `git-ops`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Writable => "writable",
            Self::Selector => "selector",
            Self::Fresh => "fresh",
            Self::Permission => "permission",
            Self::Command => "command",
            Self::Window => "window",
            Self::Checklist => "checklist",
            Self::Required => "required",
            Self::Target => "target",
            Self::Rollout => "rollout",
            Self::Pods => "pods",
            Self::Capacity => "capacity",
            Self::Verified => "verified",
            Self::GitOps => "git-ops",
            Self::Measured => "measured",
            Self::Standby => "standby",
            Self::Watch => "watch",
            Self::TrafficLeft => "traffic-left",
            Self::StoodDown => "stood-down",
            Self::Settled => "settled",
            Self::Chain => "chain",
            Self::Smoke => "smoke",
            Self::Repository => "repository",
            Self::PullRequest => "pull-request",
            Self::Head => "head",
            Self::Mergeable => "mergeable",
            Self::Checks => "checks",
            Self::Reviews => "reviews",
            Self::Branch => "branch",
            Self::Run => "run",
            Self::Waiting => "waiting",
            Self::Approver => "approver",
            Self::Role => "role",
            Self::Newest => "newest",
            Self::OldCommit => "old-commit",
            Self::WayBack => "way-back",
        }
    }
}
