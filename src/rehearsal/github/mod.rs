//! GitHub's REST API of the world, on loopback.
//!
//! `state` holds the repository and what belongs to it: history, pull requests, runs of
//! the workflows, environments. `json` shows it in GitHub's shapes, `http` answers
//! requests, `driver` lets time pass and has the pipeline's hands do what a run asks for.

mod config;
pub mod control;
pub mod deployment;
pub mod diff;
mod door;
mod driver;
pub mod engine;
pub mod git;
mod hands;
mod http;
pub mod json;
pub mod log;
pub mod merging;
pub mod people;
pub mod plot;
pub mod pull;
pub mod rate;
pub mod record;
pub mod refused;
pub mod release;
pub mod run;
pub mod seed;
pub mod state;
#[cfg(test)]
mod tests;
pub mod thread;
pub mod workflow;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

pub(super) use config::{TOKEN_FILE, config};
pub(super) use door::door;
pub use driver::run as drive;
pub(super) use http::router;
use json::Show;
use people::Person;
use plot::Plot;
use rate::Rates;
pub use record::Recorder;
pub use refused::Refused;
use state::State;
use thread::Verdict;
use workflow::Commands;

use super::scenario::Scenario;
use crate::clock::Clock;

/// The world's GitHub. What is asked and what happens meet here, one at a time.
#[derive(Debug)]
pub struct GitHub {
    state: Mutex<State>,
    clock: Clock,
    /// Told whenever something may have changed.
    changed: Notify,
    rates: Rates,
    /// Writes down what is asked, while somebody wants that.
    pub recorder: Recorder,
}

impl GitHub {
    /// The repository at the start of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario, clock: Clock) -> Self {
        Self {
            state: Mutex::new(seed::state(scenario, "", clock.now().wall)),
            clock,
            changed: Notify::new(),
            rates: Rates::default(),
            recorder: Recorder::default(),
        }
    }

    /// Puts everything back to its start.
    pub fn reset(&self, scenario: &Scenario) {
        let mut state = self.lock();
        let commands = std::mem::take(&mut state.plot.commands);
        let base = std::mem::take(&mut state.base);
        *state = seed::state(scenario, &base, self.clock.now().wall);
        state.plot.commands = commands;
        drop(state);
        self.changed.notify_one();
    }

    /// Says where the API is.
    pub fn is_at(&self, url: &str) {
        url.clone_into(&mut self.lock().base);
    }

    /// Has stages run these commands from now on, in place of what the world would do.
    /// Runs that have begun go on as they were.
    pub fn set_commands(&self, commands: Commands) {
        self.lock().plot.commands = commands;
    }

    /// What happens here.
    #[must_use]
    pub fn plot(&self) -> Plot {
        self.lock().plot.clone()
    }

    /// Looks at everything as it is now.
    fn show<T>(&self, look: impl FnOnce(Show<'_>) -> T) -> T {
        let now = self.clock.now().wall;
        let mut state = self.lock();
        state.advance(now);
        let seen = look(Show { state: &state, now });
        drop(state);
        self.changed.notify_one();
        seen
    }

    /// Changes something.
    fn change<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let now = self.clock.now().wall;
        let mut state = self.lock();
        state.advance(now);
        let changed = change(&mut state, now);
        state.advance(now);
        drop(state);
        self.changed.notify_one();
        changed
    }

    /// Lets happen at once whatever only waits for its time.
    pub fn hurry(&self) {
        self.change(|state, now| state.hurry(now));
    }

    /// Somebody reviews the open pull request of the highest number.
    ///
    /// # Errors
    /// As GitHub refuses it; 404 where none is open.
    pub fn review_by(&self, by: &'static Person, event: &str) -> Result<u64, Refused> {
        let verdict = Verdict::of_event(event)
            .ok_or_else(|| Refused::invalid("PullRequestReview", "event", "invalid"))?;
        self.change(|state, now| {
            let open = state.threads.values().rfind(|thread| thread.is_open() && thread.pull.is_some());
            let number = open.ok_or_else(Refused::not_found)?.number;
            state.review(number, verdict, "As agreed.", by, now)
        })
    }

    /// Somebody pushes one commit to a branch; its id.
    ///
    /// # Errors
    /// 404 where there is no such branch.
    pub fn push_by(
        &self,
        by: &'static Person,
        branch: &str,
        files: &[(String, String)],
        message: &str,
    ) -> Result<String, Refused> {
        self.change(|state, now| state.push(branch, files, message, by, now))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The world, for those who answer for its GitHub.
pub(super) type Held = Arc<super::world::World>;
