//! How objects go: pods in their own time, everything else at once.

use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::object::{metadata, number, text};
use super::resource::Resource;
use super::store::{Key, StoreError};
use crate::rehearsal::world::{World, seconds};

/// The grace of a pod that says nothing, in seconds.
const GRACE: i64 = 30;

/// Takes an object away; a pod that runs, and what has finalizers, is marked and goes
/// later: then as it is now. `asked` is a grace in seconds other than the object's own.
///
/// # Errors
/// [`StoreError::Missing`].
pub fn leave(world: &World, key: &Key, asked: Option<i64>) -> Result<Option<Arc<Value>>, StoreError> {
    let object = world.store.get(key).ok_or(StoreError::Missing)?;
    let grace = grace(key.resource, &object, asked);
    if grace == 0 && !has_finalizers(&object) {
        world.store.remove(key)?;
        return Ok(None);
    }
    let at = world.now().saturating_add(SignedDuration::from_secs(grace)).unwrap_or(world.now());
    let leaving = world.store.update(key, None, |object| {
        let before = number(object, "/metadata/deletionGracePeriodSeconds");
        // A second call may make it go sooner, never later.
        if before.is_none_or(|before| grace < before) {
            let metadata = metadata(object);
            metadata.insert("deletionTimestamp".into(), json!(seconds(at)));
            metadata.insert("deletionGracePeriodSeconds".into(), json!(grace));
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(Some(leaving))
}

/// How long a pod may take. Everything else goes at once, and so does a pod that no node
/// has taken in.
fn grace(resource: Resource, object: &Value, asked: Option<i64>) -> i64 {
    if resource != Resource::Pods || text(object, "/spec/nodeName").is_empty() {
        return 0;
    }
    asked.or_else(|| number(object, "/spec/terminationGracePeriodSeconds")).unwrap_or(GRACE).max(0)
}

/// Whether somebody has to agree before the object goes.
#[must_use]
pub fn has_finalizers(object: &Value) -> bool {
    object.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}
