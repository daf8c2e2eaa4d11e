//! The objects, every change to them numbered, as etcd keeps them: the one place of the
//! world that is written to.
//!
//! Writers go through [`Store::create`], [`Store::update`] and [`Store::remove`];
//! readers of changes hold a version and ask for [`Store::since`]. The changes kept are
//! bounded: who has fallen behind them is told to list anew, like a real server's
//! clients after a compaction.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::object;
use super::resource::Resource;

/// Changes that are kept for watchers.
const MOST_CHANGES: usize = 8192;

/// Where an object is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub resource: Resource,
    /// Empty for what belongs to no namespace.
    pub namespace: String,
    pub name: String,
}

impl Key {
    #[must_use]
    pub fn new(resource: Resource, namespace: &str, name: &str) -> Self {
        let namespace = if resource.naming().namespaced { namespace } else { "" };
        Self { resource, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// How an object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// The store's version after it, and the object's `resourceVersion`.
    pub version: u64,
    pub kind: ChangeKind,
    pub key: Key,
    /// The object after the change; for a deletion its last state.
    pub object: Arc<Value>,
    /// The object before the change.
    pub before: Option<Arc<Value>>,
}

/// Why a write was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("it exists already")]
    Exists,
    #[error("there is no such object")]
    Missing,
    /// The object is not in the version that the write rests on.
    #[error("it was changed meanwhile")]
    Conflict,
}

/// The version asked for is older than the changes that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// All objects of the world.
#[derive(Debug)]
pub struct Store {
    state: Mutex<State>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    objects: BTreeMap<Key, Arc<Value>>,
    changes: VecDeque<Change>,
    /// The newest version whose change is no longer kept.
    compacted: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self { state: Mutex::default(), newest: watch::Sender::new(0) }
    }
}

