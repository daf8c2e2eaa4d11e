//! The part of a scenario that plays on GitHub: who deploys, how long the pipeline's
//! steps take, and what goes wrong in it.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::workflow::Commands;

/// What happens on GitHub.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plot {
    /// Whether the rehearsal's rooms read this repository: a release then begins at its
    /// pull request. Without it they know of the cluster only.
    pub followed: bool,
    /// Whether the release is a hotfix from a branch of its own.
    pub hotfix: bool,
    /// Who deploys to the cluster and moves the traffic.
    pub deploy_by: DeployBy,
    /// What goes wrong, if anything.
    pub twist: Option<Twist>,
    /// How long a pipeline's usual step takes; others take a multiple. Real time,
    /// whatever the speed.
    #[serde(deserialize_with = "duration")]
    pub step: Duration,
    /// How long GitHub computes whether a pull request can be merged.
    #[serde(deserialize_with = "duration")]
    pub mergeability: Duration,
    /// Whether the colleagues review by themselves.
    pub colleagues_review: bool,
    /// How long production waits before a run may go on, besides its reviewers.
    #[serde(deserialize_with = "duration")]
    pub wait_timer: Duration,
    /// Commands that stages run instead of what the world would do: a program and its
    /// arguments, in which `{version}`, `{image}` and `{sha}` are filled in.
    pub commands: Commands,
    /// Whether this is about runs of the past, whose steps do nothing any more.
    #[serde(skip)]
    pub past: bool,
}

/// Who deploys to the cluster and moves the traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeployBy {
    /// The pipeline ends with the migrations; the room does the rest.
    #[default]
    Room,
    /// The pipeline does it all.
    Pipeline,
}

/// What goes wrong on GitHub: one thing a rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Twist {
    /// A test of the release's run fails in its first attempt.
    CiFails,
    /// The smoke tests fail, before the traffic has moved.
    SmokeFailsBeforeSwitch,
    /// The pipeline tests after it has moved the traffic, and then they fail.
    SmokeFailsAfterSwitch,
    /// The developer pushes once more, when everybody has approved.
    PushAfterApprovals,
    /// The head moves in the moment in which the first merge is asked for.
    HeadMoves,
    /// An issue of priority P1 is open.
    KnownBug,
    /// The tests of the release leave too much of the code out.
    FailingCoverage,
    /// The last commit of the release was never on staging.
    StagingSkipped,
}

impl DeployBy {
    /// As the configuration has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Room => "room",
            Self::Pipeline => "pipeline",
        }
    }
}

impl Default for Plot {
    fn default() -> Self {
        Self {
            followed: false,
            hotfix: false,
            deploy_by: DeployBy::default(),
            twist: None,
            step: Duration::from_millis(1500),
            mergeability: Duration::from_millis(1500),
            colleagues_review: true,
            wait_timer: Duration::ZERO,
            commands: Commands::new(),
            past: false,
        }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    crate::rehearsal::scenario::duration(deserializer)
}
