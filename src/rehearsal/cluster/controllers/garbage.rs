//! What lost its owner goes, too.

use std::collections::BTreeSet;

use crate::rehearsal::cluster::leaving::leave;
use crate::rehearsal::cluster::object;
use crate::rehearsal::cluster::resource::Resource;
use crate::rehearsal::cluster::store::Key;
use crate::rehearsal::world::World;

/// Who may own whom.
const OWNERS: [(Resource, Resource); 3] = [
    (Resource::Deployments, Resource::ReplicaSets),
    (Resource::ReplicaSets, Resource::Pods),
    (Resource::Services, Resource::EndpointSlices),
];

/// Takes away what is owned by something that is no more.
pub(super) fn collect(world: &World) {
    for (owners, owned) in OWNERS {
        let (_, owners) = world.store.list(owners, None);
        let known: BTreeSet<&str> = owners.iter().map(|owner| object::uid(owner)).collect();
        let kind = owned_by(owned);
        let (_, objects) = world.store.list(owned, None);
        for object in objects {
            let owner = object::controller_uid(&object);
            let is_orphan =
                owner.is_some_and(|uid| !known.contains(uid)) && owner_kind(&object) == Some(kind);
            if is_orphan && !object::is_terminating(&object) {
                let key = Key::new(owned, object::namespace(&object), object::name(&object));
                // Gone already is as good.
                let _ = leave(world, &key, None);
            }
        }
    }
}

const fn owned_by(owned: Resource) -> &'static str {
    match owned {
        Resource::ReplicaSets => "Deployment",
        Resource::Pods => "ReplicaSet",
        _ => "Service",
    }
}

fn owner_kind(object: &serde_json::Value) -> Option<&str> {
    let owners = object.pointer("/metadata/ownerReferences")?.as_array()?;
    owners.iter().find(|owner| owner["controller"] == true)?["kind"].as_str()
}
