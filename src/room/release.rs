//! What the room knows of a release's repository.

mod draft;
mod looking;

pub use looking::{LogSearch, Looking, OpenLog};

use super::Room;
use super::message::{LinkState, SourceId};
use crate::sop::chain::{Chain, Origin};
use crate::sop::phase::Phase;

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
            (Some(repository), _) => Origin::of(repository, None),
            (None, Some(why)) => Origin::unread(&format!("GitHub cannot be read: {why}")),
            (None, None) => Origin::unread("GitHub was not read yet"),
        })
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
        let forward = matches!(phase, Some(Phase::Watch | Phase::StandDown | Phase::Closed));
        Some(Chain::of(origin, &self.world.cluster, if forward { active } else { active.other() }))
    }
}
