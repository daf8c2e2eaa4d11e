//! Deployments: a ReplicaSet for each template, and the way from one to the next
//! (upstream's deployment controller).

use std::sync::Arc;

use serde_json::{Value, json};

use super::conditions::{Saying, is_past_deadline, set, was_complete};
use super::rolling::{Count, Limits, scale_down, scale_up};
use super::{change, condition, owned};
use crate::rehearsal::cluster::leaving::leave;
use crate::rehearsal::cluster::object::{self, annotation, metadata, number, owner_reference, part, text};
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::Key;
use crate::rehearsal::cluster::{event, template};
use crate::rehearsal::world::World;

const COMPONENT: &str = "deployment-controller";
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The revisions that a ReplicaSet had before.
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MOST: &str = "deployment.kubernetes.io/max-replicas";
/// Annotations that a ReplicaSet does not take over from its Deployment.
const OWN: [&str; 5] = [REVISION, HISTORY, DESIRED, MOST, "kubectl.kubernetes.io/last-applied-configuration"];

/// One look at every Deployment.
pub(super) fn reconcile(world: &World) {
    let (_, deployments) = world.store.list(Resource::Deployments, None);
    for deployment in deployments.iter().filter(|deployment| !object::is_terminating(deployment)) {
        Look::at(world, deployment).step();
    }
}

/// Whether a Deployment waits for nothing but time: for its deadline, or for pods to
/// have been ready for long enough.
pub(super) fn waits_for_time(world: &World) -> bool {
    let (_, deployments) = world.store.list(Resource::Deployments, None);
    deployments.iter().any(|deployment| {
        let progress = condition(deployment, "Progressing").map(|progress| text(progress, "/reason"));
        !matches!(progress, Some("NewReplicaSetAvailable" | "ProgressDeadlineExceeded"))
    })
}

/// One look at one Deployment.
struct Look<'w> {
    world: &'w World,
    deployment: Arc<Value>,
    desired: i64,
    limits: Limits,
    /// Made from the present template.
    new: Option<Arc<Value>>,
    /// The oldest first.
    old: Vec<Arc<Value>>,
}

