//! The panel of faults: what the room is shown of a rehearsal's switchboard, and the
//! hand on it.

use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::rehearsal::faults::{Active, Fault, Faults};
use crate::room::message::{Body, Message, Observation};
use crate::room::rehearsal::FaultLine;

/// Shows the room how the faults stand, whenever that changes.
pub(super) async fn follow(faults: Faults, clock: Clock, room: Sender<Message>, stop: CancellationToken) {
    let mut active = faults.subscribe();
    loop {
        let lines = lines(&active.borrow_and_update());
        let message = Message { at: clock.now(), body: Body::Observation(Observation::Faults(lines)) };
        if room.send(message).await.is_err() {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = active.changed() => if changed.is_err() { return },
        }
    }
}

/// Begins a fault, or ends it where it goes on.
pub(super) fn toggle(faults: Option<&Faults>, name: &str) {
    let (Some(faults), Some(fault)) = (faults, Fault::named(name)) else { return };
    if faults.active().has(name) {
        faults.clear(name);
    } else {
        faults.inject(fault);
    }
}

fn lines(active: &Active) -> Vec<FaultLine> {
    let line = |ordinary: Fault| {
        let now = active.get(ordinary.name());
        FaultLine { name: ordinary.name(), words: now.unwrap_or(ordinary).words(), is_on: now.is_some() }
    };
    Fault::ALL.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_toggled_and_shown_with_its_figures() {
        let faults = Faults::default();
        faults.inject(Fault::Errors { rate: 0.5 });
        let shown = lines(&faults.active());
        assert_eq!(shown.len(), Fault::ALL.len());
        let errors = shown.iter().find(|line| line.name == "errors").unwrap();
        assert!(errors.is_on && errors.words.contains("50 %"), "{errors:?}");
        toggle(Some(&faults), "errors");
        toggle(Some(&faults), "api-frozen");
        toggle(Some(&faults), "nonsense");
        let on: Vec<_> = faults.active().all().collect();
        assert_eq!(on, [Fault::ApiFrozen]);
    }
}
