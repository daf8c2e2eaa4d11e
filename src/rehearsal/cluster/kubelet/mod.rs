//! The kubelet: gives every pod that asks for the default scheduler a node and a life.

mod container;
mod life;
mod status;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::object::{self, text};
use super::resource::Resource;
use super::store::{Change, ChangeKind, Key};
use crate::rehearsal::world::World;

pub(super) use life::settled;
pub use status::digits;

/// The node that everything runs on.
pub(super) const NODE: &str = "rehearsal";
/// The node's address, from a documentation range (RFC 5737).
pub(super) const NODE_ADDRESS: &str = "192.0.2.1";
/// Who tells of what happens to pods.
const COMPONENT: &str = "kubelet";

/// A pod as it is now; `None` when it is gone.
type Seen = Option<Arc<Value>>;

/// Runs pods for ever. One task looks at all changes and passes each to the life that
/// it concerns, so that pods nobody runs cost nothing.
pub(super) async fn run(world: Arc<World>) {
    let mut newest = world.store.subscribe();
    let mut lives: HashMap<String, watch::Sender<Seen>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut seen = None;
    loop {
        for (uid, pod) in changes(&world, &mut seen) {
            match (lives.get(&uid), pod) {
                (Some(life), pod) => {
                    life.send_replace(pod);
                }
                (None, Some(pod)) if is_ours(&pod) => {
                    let (life, follows) = watch::channel(Some(Arc::clone(&pod)));
                    lives.insert(uid, life);
                    tasks.spawn(life::live(Arc::clone(&world), pod, follows));
                }
                (None, _) => {}
            }
        }
        lives.retain(|_, life| life.receiver_count() > 0);
        tokio::select! {
            changed = newest.changed() => if changed.is_err() { return },
            Some(ended) = tasks.join_next() => if let Err(error) = ended {
                tracing::error!("a pod's life broke off: {error}");
            },
        }
    }
}

fn is_ours(pod: &Value) -> bool {
    text(pod, "/spec/schedulerName") == "default-scheduler"
}

/// The pods that have changed, by uid; at first, and when too much has happened, all of
/// them.
fn changes(world: &World, seen: &mut Option<u64>) -> Vec<(String, Seen)> {
    let told = seen.and_then(|seen| world.store.since(seen, Resource::Pods, None).ok());
    match told {
        Some((version, changes)) => {
            *seen = Some(version);
            changes.into_iter().map(one).collect()
        }
        None => {
            let (version, pods) = world.store.list(Resource::Pods, None);
            *seen = Some(version);
            pods.into_iter().map(|pod| (object::uid(&pod).to_owned(), Some(pod))).collect()
        }
    }
}

fn one(change: Change) -> (String, Seen) {
    let uid = object::uid(&change.object).to_owned();
    (uid, (change.kind != ChangeKind::Deleted).then_some(change.object))
}

fn key_of(pod: &Value) -> Key {
    Key::new(Resource::Pods, object::namespace(pod), object::name(pod))
}
