//! The world's parts, as each of them sees the others.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::application::Application;
use super::cluster::object::metadata;
use super::cluster::resource::Resource;
use super::cluster::store::Store;
use super::faults::{Fault, Faults};
use super::github::GitHub;
use super::registry::Registry;
use super::scenario::Scenario;
use crate::clock::Clock;

/// Everything there is in one world. Its tasks hold it in an [`Arc`].
#[derive(Debug)]
pub struct World {
    pub scenario: Scenario,
    pub store: Store,
    pub application: Application,
    pub faults: Faults,
    pub github: GitHub,
    pub registry: Registry,
    pub clock: Clock,
    pub seed: u64,
    /// All chance in the world comes from here: `--seed` makes a run repeatable.
    chance: Mutex<StdRng>,
}

impl World {
    /// A world in which nothing happens yet.
    #[must_use]
    pub fn new(scenario: Scenario, seed: u64) -> Arc<Self> {
        let clock = Clock::start().with_lead(scenario.lead(Timestamp::now()));
        let github = GitHub::new(&scenario, clock);
        let registry = Registry::new(&scenario);
        Arc::new(Self {
            scenario,
            store: Store::default(),
            application: Application::default(),
            faults: Faults::default(),
            github,
            registry,
            clock,
            seed,
            chance: Mutex::new(StdRng::seed_from_u64(seed)),
        })
    }

    /// The time as the cluster's clocks have it: wrong while that fault goes on.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self.clock.now().wall;
        match self.faults.active().get("clock-skew") {
            Some(Fault::ClockSkew { seconds }) => {
                now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now)
            }
            _ => now,
        }
    }

    /// Gives a new object what every object has from its birth: name (from its
    /// `generateName`), uid, creation time, and generation where its kind counts it.
    pub fn stamp(&self, resource: Resource, object: &mut Value) {
        let created = seconds(self.now());
        let (uid, suffix) = self.chance(|dice| (uid(dice), suffix(dice, 5)));
        let metadata = metadata(object);
        let generated = metadata.get("generateName").and_then(Value::as_str).map(str::to_owned);
        let named = metadata.get("name").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
        if let (Some(prefix), false) = (generated, named) {
            metadata.insert("name".into(), json!(format!("{prefix}{suffix}")));
        }
        metadata.insert("uid".into(), json!(uid));
        metadata.insert("creationTimestamp".into(), json!(created));
        if counts_generations(resource) {
            metadata.insert("generation".into(), json!(1));
        }
    }

    /// Lets `draw` have the world's dice.
    pub fn chance<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.chance.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether objects of a kind count the changes of their spec in `metadata.generation`.
#[must_use]
pub const fn counts_generations(resource: Resource) -> bool {
    matches!(resource, Resource::Deployments | Resource::ReplicaSets | Resource::EndpointSlices)
}

/// A time as Kubernetes writes it where a second is enough.
#[must_use]
pub fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A random uid (RFC 9562, version 4).
fn uid(dice: &mut StdRng) -> String {
    let bits: u128 = dice.random();
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The end of a generated name, from the letters that Kubernetes uses: no vowels, so
/// that no words come out.
#[must_use]
pub fn suffix(dice: &mut StdRng, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..length).map(|_| char::from(LETTERS[dice.random_range(0..LETTERS.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn births_are_repeatable_and_no_two_alike() {
        let born = |seed| {
            let world = World::new(Scenario::default(), seed);
            let mut objects = vec![json!({"metadata": {"generateName": "pod-"}, "spec": {}}); 2];
            objects.iter_mut().for_each(|object| world.stamp(Resource::Pods, object));
            objects
                .iter()
                .map(|object| object["metadata"]["name"].to_string() + uid_of(object))
                .collect::<Vec<_>>()
        };
        fn uid_of(object: &Value) -> &str {
            crate::rehearsal::cluster::object::uid(object)
        }
        assert_eq!(born(7), born(7));
        assert_ne!(born(7), born(8));
        assert_ne!(born(7)[0], born(7)[1]);
        let uid = uid(&mut StdRng::seed_from_u64(1));
        assert_eq!((uid.len(), &uid[14..15]), (36, "4"));
    }
}
