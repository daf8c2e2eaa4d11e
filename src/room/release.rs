//! What the room knows of a release's repository.

mod draft;
mod looking;

pub use looking::{LogSearch, Looking, OpenLog};

use super::Room;
use super::message::{LinkState, SourceId};
use crate::sop::chain::{Chain, LinkId, Origin, Progress};
use crate::sop::phase::Phase;
use crate::sop::pipeline::{RunState, StageId};
use crate::sop::repository::{DeployBy, Repository};
use crate::sop::stages::{Stages, What};

/// Who brings the release to the idle colour and moves the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The room's own actions do, or what the pipeline had to do is done.
    Room,
    /// The pipeline is about to, or is at it.
    Pipeline,
    /// The pipeline was to, and failed.
    Failed,
}

impl Room {
    /// Whether the release comes from a repository that this room reads.
    #[must_use]
    pub fn has_repository(&self) -> bool {
        self.setting.github.is_some()
    }

    /// Where the release comes from; `None` where no repository is configured.
    pub(super) fn origin(&self) -> Option<Origin> {
        if !self.has_repository() {
            return None;
        }
        Some(match (self.repository(), self.repository_trouble()) {
            (Some(repository), _) => self.along_its_stages(Origin::of(repository, None), repository),
            (None, Some(why)) => Origin::unread(&format!("GitHub cannot be read: {why}")),
            (None, None) => Origin::unread("GitHub was not read yet"),
        })
    }

    /// What the stages of the release's run tell of how far it has come.
    fn along_its_stages(&self, mut origin: Origin, repository: &Repository) -> Origin {
        let run = repository.run.as_ref().filter(|run| !run.state.is_over() && run.waiting.is_empty());
        let under_way = matches!(origin.progress, Progress::Pipeline | Progress::Delivery);
        let fits = origin.links.iter().any(|link| link.id == LinkId::Run && link.fit.holds());
        let Some(run) = run.filter(|_| under_way && fits) else { return origin };
        let stages = Stages::of(run, &self.setting.stages, &repository.usual_stages, self.now.wall);
        let state = |stage: StageId| {
            let row = stages.rows.iter().find(|row| row.what == What::Stage(stage))?;
            Some(row.state.as_ref())
        };
        let has_begun = |stage| {
            let state = state(stage).flatten();
            state.is_some_and(|state| !matches!(state, RunState::Queued | RunState::Skipped))
        };
        let migrated = state(StageId::Migrations) == Some(Some(&RunState::Passed));
        // What was approved goes to the database first.
        let is_let_through = origin.progress == Progress::Delivery && state(StageId::Migrations).is_some();
        if [StageId::Deploy, StageId::Smoke, StageId::Switch].into_iter().any(has_begun)
            || (migrated && self.deploys_itself())
        {
            origin.progress = Progress::Delivery;
        } else if has_begun(StageId::Migrations) || is_let_through {
            origin.progress = Progress::Migrate;
        }
        origin
    }

    /// Whether the pipeline ends with the migrations, and the room's own actions do the rest.
    fn deploys_itself(&self) -> bool {
        self.setting.github.as_ref().is_none_or(|setting| setting.deploy_by == DeployBy::Room)
    }

    /// Who is to deploy and move the traffic now.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        match self.run() {
            Some(run) if !self.deploys_itself() && run.state.is_bad() => Delivery::Failed,
            Some(run) if !self.deploys_itself() && !run.state.is_over() => Delivery::Pipeline,
            _ => Delivery::Room,
        }
    }

    /// Why GitHub cannot be read, while it cannot.
    #[must_use]
    pub fn repository_trouble(&self) -> Option<&str> {
        match &self.world.links.get(&SourceId::GitHub)?.state {
            LinkState::Lost { why } | LinkState::Unavailable { why } => Some(why),
            LinkState::Live => None,
        }
    }

    /// The chain of evidence to the colour that has, or is to have, the new version.
    #[must_use]
    pub fn chain(&self) -> Option<Chain> {
        self.chain_in(self.phase())
    }

    /// [`chain`](Self::chain) where the phase is known already.
    #[must_use]
    pub fn chain_in(&self, phase: Option<Phase>) -> Option<Chain> {
        let origin = self.assessed.evidence.origin.as_ref()?;
        let active = self.world.cluster.active()?;
        let forward = phase.is_some_and(Phase::is_after_switch);
        Some(Chain::of(origin, &self.world.cluster, if forward { active } else { active.other() }))
    }
}
