//! From wanting to doing: what each action would be right now, and whether it may.

use super::Room;
use super::github::nothing_to_do;
use crate::sop::interlock::{Interlock, first_blocked, interlocks};
use crate::sop::operation::{Action, ActionKind, Expectation, OperationId, RollbackWay};
use crate::sop::rollback::{WayBack, ways_back};

/// An action as it would be ordered now, and what stands in its way.
#[derive(Clone, Debug)]
pub struct Standing {
    /// `None` while the pair has not been seen, or there is nothing to do it to.
    pub action: Option<Action>,
    pub interlocks: Vec<Interlock>,
    /// The first reason why it may not be done; `None` when it may.
    pub blocked: Option<String>,
}

impl Room {
    /// What `kind` would do now. A deploy's image is asked in its dialog, so the
    /// idle colour's present one stands in for it.
    #[must_use]
    pub fn proposal(&self, kind: ActionKind) -> Option<Action> {
        if kind.is_on_github() {
            return self.proposal_on_github(kind);
        }
        let idle = self.world.cluster.idle()?;
        Some(match kind {
            ActionKind::Deploy => {
                let image = self.world.cluster.deployments[idle].as_ref()?.image.clone()?;
                Action::Deploy { colour: idle, image }
            }
            ActionKind::Verify => Action::Verify { colour: idle },
            ActionKind::Switch => Action::Switch { to: idle },
            ActionKind::Retire => Action::Retire { colour: idle },
            ActionKind::Close => Action::Close,
            ActionKind::Rollback => Action::Rollback { way: self.cheapest_way_back()?.way },
            _ => return None,
        })
    }

    /// All ways back with their prices, the cheapest first.
    #[must_use]
    pub fn ways_back(&self) -> Vec<WayBack> {
        ways_back(&self.situation(), self.record.as_ref(), None)
    }

    /// The cheapest way back that is possible; when none is, the cheapest, to say why not.
    #[must_use]
    pub fn cheapest_way_back(&self) -> Option<WayBack> {
        let ways = self.ways_back();
        let possible = ways.iter().position(WayBack::is_possible).unwrap_or(0);
        ways.into_iter().nth(possible)
    }

    /// What `kind` would do now and what stands in its way.
    #[must_use]
    pub fn standing(&self, kind: ActionKind) -> Standing {
        let Some(action) = self.proposal(kind) else {
            let blocked = Some(nothing_to_do(kind).to_owned());
            return Standing { action: None, interlocks: Vec::new(), blocked };
        };
        let interlocks = interlocks(&action, None, &self.situation());
        let running = self.operations.running().map(|operation| operation.action.kind());
        let blocked = match running {
            Some(running) if kind != ActionKind::Rollback || running == ActionKind::Rollback => {
                Some(format!("{running} is under way"))
            }
            _ => first_blocked(&interlocks, &[]).map(|lock| lock.why().to_owned()),
        };
        Standing { action: Some(action), interlocks, blocked }
    }

    /// What the operator sees now, for an order to be held against.
    #[must_use]
    pub fn expectation(&self) -> Expectation {
        Expectation {
            active: self.world.cluster.active(),
            service_uid: self.world.cluster.service.as_ref().map(|service| service.uid.clone()),
        }
    }

    /// Why an action would be ordered now: for a rollback, the reasons that stand.
    #[must_use]
    pub fn reason_for(&self, action: &Action) -> Option<String> {
        let reasons: Vec<&str> =
            self.assessed.triggers.iter().map(|trigger| trigger.words.as_str()).collect();
        let is_rollback = action.kind() == ActionKind::Rollback;
        (is_rollback && !reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// A new operation's id: this session and a number within it.
    pub fn next_operation_id(&mut self) -> OperationId {
        self.operations.given += 1;
        OperationId(format!("{}-{}", self.setting.operator.session, self.operations.given))
    }
}

/// The rollback ways' names, as flags and dialogs have them.
#[must_use]
pub const fn way_words(way: &RollbackWay) -> &'static str {
    match way {
        RollbackWay::SwitchBack { .. } => "switch back",
        RollbackWay::Undo { .. } => "undo in place",
        RollbackWay::Redeploy { .. } => "bring the other colour up, then switch",
    }
}
