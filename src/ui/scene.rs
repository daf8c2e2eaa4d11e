//! What several panes need to know of the room, worked out once per frame.

use crate::room::Room;
use crate::room::act::Standing;
use crate::room::automatic::ShownCountdown;
use crate::room::release::Delivery;
use crate::sop::chain::Chain;
use crate::sop::operation::{Action, ActionKind, RollbackWay};
use crate::sop::phase::{Phase, phase_given};
use crate::sop::pipeline::Run;
use crate::sop::rollback::WayBack;
use crate::sop::stages::Stages;
use crate::sop::verdict::Judgement;

use super::theme::{Glyphs, Look, Tone};

/// One frame's worth of conclusions.
pub(crate) struct Scene<'a> {
    pub(crate) room: &'a Room,
    pub(crate) look: Look,
    pub(crate) phase: Option<Phase>,
    pub(crate) judgement: Judgement,
    pub(crate) way_back: Option<WayBack>,
    pub(crate) countdown: Option<ShownCountdown>,
    chain: Option<Chain>,
    /// The stages of the run that is shown.
    pub(crate) stages: Option<Stages>,
    standings: Vec<(ActionKind, Standing)>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(room: &'a Room, look: Look) -> Self {
        let standings: Vec<(ActionKind, Standing)> =
            room.kinds().map(|kind| (kind, room.standing(kind))).collect();
        // The dearest conclusion is the switch's: the phase is drawn from the same one.
        let switch = standings.iter().find(|(kind, _)| *kind == ActionKind::Switch);
        let switch = switch.map_or(&[][..], |(_, standing)| &standing.interlocks);
        let phase = phase_given(&room.situation(), switch);
        Self {
            room,
            look,
            phase,
            chain: room.chain_in(phase),
            stages: room.stages(),
            judgement: room.judgement(),
            way_back: room.cheapest_way_back(),
            countdown: room.countdown(),
            standings,
        }
    }

    pub(crate) const fn glyphs(&self) -> &'static Glyphs {
        self.look.glyphs()
    }

    pub(crate) fn style(&self, tone: Tone) -> ratatui::style::Style {
        self.look.style(tone)
    }

    pub(crate) fn standing(&self, kind: ActionKind) -> Option<&Standing> {
        self.standings.iter().find(|(known, _)| *known == kind).map(|(_, standing)| standing)
    }

    /// The chain of evidence; `None` without a repository, or while the pair is unseen.
    pub(crate) const fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    /// The action that the procedure has next; `None` when there is only waiting.
    pub(crate) fn next_action(&self) -> Option<ActionKind> {
        let has_repository = self.room.has_repository();
        match self.phase {
            Some(Phase::Review) => Some(ActionKind::Merge),
            Some(Phase::Approval) => Some(ActionKind::Approve),
            Some(Phase::Prepare | Phase::Closed | Phase::RolledBack) if has_repository => {
                Some(ActionKind::Propose)
            }
            _ if self.is_in_pipeline() => self.failed_run().map(|_| ActionKind::Rerun),
            Some(Phase::Prepare | Phase::Deploy | Phase::Closed | Phase::RolledBack) => {
                Some(ActionKind::Deploy)
            }
            Some(Phase::Verify) => Some(ActionKind::Verify),
            Some(Phase::Switch) => Some(ActionKind::Switch),
            Some(Phase::StandDown) if self.is_retired() => Some(ActionKind::Close),
            Some(Phase::StandDown) => Some(ActionKind::Retire),
            Some(Phase::Pipeline | Phase::Migrate | Phase::Watch) | None => None,
        }
    }

    /// Whether the release is still in its repository, or in the hands of a pipeline that
    /// deploys by itself: nothing is to be done in the cluster then.
    pub(crate) fn is_in_pipeline(&self) -> bool {
        match self.phase {
            Some(Phase::Deploy | Phase::Verify | Phase::Switch) => self.room.delivery() != Delivery::Room,
            phase => phase.is_some_and(Phase::is_in_repository),
        }
    }

    /// The release's run, when it ended badly.
    pub(crate) fn failed_run(&self) -> Option<&Run> {
        self.room.run().filter(|run| run.state.is_bad())
    }

    /// Whether the idle colour was scaled to 0.
    pub(crate) fn is_retired(&self) -> bool {
        let cluster = &self.room.world.cluster;
        let idle = cluster.idle().and_then(|idle| cluster.deployments[idle].as_ref());
        idle.is_some_and(|idle| idle.desired == 0)
    }

    /// Whether the traffic has moved to the new version, so that there is something to take back.
    pub(crate) const fn can_take_back(&self) -> bool {
        matches!(self.phase, Some(phase) if phase.is_after_switch())
    }

    /// What a rollback costs right now: `rollback → BLUE: one patch, about 1 s`.
    pub(crate) fn way_back_words(&self) -> (String, Tone) {
        if self.phase.is_some() && !self.can_take_back() {
            return ("rollback: nothing to take back".to_owned(), Tone::Dim);
        }
        let Some(back) = &self.way_back else {
            return ("rollback: not known yet".to_owned(), Tone::Warn);
        };
        if let Some(lock) = back.interlocks.iter().find(|lock| !lock.is_clear()) {
            return (format!("no rollback now: {}", lock.why()), Tone::Warn);
        }
        let target = match Action::traffic_to(&Action::Rollback { way: back.way.clone() }) {
            Some(to) => format!("{} {}", self.glyphs().arrow, to.label()),
            None => match back.way {
                RollbackWay::Undo { colour } => format!("of {} in place", colour.label()),
                _ => String::new(),
            },
        };
        (format!("rollback {target}: {}", back.price), Tone::Plain)
    }
}
