//! Following changes: a line of JSON each, until the time is over or the client leaves.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode};
use futures::stream;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};

use super::list::{Form, as_served, selected};
use super::path::Target;
use super::request::Request;
use super::selector::Selectors;
use super::status::{Failure, with_type};
use crate::rehearsal::cluster::object;
use crate::rehearsal::cluster::store::{Change, ChangeKind};
use crate::rehearsal::faults::Active;
use crate::rehearsal::objects::table::{partial, table};
use crate::rehearsal::world::World;

/// How long a watch lasts where the client does not say.
const LASTS: Duration = Duration::from_secs(30 * 60);
/// How often a quiet watch says how far it is, to clients that want to know.
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long a watch lasts while watches are dropped.
const DROPPED_AFTER: Duration = Duration::from_secs(1);

/// A watch under way.
struct Watch {
    world: Arc<World>,
    target: Target,
    selectors: Selectors,
    form: Form,
    bookmarks: bool,
    /// All up to this version was told.
    version: u64,
    /// What is to be sent before anything else.
    first: Option<String>,
    newest: Receiver<u64>,
    faults: Receiver<Active>,
    ends: Instant,
    bookmark: Instant,
    ended: bool,
}

/// Begins a watch.
pub(super) fn watch(request: &Request<'_>) -> Result<Response<Body>, Failure> {
    let selectors = Selectors::parse(request.parameter("labelSelector"), request.parameter("fieldSelector"))?;
    let store = &request.world.store;
    let asked = request.parameter("resourceVersion");
    let initial = request.is("sendInitialEvents");
    let now = Instant::now();
    let seconds: Option<u64> =
        request.parameter("timeoutSeconds").parse().ok().filter(|seconds| *seconds > 0);
    let mut watch = Watch {
        world: Arc::clone(request.world),
        target: request.target.clone(),
        selectors,
        form: Form::of(request),
        bookmarks: request.is("allowWatchBookmarks"),
        version: 0,
        first: None,
        newest: store.subscribe(),
        faults: request.world.faults.subscribe(),
        ends: now + seconds.map_or(LASTS, Duration::from_secs),
        bookmark: now + BOOKMARK_EVERY,
        ended: false,
    };
    if initial || asked.is_empty() || asked == "0" {
        let (version, objects) = selected(request)?;
        let mut first = String::new();
        for object in &objects {
            watch.line(&mut first, "ADDED", object);
        }
        watch.version = version;
        if initial && watch.bookmarks {
            push(&mut first, &watch.bookmark_event(true));
        }
        watch.first = Some(first);
    } else {
        watch.version =
            asked.parse().map_err(|_| Failure::bad(format!("invalid resource version: {asked}")))?;
        let newest = store.version();
        if store.since(watch.version, request.target.resource, None).is_err() {
            return Err(Failure::gone(watch.version, newest));
        }
    }
    let body = stream::unfold(watch, |mut watch| async move {
        let lines = watch.next().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(lines)), watch))
    });
    Ok(with_type(StatusCode::OK, "application/json", Body::from_stream(body)))
}

fn push(lines: &mut String, event: &Value) {
    lines.push_str(&event.to_string());
    lines.push('\n');
}

impl Watch {
    /// The next lines; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            // An empty one tells the client that the watch has begun.
            return Some(first);
        }
        while !self.ended {
            self.thaw().await;
            self.newest.borrow_and_update();
            if let Some(lines) = self.lines() {
                return Some(lines);
            }
            let dropped = self.faults.borrow().has("watches-dropped");
            let ends = if dropped { self.ends.min(Instant::now() + DROPPED_AFTER) } else { self.ends };
            tokio::select! {
                changed = self.newest.changed() => self.ended |= changed.is_err(),
                changed = self.faults.changed() => self.ended |= changed.is_err(),
                () = sleep_until(self.bookmark), if self.bookmarks => {
                    self.bookmark = Instant::now() + BOOKMARK_EVERY;
                    let mut line = String::new();
                    push(&mut line, &self.bookmark_event(false));
                    return Some(line);
                }
                () = sleep_until(ends) => self.ended = true,
            }
        }
        None
    }

    /// Says nothing for as long as the server is frozen.
    async fn thaw(&mut self) {
        while self.faults.borrow_and_update().has("api-frozen") {
            if self.faults.changed().await.is_err() {
                self.ended = true;
                return;
            }
        }
    }

    /// What has changed since the last time; `None` when nothing that concerns this watch has.
    fn lines(&mut self) -> Option<String> {
        let namespace = self.target.namespace.as_deref();
        let Ok((version, changes)) = self.world.store.since(self.version, self.target.resource, namespace)
        else {
            self.ended = true;
            let mut line = String::new();
            let gone = Failure::gone(self.version, self.world.store.version());
            push(&mut line, &json!({"type": "ERROR", "object": gone.status()}));
            return Some(line);
        };
        self.version = version;
        let mut lines = String::new();
        for change in &changes {
            if let Some(kind) = self.kind(change) {
                self.line(&mut lines, kind, &change.object);
            }
        }
        (!lines.is_empty()).then_some(lines)
    }

    /// What a change is to this watch: an object that begins to be selected is added.
    fn kind(&self, change: &Change) -> Option<&'static str> {
        let was = change.before.as_ref().is_some_and(|before| self.selectors.matches(before));
        let is = change.kind != ChangeKind::Deleted && self.selectors.matches(&change.object);
        match (was, is) {
            (false, true) => Some("ADDED"),
            (true, true) => Some("MODIFIED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }

    fn line(&self, lines: &mut String, kind: &str, object: &Arc<Value>) {
        let object = as_served(&self.target, object);
        let object = match self.form {
            Form::Whole => object,
            Form::Partial => Arc::new(partial(&object)),
            Form::Table(include) => {
                let version = object::resource_version(&object).to_owned();
                let mut table = table(self.target.resource, &[object], self.world.now(), include);
                table["metadata"]["resourceVersion"] = json!(version);
                Arc::new(table)
            }
        };
        // Written by hand: the object is by far the largest part and is not copied.
        lines.push_str("{\"type\":\"");
        lines.push_str(kind);
        lines.push_str("\",\"object\":");
        lines.push_str(&object.to_string());
        lines.push_str("}\n");
    }

    fn bookmark_event(&self, initial: bool) -> Value {
        let mut metadata = json!({"resourceVersion": self.version.to_string(), "creationTimestamp": null});
        if initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        json!({"type": "BOOKMARK", "object": {
            "kind": self.target.resource.naming().kind,
            "apiVersion": self.target.api_version(),
            "metadata": metadata,
        }})
    }
}