impl Store {
    /// The number of the newest change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// Tells the version whenever something changed.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.lock().objects.get(key).cloned()
    }

    /// The objects of a kind, in the order of their keys, and the version at which they
    /// were so. `None` for all namespaces.
    #[must_use]
    pub fn list(&self, resource: Resource, namespace: Option<&str>) -> (u64, Vec<Arc<Value>>) {
        let state = self.lock();
        let from = Key { resource, namespace: namespace.unwrap_or_default().to_owned(), name: String::new() };
        let objects = state
            .objects
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(|(key, _)| key.resource == resource && namespace.is_none_or(|ns| key.namespace == ns))
            .map(|(_, object)| Arc::clone(object))
            .collect();
        (state.version, objects)
    }

    /// The changes after `version` to objects of a kind, oldest first, and the version
    /// that they lead to.
    ///
    /// # Errors
    /// [`Gone`] when not all of them are kept any more.
    pub fn since(
        &self,
        version: u64,
        resource: Resource,
        namespace: Option<&str>,
    ) -> Result<(u64, Vec<Change>), Gone> {
        let state = self.lock();
        if version < state.compacted {
            return Err(Gone);
        }
        let first = state.changes.partition_point(|change| change.version <= version);
        let changes = state
            .changes
            .range(first..)
            .filter(|change| change.key.resource == resource)
            .filter(|change| namespace.is_none_or(|ns| change.key.namespace == ns))
            .cloned()
            .collect();
        Ok((state.version, changes))
    }

    /// Adds an object. Its `resourceVersion` is set; everything else must be there.
    ///
    /// # Errors
    /// [`StoreError::Exists`].
    pub fn create(&self, key: Key, object: Value) -> Result<Arc<Value>, StoreError> {
        let mut state = self.lock();
        if state.objects.contains_key(&key) {
            return Err(StoreError::Exists);
        }
        Ok(self.write(&mut state, ChangeKind::Added, key, object, None))
    }

    /// Changes an object: `change` gets a copy of it and returns what it is to become,
    /// or the reason why not. One that comes out as it was is not written.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Conflict`] when `expected` is not its
    /// version, and whatever `change` returns.
    pub fn update<E: From<StoreError>>(
        &self,
        key: &Key,
        expected: Option<&str>,
        change: impl FnOnce(&mut Value) -> Result<(), E>,
    ) -> Result<Arc<Value>, E> {
        let mut state = self.lock();
        let before = state.objects.get(key).cloned().ok_or(StoreError::Missing)?;
        if expected.is_some_and(|expected| expected != object::resource_version(&before)) {
            return Err(StoreError::Conflict.into());
        }
        let mut after = Value::clone(&before);
        change(&mut after)?;
        if after == *before {
            return Ok(before);
        }
        Ok(self.write(&mut state, ChangeKind::Modified, key.clone(), after, Some(before)))
    }

    /// Takes an object away at once.
    ///
    /// # Errors
    /// [`StoreError::Missing`].
    pub fn remove(&self, key: &Key) -> Result<Arc<Value>, StoreError> {
        let mut state = self.lock();
        let before = state.objects.remove(key).ok_or(StoreError::Missing)?;
        let last = Value::clone(&before);
        Ok(self.write(&mut state, ChangeKind::Deleted, key.clone(), last, Some(before)))
    }

    /// Forgets all changes so far: watches that begin before now have to list anew.
    pub fn compact(&self) {
        let mut state = self.lock();
        state.changes.clear();
        state.compacted = state.version;
    }

    /// Takes everything away, as if there had never been anything. Versions go on.
    pub fn clear(&self) {
        let mut state = self.lock();
        let keys: Vec<Key> = state.objects.keys().cloned().collect();
        for key in keys {
            if let Some(before) = state.objects.remove(&key) {
                let last = Value::clone(&before);
                self.write(&mut state, ChangeKind::Deleted, key, last, Some(before));
            }
        }
    }

    fn write(
        &self,
        state: &mut State,
        kind: ChangeKind,
        key: Key,
        mut object: Value,
        before: Option<Arc<Value>>,
    ) -> Arc<Value> {
        state.version += 1;
        let version = state.version;
        object::metadata(&mut object).insert("resourceVersion".into(), json!(version.to_string()));
        let object = Arc::new(object);
        if kind != ChangeKind::Deleted {
            state.objects.insert(key.clone(), Arc::clone(&object));
        }
        if state.changes.len() == MOST_CHANGES
            && let Some(oldest) = state.changes.pop_front()
        {
            state.compacted = oldest.version;
        }
        state.changes.push_back(Change { version, kind, key, object: Arc::clone(&object), before });
        self.newest.send_replace(version);
        object
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::new(Resource::Pods, "taxasge", name)
    }

    fn pod(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "taxasge"}})
    }

    #[test]
    fn every_change_has_a_version_and_can_be_followed() {
        let store = Store::default();
        store.create(key("a"), pod("a")).unwrap();
        let seen = store.version();
        store.create(key("b"), pod("b")).unwrap();
        assert_eq!(store.create(key("b"), pod("b")), Err(StoreError::Exists));
        let changed = store
            .update::<StoreError>(&key("a"), Some("1"), |pod| {
                pod["status"] = json!({"phase": "Running"});
                Ok(())
            })
            .unwrap();
        assert_eq!(object::resource_version(&changed), "3");
        store.remove(&key("b")).unwrap();
        let (version, changes) = store.since(seen, Resource::Pods, Some("taxasge")).unwrap();
        let told: Vec<(u64, ChangeKind)> =
            changes.iter().map(|change| (change.version, change.kind)).collect();
        assert_eq!(told, [(2, ChangeKind::Added), (3, ChangeKind::Modified), (4, ChangeKind::Deleted)]);
        assert_eq!((version, store.list(Resource::Pods, None).1.len()), (4, 1));
        assert!(store.since(seen, Resource::Services, None).unwrap().1.is_empty());
    }

    #[test]
    fn a_write_on_an_old_version_loses_and_one_that_changes_nothing_is_none() {
        let store = Store::default();
        store.create(key("a"), pod("a")).unwrap();
        let lost = store.update::<StoreError>(&key("a"), Some("7"), |_| Ok(()));
        assert_eq!(lost, Err(StoreError::Conflict));
        store.update::<StoreError>(&key("a"), None, |_| Ok(())).unwrap();
        assert_eq!(store.version(), 1);
        assert_eq!(store.update::<StoreError>(&key("b"), None, |_| Ok(())), Err(StoreError::Missing));
    }

    #[test]
    fn who_has_fallen_behind_is_told() {
        let store = Store::default();
        store.create(key("a"), pod("a")).unwrap();
        store.create(key("b"), pod("b")).unwrap();
        store.compact();
        assert_eq!(store.since(1, Resource::Pods, None).unwrap_err(), Gone);
        assert!(store.since(2, Resource::Pods, None).unwrap().1.is_empty());
        for n in 0..=MOST_CHANGES {
            store
                .update::<StoreError>(&key("a"), None, |pod| {
                    pod["n"] = json!(n);
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(store.since(2, Resource::Pods, None).unwrap_err(), Gone);
        assert!(store.since(3, Resource::Pods, None).is_ok());
    }
}