fn revision(object: &Value) -> u64 {
    annotation(object, REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn wanted(set: &Value) -> i64 {
    number(set, "/spec/replicas").unwrap_or(1)
}

fn status(object: &Value, key: &str) -> i64 {
    object["status"][key].as_i64().unwrap_or(0)
}

fn count(set: &Arc<Value>) -> Count {
    Count { wanted: wanted(set), available: status(set, "availableReplicas").min(wanted(set)) }
}

impl<'w> Look<'w> {
    fn at(world: &'w World, deployment: &Arc<Value>) -> Self {
        let template = template::without_hash(&deployment["spec"]["template"]);
        let sets = owned(world, Resource::ReplicaSets, deployment);
        let (mut new, mut old): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|set| template::without_hash(&set["spec"]["template"]) == template);
        // Of several with the same template the oldest is the one (upstream does so, too).
        new.sort_by_key(|set| text(set, "/metadata/creationTimestamp").to_owned());
        old.sort_by_key(|set| (revision(set), text(set, "/metadata/creationTimestamp").to_owned()));
        let desired = number(deployment, "/spec/replicas").unwrap_or(1);
        Self {
            world,
            deployment: Arc::clone(deployment),
            desired,
            limits: Limits::of(&deployment["spec"]["strategy"], desired),
            new: new.into_iter().next(),
            old,
        }
    }

    fn step(mut self) {
        let paused = self.deployment["spec"]["paused"] == true;
        if !paused {
            self.find_new();
        }
        if !self.scaled() && !paused {
            if self.deployment["spec"]["strategy"]["type"] == "Recreate" {
                self.recreate();
            } else {
                self.roll();
            }
        }
        self.write_status(paused);
        if !paused && was_complete(&self.deployment) {
            self.clean_up();
        }
    }

    fn sets(&self) -> impl Iterator<Item = &Arc<Value>> {
        self.old.iter().chain(&self.new)
    }

    /// The ReplicaSet of the present template: the one there is, which then has the
    /// newest revision, or one that is made.
    fn find_new(&mut self) {
        let newest = self.old.iter().map(|set| revision(set)).max().unwrap_or(0);
        match &self.new {
            Some(set) if revision(set) <= newest => {
                let next = (newest + 1).to_string();
                let past = match annotation(set, HISTORY) {
                    Some(past) => format!("{past},{}", revision(set)),
                    None => revision(set).to_string(),
                };
                let changed = change(self.world, Resource::ReplicaSets, set, |set| {
                    annotate(set, HISTORY, &past);
                    annotate(set, REVISION, &next);
                });
                self.new = changed.or(self.new.take());
            }
            Some(_) => {}
            None => self.new = self.make_new(newest + 1),
        }
        if let Some(new) = &self.new
            && revision(new) != revision(&self.deployment)
        {
            let next = revision(new).to_string();
            let changed = change(self.world, Resource::Deployments, &self.deployment, |deployment| {
                annotate(deployment, REVISION, &next)
            });
            self.deployment = changed.unwrap_or_else(|| Arc::clone(&self.deployment));
        }
    }

    fn make_new(&self, revision: u64) -> Option<Arc<Value>> {
        let hash = template::hash(&self.deployment["spec"]["template"]);
        let name = format!("{}-{hash}", object::name(&self.deployment));
        let namespace = object::namespace(&self.deployment);
        let recreate = self.deployment["spec"]["strategy"]["type"] == "Recreate";
        let old: i64 = self.old.iter().map(wanted_of).sum();
        let replicas = match (recreate, old) {
            (_, 0) => self.desired,
            (true, _) => 0,
            (false, old) => scale_up(self.desired, self.limits, Count::default(), old),
        };
        let mut template = self.deployment["spec"]["template"].clone();
        label(&mut template, template::HASH, &hash);
        let mut selector = self.deployment["spec"]["selector"].clone();
        part(&mut selector, "matchLabels").insert(template::HASH.into(), json!(hash));
        let mut set = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name, "namespace": namespace, "labels": template["metadata"]["labels"],
                "ownerReferences": [owner_reference(&self.deployment)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": template},
            "status": {"replicas": 0},
        });
        for (key, value) in self.deployment["metadata"]["annotations"].as_object().into_iter().flatten() {
            if !OWN.contains(&key.as_str()) {
                annotate(&mut set, key, value.as_str().unwrap_or_default());
            }
        }
        annotate(&mut set, REVISION, &revision.to_string());
        self.note_size(&mut set);
        self.world.stamp(Resource::ReplicaSets, &mut set);
        let made = self.world.store.create(Key::new(Resource::ReplicaSets, namespace, &name), set).ok()?;
        if replicas > 0 {
            self.tell_scaled("up", &name, 0, replicas);
        }
        Some(made)
    }

    fn note_size(&self, set: &mut Value) {
        annotate(set, DESIRED, &self.desired.to_string());
        annotate(set, MOST, &(self.desired + self.limits.surge).to_string());
    }

    fn tell_scaled(&self, way: &str, set: &str, from: i64, to: i64) {
        let message = format!("Scaled {way} replica set {set} from {from} to {to}");
        event::tell(self.world, &self.deployment, COMPONENT, "Normal", "ScalingReplicaSet", &message);
    }

    /// Gives a ReplicaSet its number of pods; the set as it is then.
    fn give(&self, set: &Arc<Value>, replicas: i64) -> Arc<Value> {
        let before = wanted(set);
        let changed = change(self.world, Resource::ReplicaSets, set, |set| {
            if before != replicas {
                part(set, "spec").insert("replicas".into(), json!(replicas));
                let generation = number(set, "/metadata/generation").unwrap_or(1) + 1;
                metadata(set).insert("generation".into(), json!(generation));
            }
            self.note_size(set);
        });
        if before != replicas {
            self.tell_scaled(
                if replicas > before { "up" } else { "down" },
                object::name(set),
                before,
                replicas,
            );
        }
        changed.unwrap_or_else(|| Arc::clone(set))
    }

    /// Follows a change of the Deployment's own size where only one ReplicaSet has
    /// pods; a rollout under way follows by itself. Whether it did.
    fn scaled(&mut self) -> bool {
        let noted = |set: &Value| annotation(set, DESIRED).and_then(|text| text.parse::<i64>().ok());
        let active: Vec<Arc<Value>> = self.sets().filter(|set| wanted(set) > 0).cloned().collect();
        let only = match active.as_slice() {
            [] => self.new.clone(),
            [only] => Some(Arc::clone(only)),
            _ => None,
        };
        let is_new =
            |set: &Arc<Value>| self.new.as_ref().is_some_and(|new| object::uid(new) == object::uid(set));
        let paused = self.deployment["spec"]["paused"] == true;
        let follows = |set: &Arc<Value>| noted(set) != Some(self.desired) && (paused || is_new(set));
        let Some(set) = only.filter(follows) else { return false };
        self.give(&set, self.desired);
        *self = Self::at(self.world, &self.deployment);
        true
    }

    fn recreate(&mut self) {
        self.old = self.old.iter().map(|set| self.give(set, 0)).collect();
        let running = self.old.iter().any(|set| !owned(self.world, Resource::Pods, set).is_empty());
        if !running {
            self.new = self.new.take().map(|new| self.give(&new, self.desired));
        }
    }

    fn roll(&mut self) {
        let Some(new) = self.new.take() else { return };
        let all: i64 = self.old.iter().map(wanted_of).sum::<i64>() + wanted(&new);
        let next = scale_up(self.desired, self.limits, count(&new), all);
        let new = if next == wanted(&new) { new } else { self.give(&new, next) };
        let counts: Vec<Count> = self.old.iter().map(count).collect();
        let next = scale_down(self.desired, self.limits, count(&new), &counts);
        self.old = self
            .old
            .iter()
            .zip(next)
            .map(|(set, next)| if next == wanted(set) { Arc::clone(set) } else { self.give(set, next) })
            .collect();
        self.new = Some(new);
    }

    fn write_status(&mut self, paused: bool) {
        let sum = |key: &str| self.sets().map(|set| status(set, key)).sum::<i64>();
        let updated = self.new.as_ref().map_or(0, |new| status(new, "replicas"));
        let (replicas, ready, available) = (sum("replicas"), sum("readyReplicas"), sum("availableReplicas"));
        let mut next = json!({"observedGeneration": self.deployment["metadata"]["generation"]});
        let unavailable = (self.desired.max(replicas) - available).max(0);
        for (key, count) in [
            ("replicas", replicas),
            ("updatedReplicas", updated),
            ("readyReplicas", ready),
            ("availableReplicas", available),
            ("unavailableReplicas", unavailable),
        ] {
            if count > 0 {
                next[key] = json!(count);
            }
        }
        if let Some(conditions) = self.deployment.pointer("/status/conditions") {
            next["conditions"] = conditions.clone();
        }
        let complete = updated == self.desired && replicas == self.desired && available == self.desired;
        self.say(&mut next, available, complete, paused);
        let changed = change(self.world, Resource::Deployments, &self.deployment, |deployment| {
            deployment["status"] = next
        });
        self.deployment = changed.unwrap_or_else(|| Arc::clone(&self.deployment));
    }

    fn say(&self, next: &mut Value, available: i64, complete: bool, paused: bool) {
        let now = self.world.now();
        let enough = available >= self.desired - self.limits.unavailable;
        let availability = match enough {
            true => Saying {
                kind: "Available",
                status: true,
                reason: "MinimumReplicasAvailable",
                message: "Deployment has minimum availability.",
            },
            false => Saying {
                kind: "Available",
                status: false,
                reason: "MinimumReplicasUnavailable",
                message: "Deployment does not have minimum availability.",
            },
        };
        set(next, availability, false, now);
        let name = self.new.as_ref().map(|new| object::name(new).to_owned()).unwrap_or_default();
        let before = &self.deployment["status"];
        let at = |status: &Value, key: &str| status[key].as_i64().unwrap_or(0);
        let more = |key: &str| at(next, key) > at(before, key);
        let fewer_old = at(next, "replicas") - at(next, "updatedReplicas")
            < at(before, "replicas") - at(before, "updatedReplicas");
        let moved =
            more("updatedReplicas") || more("readyReplicas") || more("availableReplicas") || fewer_old;
        let deadline = number(&self.deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
        let unseen =
            at(before, "observedGeneration") != number(&self.deployment, "/metadata/generation").unwrap_or(0);
        let (status, reason, message) = if paused {
            (true, "DeploymentPaused", "Deployment is paused".to_owned())
        } else if complete {
            (true, "NewReplicaSetAvailable", format!("ReplicaSet \"{name}\" has successfully progressed."))
        } else if moved || unseen || was_complete(&self.deployment) {
            (true, "ReplicaSetUpdated", format!("ReplicaSet \"{name}\" is progressing."))
        } else if is_past_deadline(&self.deployment, deadline, now) {
            (false, "ProgressDeadlineExceeded", format!("ReplicaSet \"{name}\" has timed out progressing."))
        } else if condition(&self.deployment, "Progressing").is_none() {
            (true, "NewReplicaSetCreated", format!("Created new replica set \"{name}\""))
        } else {
            return;
        };
        let renew = moved || unseen;
        set(next, Saying { kind: "Progressing", status, reason, message: &message }, renew, now);
    }

    /// Old ReplicaSets beyond the limit of the history go.
    fn clean_up(&self) {
        let limit = number(&self.deployment, "/spec/revisionHistoryLimit").unwrap_or(10);
        let spare = self.old.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
        for set in self.old.iter().take(spare).filter(|set| wanted(set) == 0 && status(set, "replicas") == 0)
        {
            let key = Key::new(Resource::ReplicaSets, object::namespace(set), object::name(set));
            // Gone already is as good.
            let _ = leave(self.world, &key, None);
        }
    }
}

fn wanted_of(set: &Arc<Value>) -> i64 {
    wanted(set)
}

fn annotate(object: &mut Value, key: &str, value: &str) {
    let metadata = metadata(object);
    object::as_object(metadata.entry("annotations").or_insert_with(|| json!({})))
        .insert(key.into(), json!(value));
}

fn label(object: &mut Value, key: &str, value: &str) {
    let metadata = metadata(object);
    object::as_object(metadata.entry("labels").or_insert_with(|| json!({}))).insert(key.into(), json!(value));
}
