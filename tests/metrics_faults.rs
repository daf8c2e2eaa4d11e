//! A Prometheus in trouble, and the whole room on it: whatever goes wrong with what is
//! measured, the watch does not pass.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use cutover::clock::Clock;
use cutover::control::{Control, InRehearsal, Use};
use cutover::rehearsal::faults::Fault;
use cutover::rehearsal::scenario::Scenario;
use cutover::rehearsal::stage::Stage;
use cutover::room::Room;
use cutover::room::message::{Body, Observation};
use cutover::room::rehearsal::Rehearsal;
use cutover::sop::alert::AlertState;
use cutover::sop::command::Operator;
use cutover::sop::signal::{Reading, SignalId};
use cutover::sop::verdict::Verdict;
use futures::future::join_all;
use tokio::time::timeout;

/// How long one thing may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(180);
/// Rounds under a fault that are looked at, after the first that it has reached.
const ROUNDS: usize = 2;
/// A watch of 30 s, sampled each second.
const SPEED: u32 = 60;

async fn stage(scenario: &str) -> Stage {
    // A second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let scenario = Scenario::parse("test", &format!("title = 't'\ndescription = 'd'\n{scenario}")).unwrap();
    Stage::raise(scenario, 1, SPEED, None).await.unwrap()
}

fn room(stage: &Stage) -> Control {
    let operator = Operator { user: "ops1".into(), host: "bastion-1".into(), session: "s1".into() };
    let words = Rehearsal { scenario: "test".into(), speed: SPEED, seed: 1 };
    let state = stage.directory().join("state");
    let rehearsal = InRehearsal { words, faults: stage.world.faults.clone(), state };
    Control::start_in(stage.environment().unwrap(), operator, Clock::start(), Use::Screen, Some(rehearsal))
}

/// Lets the room see what comes until `done`; it is told whether a round of samples came.
async fn until(control: &mut Control, what: &str, mut done: impl FnMut(&Room, bool) -> bool) {
    let seen = timeout(LIMIT, async {
        loop {
            let message = control.next().await.unwrap();
            let round = matches!(&message.body, Body::Observation(Observation::Samples(_)));
            let effects = control.take_one(message);
            control.carry_out(effects);
            if done(&control.room, round) {
                return;
            }
        }
    });
    if seen.await.is_err() {
        let evidence = &control.room.assessed.evidence;
        panic!("waited {} s for {what}: {evidence:?}", LIMIT.as_secs());
    }
}

fn passes(room: &Room) -> bool {
    room.assessed.evidence.watch.as_ref().is_some_and(|watch| watch.verdict == Verdict::Pass)
}

/// Whether the newest sample of the error rate is no plain value: the fault has reached
/// the room. Until then what was measured before it may pass, and rightly.
fn is_reached(room: &Room) -> bool {
    let newest = room.metrics.track(SignalId::ERROR_RATE).and_then(|track| track.total.newest());
    newest.is_some_and(|(_, sample)| !matches!(sample.reading, Reading::Value(_)))
}

#[tokio::test(flavor = "multi_thread")]
async fn under_no_fault_of_the_metrics_the_watch_passes() {
    let faults = [
        Fault::MetricsLost,
        Fault::MetricsFrozen,
        Fault::MetricsEmpty,
        Fault::MetricsNan,
        Fault::MetricsErrors { status: 503 },
        Fault::MetricsWarnings,
        Fault::MetricsSeveral,
    ];
    // Side by side: each waits for its own world's watch.
    join_all(faults.map(|fault| Box::pin(no_pass_under(fault)))).await;
}

/// A watch that passes stops doing so when this goes wrong, and says why.
async fn no_pass_under(fault: Fault) {
    let stage = stage("[users]\nrequests_per_second = 50.0").await;
    let mut control = room(&stage);
    until(&mut control, &format!("a pass before {fault:?}"), |room, _| passes(room)).await;
    stage.world.faults.inject(fault);
    until(&mut control, &format!("{fault:?} to reach the room"), |room, _| is_reached(room)).await;
    let mut rounds = 0;
    until(&mut control, &format!("{ROUNDS} rounds under {fault:?}"), |room, round| {
        assert!(!passes(room), "{fault:?}: {:?}", room.assessed.evidence.watch);
        rounds += usize::from(round);
        rounds >= ROUNDS
    })
    .await;
    let reasons = control.room.assessed.evidence.watch.clone().unwrap().reasons;
    assert!(!reasons.is_empty(), "{fault:?}: it says why");
    control.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_is_silenced_makes_no_pass_of_errors() {
    let stage = stage("[running]\nerror_rate = 0.12\n[users]\nrequests_per_second = 200.0").await;
    stage.world.faults.inject(Fault::AlertSilenced);
    let mut control = room(&stage);
    let silenced = |room: &Room| {
        let alerts = room.metrics.alerts.iter().flat_map(|(_, alerts)| alerts);
        alerts.into_iter().any(|alert| alert.p0 && alert.state == AlertState::Silenced)
    };
    until(&mut control, "the alert to be known and silenced", |room, _| {
        assert!(!passes(room), "{:?}", room.assessed.evidence.watch);
        silenced(room)
    })
    .await;
    stage.world.faults.clear(Fault::AlertSilenced.name());
    until(&mut control, "the alert to fire, and the incident", |room, _| {
        assert!(!passes(room), "{:?}", room.assessed.evidence.watch);
        let incident = room.metrics.duty.iter().any(|(_, duty)| !duty.incidents.is_empty());
        !silenced(room) && incident
    })
    .await;
    control.leave().await;
}
