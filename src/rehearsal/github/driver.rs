//! Lets time pass on GitHub, and has done what runs ask for.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::hands;
use super::run::Errand;
use super::workflow::Stage;
use crate::rehearsal::world::World;

/// How long it looks away when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);
/// Least time between two looks, however much is asked of GitHub meanwhile.
const LEAST: Duration = Duration::from_millis(20);

/// Drives GitHub until `stop`.
pub async fn run(world: Arc<World>, stop: CancellationToken) {
    let github = &world.github;
    loop {
        let now = github.clock.now().wall;
        let (due, errands, pushed) = {
            let mut state = github.lock();
            state.advance(now);
            let errands: Vec<Errand> = state.errands.drain(..).collect();
            (state.next_due(), errands, state.pushed_versions())
        };
        pushed.iter().for_each(|version| world.registry.push(version));
        for errand in errands {
            tokio::spawn(carry_out(Arc::clone(&world), errand, stop.clone()));
        }
        let rest = due.map_or(IDLE, |due| Duration::try_from(due.duration_since(now)).unwrap_or_default());
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(rest.max(LEAST)) => {}
            () = github.changed.notified() => {}
        }
    }
}

/// Has an errand run and says how it went.
async fn carry_out(world: Arc<World>, errand: Errand, stop: CancellationToken) {
    let command = world.github.plot().commands.get(&errand.stage).cloned();
    let done = async {
        match command {
            Some(command) => hands::command(&command, &errand).await,
            None if errand.stage == Stage::Deploy => hands::deploy(&world, &errand).await,
            None if errand.stage == Stage::Switch => hands::switch(&world, &errand).await,
            None => hands::smoke(&world, &errand).await,
        }
    };
    let done = tokio::select! {
        () = stop.cancelled() => return,
        done = done => done,
    };
    let github = &world.github;
    github.change(|state, now| state.report(&errand, done.lines, done.well, now));
}
