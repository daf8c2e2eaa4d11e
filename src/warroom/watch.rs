//! What the war room looks like, told to the room as it changes.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::Api;
use kube::runtime::watcher::{self, Error as WatchError, Event};
use kube::runtime::{WatchStreamExt, watcher as watch_objects};
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;

use super::{Holding, SharedRecord};
use crate::clock::Clock;
use crate::room::message::{Body, LinkState, Message, Observation, SourceId};
use crate::sop::command::Command;
use crate::sop::operation::OperationId;
use crate::sop::record::Record;
use crate::sources::kubernetes::explain_error;

/// How often the objects are read where they may not be watched.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// The watch's time-out on the server, in seconds: a silent connection is noticed soon after.
const WATCH_SECONDS: u32 = 25;

/// Sends who is in command and what the record says, whenever either changes, until
/// the room is gone. The operations that are open in the record go to `open` as well.
pub async fn watch(
    holding: Holding,
    record: SharedRecord,
    room: Sender<Message>,
    clock: Clock,
    open: watch::Sender<Vec<OperationId>>,
) {
    let tell = Tell { room, clock, open };
    tokio::select! {
        () = tell.room.closed() => {}
        () = watch_lock(&holding, &tell) => {}
        () = watch_record(&record, &tell) => {}
    }
}

struct Tell {
    room: Sender<Message>,
    clock: Clock,
    open: watch::Sender<Vec<OperationId>>,
}

impl Tell {
    async fn send(&self, observation: Observation) {
        // A closed room ends the watch.
        let body = Body::Observation(observation);
        let _ = self.room.send(Message { at: self.clock.now(), body }).await;
    }

    fn open_operations(&self, record: &Record) {
        let ids: Vec<OperationId> = record.open().map(|operation| operation.id.clone()).collect();
        self.open.send_if_modified(|known| {
            let changed = *known != ids;
            *known = ids;
            changed
        });
    }
}

async fn watch_lock(holding: &Holding, tell: &Tell) {
    let lock = holding.lock();
    let mut states = states(lock.api(), lock.name());
    let mut told = None;
    loop {
        // A foreign lock that is no longer renewed expires without any event.
        let expiry = holding.expires_in();
        let expired = async {
            match expiry {
                Some(left) => tokio::time::sleep(left).await,
                None => std::future::pending().await,
            }
        };
        let command = tokio::select! {
            state = states.next() => match state {
                Some(Ok(lease)) => {
                    holding.observe(lease.as_ref());
                    holding.command()
                }
                Some(Err(why)) => {
                    tracing::warn!("the deploy lock cannot be read: {why}");
                    holding.fence().map_or(Command::Unknown, |fence| Command::Mine { fence })
                }
                None => return std::future::pending().await,
            },
            () = expired => holding.command(),
            () = holding.changed() => holding.command(),
        };
        if told.as_ref() != Some(&command) {
            tell.send(Observation::Command(command.clone())).await;
            told = Some(command);
        }
    }
}

async fn watch_record(record: &SharedRecord, tell: &Tell) {
    let mut states = states(record.api(), record.name());
    while let Some(state) = states.next().await {
        match state {
            Ok(object) => {
                let read = object.map_or_else(|| Ok(Default::default()), |object| record.parse(&object));
                tell.send(Observation::Link(SourceId::Record, LinkState::Live)).await;
                tell.send(match read {
                    Ok(record) => {
                        tell.open_operations(&record);
                        Observation::Record(record)
                    }
                    Err(error) => Observation::RecordUnreadable(error.to_string()),
                })
                .await;
            }
            Err(why) => {
                tell.send(Observation::Link(SourceId::Record, LinkState::Lost { why: why.clone() })).await;
                tell.send(Observation::RecordUnreadable(why)).await;
            }
        }
    }
    std::future::pending().await
}

/// The states of one named object, `None` for absent: by watch where that is
/// allowed, else by reading it every two seconds. Never ends.
fn states<K>(api: &Api<K>, name: &str) -> Pin<Box<dyn Stream<Item = Result<Option<K>, String>> + Send>>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    K::DynamicType: Default,
{
    let config = watcher::Config::default().fields(&format!("metadata.name={name}")).timeout(WATCH_SECONDS);
    let events = watch_objects(api.clone(), config).default_backoff();
    let (api, name) = (api.clone(), name.to_owned());
    let watched = futures::stream::unfold(Some((Box::pin(events), false)), |watching| async move {
        let (mut events, mut present) = watching?;
        loop {
            let state = match events.next().await? {
                Ok(Event::Init) => {
                    present = false;
                    continue;
                }
                Ok(Event::InitApply(object) | Event::Apply(object)) => {
                    present = true;
                    Ok(Some(object))
                }
                Ok(Event::InitDone) if present => continue,
                Ok(Event::InitDone | Event::Delete(_)) => Ok(None),
                // Not a lost connection but a missing right: watch no longer.
                Err(error) if is_forbidden(&error) => return None,
                Err(error) => Err(explain_error(&error)),
            };
            return Some((state, Some((events, present))));
        }
    });
    let polled = futures::stream::unfold(true, move |first| {
        let (api, name) = (api.clone(), name.clone());
        async move {
            if !first {
                tokio::time::sleep(POLL_EVERY).await;
            }
            let state = match tokio::time::timeout(POLL_EVERY * 2, api.get_opt(&name)).await {
                Ok(answer) => answer.map_err(|error| explain_error(&error)),
                Err(_) => Err("no answer in time".to_owned()),
            };
            Some((state, false))
        }
    });
    watched.chain(polled).boxed()
}

fn is_forbidden(error: &WatchError) -> bool {
    let refused = |status: &kube::core::Status| status.code == 403;
    match error {
        WatchError::InitialListFailed(kube::Error::Api(status))
        | WatchError::WatchStartFailed(kube::Error::Api(status)) => refused(status),
        WatchError::WatchError(status) => refused(status),
        _ => false,
    }
}
