//! One kind of object, listed and then watched for as long as anybody listens.
//!
//! kube's own `watcher` sets no limit on how long a request waits for its answer,
//! so a frozen server would go unnoticed; it also resumes where it was after an
//! outage, which a server restored from a backup makes wrong. Here every wait has a
//! limit, and after every failure the list is read anew: it is the fresh truth.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use kube::Api;
use kube::api::{ListParams, Resource, ResourceExt, WatchEvent, WatchParams};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::explain::explain;
use crate::room::message::LinkState;
use crate::sources::text::clean;

/// How long one page of a list may take.
const LIST_LIMIT: Duration = Duration::from_secs(15);
/// How long the server may take to accept a watch.
const START_LIMIT: Duration = Duration::from_secs(10);
/// The server is asked to end each watch after this time; a new one follows.
const WATCH_SECONDS: u32 = 25;
/// A watch that has neither said anything nor ended by then is dead.
const SILENCE: Duration = Duration::from_secs(30);
/// Objects asked for at once: bounds the memory that an answer takes.
const PAGE: u32 = 500;
/// How often a right or an API that was missing is asked for again.
const DENIED_PAUSE: Duration = Duration::from_secs(60);

/// What a reader has seen of its kind of object.
#[derive(Debug)]
pub(super) enum Seen<T> {
    /// All there are.
    All(Vec<T>),
    /// More of those that a first `All` began with.
    More(Vec<T>),
    Changed(T),
    /// By name.
    Gone(String),
    Link(LinkState),
}

/// Why a reader came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The server has no such API, or does not let us read it.
    Denied,
    NobodyListens,
}

/// What to do about an API that is missing or may not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenDenied {
    /// There is another way to learn the same.
    GiveUp,
    /// Say so and ask again now and then: rights are granted late.
    SayAndWait,
}

/// Lists and watches the objects of one kind.
pub(super) struct Reader<K, C> {
    pub api: Api<K>,
    /// Label selector.
    pub labels: Option<String>,
    /// Field selector.
    pub fields: Option<String>,
    /// What becomes of an object; `None` for one that is of no interest.
    pub convert: C,
    pub when_denied: WhenDenied,
    /// Each change means: drop the connection and read everything anew.
    pub restart: watch::Receiver<u64>,
}

/// Why a reader cannot go on as it was.
enum Failure {
    /// Too much has happened meanwhile; the list must be read anew. Nothing is wrong.
    Outdated,
    Denied(String),
    Lost(String),
}

