//! The world's parts, as each of them sees the others.

use std::sync::Arc;
use std::sync::Mutex;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::application::Application;
use super::cluster::store::Store;
use super::faults::Faults;
use super::scenario::Scenario;
use crate::clock::Clock;

/// Everything there is in one world. Its tasks hold it in an [`Arc`].
#[derive(Debug)]
pub struct World {
    pub scenario: Scenario,
    pub store: Store,
    pub application: Application,
    pub faults: Faults,
    pub clock: Clock,
    /// All chance in the world comes from here: `--seed` makes a run repeatable.
    chance: Mutex<StdRng>,
}

impl World {
    /// A world in which nothing happens yet.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64) -> Arc<Self> {
        Arc::new(Self {
            scenario,
            store: Store::default(),
            application: Application::default(),
            faults: Faults::default(),
            clock: Clock::start(),
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
        })
    }

    /// Lets `draw` have the world's dice.
    pub fn chance<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
