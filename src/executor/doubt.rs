//! After a lost answer: the change may or may not have been made, may even be made
//! later, by a request that something on the way holds back. Nothing is sent again;
//! the object is read until it tells, and if it was not changed, the request is made
//! void before that is said.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::Patch;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use super::job::Job;
use super::patch;
use super::world::as_cutover;
use crate::room::message::StepState;
use crate::sop::operation::OperationId;
use crate::sources::kubernetes::{explain, marks};
use crate::sources::text::clean;

/// How long the truth is looked for.
const LIMIT: Duration = Duration::from_secs(30);
/// Time limit of one read or void write.
const CALL_LIMIT: Duration = Duration::from_secs(4);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(700);

/// What became of a request whose answer was lost.
#[derive(Debug)]
pub(super) enum Truth<K> {
    Applied(Box<K>),
    /// It was not, and can no longer be.
    NotApplied(Box<K>),
    /// It could not be found out; why.
    Unknown(String),
}

/// The state of an object that a request rested on: what its tests named.
#[derive(Clone, Debug)]
pub(super) struct RestedOn {
    version: String,
    /// The operation whose mark it carried then.
    mark: Option<String>,
}

impl RestedOn {
    pub(super) fn of(meta: &ObjectMeta) -> Self {
        Self {
            version: meta.resource_version.clone().unwrap_or_default(),
            mark: patch::annotation(meta, marks::OPERATION).map(str::to_owned),
        }
    }
}

/// What an object says about a request that rested on one of its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Applied,
    /// The object changed otherwise: the request's `test` can no longer hold.
    Void,
    /// A later operation has put its mark over whatever was there.
    Superseded,
    /// The object is as it was: the request may still arrive.
    MayCome,
}

fn sign(meta: &ObjectMeta, id: &OperationId, rested_on: &RestedOn) -> Sign {
    let mark = patch::annotation(meta, marks::OPERATION);
    if mark == Some(id.0.as_str()) {
        Sign::Applied
    } else if mark != rested_on.mark.as_deref() {
        Sign::Superseded
    } else if meta.resource_version.as_deref() != Some(rested_on.version.as_str()) {
        Sign::Void
    } else {
        Sign::MayCome
    }
}

/// Finds out what became of the request that rested on the version `rested_on` of
/// the object `name`. `what` is what the operator calls it.
pub(super) async fn find_out<K>(
    job: &Job,
    api: &Api<K>,
    what: &str,
    name: &str,
    rested_on: &RestedOn,
    lost: &str,
) -> Truth<K>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    const STEP: &str = "answer lost";
    let since = job.now();
    job.running(STEP, format!("{lost}; reading {what} to learn whether it was applied")).await;
    let mut why = lost.to_owned();
    while job.now().since(since) < LIMIT {
        match look(job, api, name, rested_on).await {
            Ok(Some(truth)) => {
                match &truth {
                    Truth::Applied(_) => job.done(STEP, "it was applied", since).await,
                    Truth::NotApplied(_) => {
                        job.done(STEP, "it was not applied, and can no longer be", since).await;
                    }
                    Truth::Unknown(why) => job.ended(STEP, StepState::Unknown, why, since).await,
                }
                return truth;
            }
            Ok(None) => {}
            Err(error) => {
                job.running(STEP, format!("{what} cannot be read ({error}); trying again")).await;
                why = error;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    job.ended(STEP, StepState::Unknown, format!("not found out: {why}"), since).await;
    job.leave_open();
    Truth::Unknown(format!("{why}; it is found out and told as soon as the cluster can be read"))
}

/// One look; `None` when the request was not yet made void.
async fn look<K>(
    job: &Job,
    api: &Api<K>,
    name: &str,
    rested_on: &RestedOn,
) -> Result<Option<Truth<K>>, String>
where
    K: Resource + Clone + Debug + DeserializeOwned,
{
    let object = within(api.get(name)).await?;
    match sign(object.meta(), job.id(), rested_on) {
        Sign::Applied => Ok(Some(Truth::Applied(Box::new(object)))),
        Sign::Void => Ok(Some(Truth::NotApplied(Box::new(object)))),
        Sign::Superseded => {
            let by = patch::annotation(object.meta(), marks::BY).map_or_else(|| "somebody".into(), clean);
            Ok(Some(Truth::Unknown(format!("{by} has changed it since"))))
        }
        Sign::MayCome => {
            let body = patch::void(object.meta(), job.id());
            job.sending(format!("PATCH {name} (to make the request void)"), &body);
            // Whether this one is answered or not: the next look tells.
            let voided = within(api.patch(name, &as_cutover(), &Patch::<()>::Json(body))).await;
            match voided {
                Ok(object) => Ok(Some(Truth::NotApplied(Box::new(object)))),
                Err(error) => {
                    tracing::info!("the void write was not confirmed: {error}");
                    Ok(None)
                }
            }
        }
    }
}

async fn within<K>(call: impl Future<Output = kube::Result<K>>) -> Result<K, String> {
    match tokio::time::timeout(CALL_LIMIT, call).await {
        Ok(Ok(object)) => Ok(object),
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err(format!("no answer within {} s", CALL_LIMIT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unchanged_object_leaves_room_for_doubt() {
        let meta = |version: &str, operation: Option<&str>| ObjectMeta {
            resource_version: Some(version.into()),
            annotations: operation.map(|id| [(marks::OPERATION.to_owned(), id.to_owned())].into()),
            ..ObjectMeta::default()
        };
        let id = OperationId("op-2".into());
        let rested_on = RestedOn::of(&meta("7", Some("op-1")));
        assert_eq!(sign(&meta("8", Some("op-2")), &id, &rested_on), Sign::Applied);
        assert_eq!(sign(&meta("8", Some("op-1")), &id, &rested_on), Sign::Void);
        assert_eq!(sign(&meta("9", Some("op-3")), &id, &rested_on), Sign::Superseded);
        assert_eq!(sign(&meta("7", Some("op-1")), &id, &rested_on), Sign::MayCome);
        let unmarked = RestedOn::of(&meta("7", None));
        assert_eq!(sign(&meta("8", None), &id, &unmarked), Sign::Void);
        assert_eq!(sign(&meta("8", Some("op-3")), &id, &unmarked), Sign::Superseded);
    }
}