impl<K, T, C> Reader<K, C>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    C: Fn(&K) -> Option<T>,
{
    /// Reads until nobody listens any more. A lost server never ends it.
    pub(super) async fn read(&self, events: &mpsc::Sender<Seen<T>>) -> Ended {
        let mut restart = self.restart.clone();
        restart.mark_unchanged();
        let mut retry = Retry::default();
        let mut first = true;
        loop {
            let failure = tokio::select! {
                () = events.closed() => return Ended::NobodyListens,
                () = changed(&mut restart) => continue,
                failure = self.session(events, &mut retry, first) => failure,
            };
            first = false;
            let (state, pause) = match failure {
                Failure::Outdated => (None, retry.pause()),
                Failure::Lost(why) => (Some(LinkState::Lost { why }), retry.pause()),
                Failure::Denied(_) if self.when_denied == WhenDenied::GiveUp => return Ended::Denied,
                Failure::Denied(why) => (Some(LinkState::Unavailable { why }), jittered(DENIED_PAUSE)),
            };
            if let Some(state) = state
                && events.send(Seen::Link(state)).await.is_err()
            {
                return Ended::NobodyListens;
            }
            tokio::select! {
                () = events.closed() => return Ended::NobodyListens,
                () = changed(&mut restart) => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Lists, then watches until something goes wrong.
    async fn session(&self, events: &mpsc::Sender<Seen<T>>, retry: &mut Retry, first: bool) -> Failure {
        let mut version = match self.list(events, first).await {
            Ok(version) => version,
            Err(failure) => return failure,
        };
        let params = WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: Some(WATCH_SECONDS),
            ..WatchParams::default()
        };
        let mut told = false;
        loop {
            let started = Instant::now();
            let stream = match timeout(START_LIMIT, self.api.watch(&params, &version)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return Failure::of(&error),
                Err(_) => return Failure::silent(START_LIMIT),
            };
            if !told && events.send(Seen::Link(LinkState::Live)).await.is_ok() {
                told = true;
            }
            let mut stream = pin!(stream);
            loop {
                match timeout(SILENCE, stream.next()).await {
                    Ok(Some(Ok(event))) => match self.seen(event, &mut version) {
                        Ok(Some(seen)) => {
                            retry.reset();
                            // A closed channel is noticed by `read`.
                            let _ = events.send(seen).await;
                        }
                        Ok(None) => retry.reset(),
                        Err(failure) => return failure,
                    },
                    Ok(Some(Err(error))) => return Failure::of(&error),
                    Ok(None) => break,
                    Err(_) => return Failure::silent(SILENCE),
                }
            }
            if started.elapsed() < Duration::from_secs(1) {
                return Failure::Lost("the server ends the watch as soon as it has begun".to_owned());
            }
            retry.reset();
        }
    }

    /// Reads all pages and tells what there is; returns the list's resource version.
    ///
    /// The first time each page is told as it comes, because there is nothing else to
    /// show. Later the last state stands until the new one is complete.
    async fn list(&self, events: &mpsc::Sender<Seen<T>>, first: bool) -> Result<String, Failure> {
        let mut params = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            limit: Some(PAGE),
            ..ListParams::default()
        };
        let mut all = Vec::new();
        let mut begun = false;
        loop {
            let page = match timeout(LIST_LIMIT, self.api.list(&params)).await {
                Ok(Ok(page)) => page,
                Ok(Err(error)) => return Err(Failure::of(&error)),
                Err(_) => return Err(Failure::silent(LIST_LIMIT)),
            };
            all.extend(page.items.iter().filter_map(|object| (self.convert)(object)));
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            let complete = params.continue_token.is_none();
            if complete || first {
                let told = std::mem::take(&mut all);
                // A closed channel is noticed by `read`.
                let _ = events.send(if begun { Seen::More(told) } else { Seen::All(told) }).await;
                begun = true;
            }
            if complete {
                return Ok(page.metadata.resource_version.unwrap_or_default());
            }
        }
    }

    fn seen(&self, event: WatchEvent<K>, version: &mut String) -> Result<Option<Seen<T>>, Failure> {
        let object = match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => object,
            WatchEvent::Deleted(object) => {
                keep_version(version, &object);
                return Ok(Some(Seen::Gone(clean(&object.name_any()))));
            }
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                return Ok(None);
            }
            WatchEvent::Error(status) if status.code == 410 => return Err(Failure::Outdated),
            WatchEvent::Error(status) => return Err(Failure::of(&kube::Error::Api(status))),
        };
        keep_version(version, &object);
        // What was of interest before may be of none now.
        Ok(Some(match (self.convert)(&object) {
            Some(state) => Seen::Changed(state),
            None => Seen::Gone(clean(&object.name_any())),
        }))
    }
}

fn keep_version<K: Resource>(version: &mut String, object: &K) {
    if let Some(seen) = object.meta().resource_version.as_ref() {
        version.clone_from(seen);
    }
}

impl Failure {
    fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 410 => Self::Outdated,
            kube::Error::Api(status) if matches!(status.code, 403..=405) => Self::Denied(explain(error)),
            _ => Self::Lost(explain(error)),
        }
    }

    fn silent(limit: Duration) -> Self {
        Self::Lost(format!("the server has been silent for {} s", limit.as_secs()))
    }
}

/// Waits for a restart; for ever when nobody can ask for one any more.
async fn changed(restart: &mut watch::Receiver<u64>) {
    if restart.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The pauses between attempts: half a second at first, doubled up to 10 s, each
/// shortened by up to a half so that many programs do not come back at once.
#[derive(Debug, Default)]
pub(super) struct Retry {
    failures: u32,
}

impl Retry {
    pub(super) fn pause(&mut self) -> Duration {
        const FIRST: Duration = Duration::from_millis(500);
        const LONGEST: Duration = Duration::from_secs(10);
        let full = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        jittered(full)
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

fn jittered(full: Duration) -> Duration {
    full.mul_f64(rand::random_range(0.5..1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_begin_fast_and_stay_below_ten_seconds() {
        let mut retry = Retry::default();
        let first = retry.pause();
        assert!(first >= Duration::from_millis(250) && first < Duration::from_millis(500), "{first:?}");
        for _ in 0..100 {
            assert!(retry.pause() < Duration::from_secs(10));
        }
        assert!(retry.pause() >= Duration::from_secs(5));
        retry.reset();
        assert!(retry.pause() < Duration::from_millis(500));
    }
}
