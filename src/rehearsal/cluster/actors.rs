//! Others who have a hand on the cluster: a colleague with kubectl, and a GitOps
//! controller that puts back what it finds changed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::object::{self, metadata, text};
use super::resource::Resource;
use super::store::{Key, StoreError};
use crate::rehearsal::objects::managed::after_update;
use crate::rehearsal::objects::patch::Write;
use crate::rehearsal::scenario::{NAMESPACE, SERVICE};
use crate::rehearsal::world::World;
use crate::sop::colour::Colour;

/// How long the GitOps controller takes to notice.
const NOTICES_AFTER: Duration = Duration::from_secs(2);
/// Marks of Argo CD on what it owns.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";
const GITOPS: &str = "argocd-controller";
const COLLEAGUE: &str = "kubectl-patch";

/// Acts whenever a fault says so.
pub(super) async fn run(world: Arc<World>) {
    tokio::join!(colleague(&world), gitops(&world));
}

fn service() -> Key {
    Key::new(Resource::Services, NAMESPACE, SERVICE)
}

fn selected(world: &World) -> Option<String> {
    let service = world.store.get(&service())?;
    Some(text(&service, "/spec/selector/version").to_owned())
}

/// Changes the Service as somebody with that program does.
fn change(world: &World, manager: &str, change: impl FnOnce(&mut Value)) {
    let now = world.now();
    // A Service that is gone cannot be changed by anybody.
    let _ = world.store.update(&service(), None, |service| {
        let before = service.clone();
        change(service);
        let write = Write { manager, subresource: None, now, force: false };
        after_update(Resource::Services, "v1", Some(&before), service, &write);
        Ok::<_, StoreError>(())
    });
}

fn select(world: &World, manager: &str, colour: &str) {
    change(world, manager, |service| {
        object::as_object(object::part(service, "spec").entry("selector").or_insert_with(|| json!({})))
            .insert("version".into(), json!(colour));
    });
}

/// Moves the traffic once, each time that the fault begins.
async fn colleague(world: &World) {
    let mut faults = world.faults.subscribe();
    loop {
        if faults.wait_for(|active| active.has("colleague")).await.is_err() {
            return std::future::pending().await;
        }
        let now = selected(world).unwrap_or_default();
        let other = if now == Colour::Blue.name() { Colour::Green } else { Colour::Blue };
        select(world, COLLEAGUE, other.name());
        if faults.wait_for(|active| !active.has("colleague")).await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Owns the Service for as long as the fault goes on, and puts back what it began with.
async fn gitops(world: &World) {
    let mut faults = world.faults.subscribe();
    loop {
        if faults.wait_for(|active| active.has("git-ops")).await.is_err() {
            return std::future::pending().await;
        }
        let declared = selected(world).unwrap_or_default();
        let mark = format!("{SERVICE}:/Service:{NAMESPACE}/{SERVICE}");
        change(world, GITOPS, |service| {
            object::as_object(metadata(service).entry("annotations").or_insert_with(|| json!({})))
                .insert(TRACKING.into(), json!(mark));
        });
        let keeping = async {
            let mut newest = world.store.subscribe();
            loop {
                // Looks before it waits: the selector may have moved while it got here.
                newest.borrow_and_update();
                if selected(world).is_some_and(|now| now != declared) {
                    tokio::time::sleep(NOTICES_AFTER).await;
                    select(world, GITOPS, &declared);
                } else if newest.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = keeping => {}
            _ = faults.wait_for(|active| !active.has("git-ops")) => {}
        }
        change(world, GITOPS, |service| {
            if let Some(annotations) =
                service.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut)
            {
                annotations.remove(TRACKING);
            }
        });
    }
}
