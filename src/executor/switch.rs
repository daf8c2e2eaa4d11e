//! Moving the traffic: one compare-and-swap of the Service's selector, then what
//! the world makes of it.

use futures::FutureExt;
use k8s_openapi::api::core::v1::Service;
use kube::api::Patch;

use super::call::{CallEnd, Refusal, RefusedFor, send};
use super::doubt::{RestedOn, Truth, find_out};
use super::follow;
use super::fresh::{self, Fresh};
use super::guard::blocked_by;
use super::job::{Followed, Job, not_done, seconds};
use super::patch;
use super::world::as_cutover;
use crate::room::message::Conclusion;
use crate::sop::cluster::{Cluster, image_version};
use crate::sop::colour::Colour;
use crate::sop::interlock::InterlockId;
use crate::sop::moment::Moment;
use crate::sources::kubernetes::convert;

/// What trying to move the traffic came to.
pub(super) enum Moved {
    /// The selector names the target, since this moment.
    Yes(Moment),
    /// The Service was changed at the same time; nothing was changed by us. As it is now.
    Lost(Box<Conclusion>),
    No(Box<Conclusion>),
}

/// Switches and follows the switch to its end.
pub(super) async fn run(job: &Job, fresh: &Fresh, to: Colour) -> Conclusion {
    match move_traffic(job, fresh, to).boxed().await {
        Moved::Yes(at) => follow_switch(job, &fresh.cluster, to, at).await,
        Moved::Lost(conclusion) | Moved::No(conclusion) => *conclusion,
    }
}

/// Sends the patch. It rests on `fresh` and nothing else, and is sent once.
pub(super) async fn move_traffic(job: &Job, fresh: &Fresh, to: Colour) -> Moved {
    const STEP: &str = "patch";
    let world = &job.world;
    let Some(from) = fresh.cluster.service.as_ref().and_then(|service| service.selector_value.clone()) else {
        return no("nothing was changed: the Service's selector does not have the configured key");
    };
    let body = patch::switch(
        &fresh.service,
        &world.environment.kubernetes.selector_key,
        &from,
        world.selector_value(to),
        &job.mark(),
    );
    let api = world.services();
    job.sending(format!("PATCH services/{}", world.service_name()), &body);
    let (parameters, body) = (as_cutover(), Patch::<()>::Json(body));
    match send(api.patch(world.service_name(), &parameters, &body)).await {
        CallEnd::Applied(_) => {
            let at = job.now();
            job.answered("applied");
            job.done(STEP, format!("the selector says {}", to.label()), job.confirmed).await;
            Moved::Yes(at)
        }
        CallEnd::Refused(refusal) => {
            job.answered(&refusal.words);
            job.failed(STEP, &refusal.words, job.confirmed).await;
            refused(job, fresh, to, refusal).await
        }
        CallEnd::Lost(why) => {
            job.answered(&why);
            job.failed(STEP, &why, job.confirmed).await;
            let rested_on = RestedOn::of(&fresh.service.metadata);
            let what = format!("service {}", world.service_name());
            let truth = find_out(job, &api, &what, world.service_name(), &rested_on, &why).boxed().await;
            after_doubt(job, to, truth)
        }
    }
}

fn after_doubt(job: &Job, to: Colour, truth: Truth<Service>) -> Moved {
    let on =
        |service: &Service| traffic_on(convert::service(service, &job.world.environment.kubernetes).active);
    match truth {
        Truth::Applied(_) => Moved::Yes(job.now()),
        Truth::NotApplied(service) => no(format!(
            "not applied, and the request was made void; {}; it is safe to try again",
            on(&service)
        )),
        Truth::Unknown(why) => no(format!(
            "unknown whether the traffic was switched to {}: {why}; look at the Service's selector before anything else",
            to.label()
        )),
    }
}

fn no(words: impl Into<String>) -> Moved {
    Moved::No(Box::new(not_done(words)))
}

fn traffic_on(active: Option<Colour>) -> String {
    match active {
        Some(colour) => format!("traffic is on {}", colour.label()),
        None => "the selector names neither colour".to_owned(),
    }
}

/// What changed, and by whom, when the compare-and-swap lost.
async fn refused(job: &Job, fresh: &Fresh, to: Colour, refusal: Refusal) -> Moved {
    match refusal.why {
        RefusedFor::Changed => {}
        RefusedFor::Permission => {
            return Moved::No(Box::new(blocked_by(InterlockId::Permission, refusal.words)));
        }
        RefusedFor::Other => return no(format!("not applied: {}", refusal.words)),
    }
    let now = match fresh::service(&job.world).await {
        Ok(service) => convert::service(&service, &job.world.environment.kubernetes),
        Err(error) => {
            return no(format!(
                "not applied: the Service was changed meanwhile; how it is now is unknown: {error}"
            ));
        }
    };
    let by = now.mark.as_ref().and_then(|mark| mark.by.clone());
    let owner = || now.owner.as_ref().map(|owner| owner.manager.clone());
    let before = fresh.cluster.service.as_ref();
    if before.is_some_and(|before| before.uid != now.uid) {
        return Moved::No(Box::new(blocked_by(
            InterlockId::Selector,
            "the Service was deleted and made anew",
        )));
    }
    if now.active != fresh.cluster.active() {
        let ours = before.and_then(|before| before.mark.as_ref()) != now.mark.as_ref();
        let by = by.filter(|_| ours).or_else(owner).unwrap_or_else(|| "somebody".into());
        let why = format!("{by} was faster: {}; nothing was changed by you", traffic_on(now.active));
        return Moved::Lost(Box::new(blocked_by(InterlockId::Selector, why)));
    }
    Moved::Lost(Box::new(not_done(format!(
        "not applied: the Service was changed at the same moment; {}, not on {}; try again",
        traffic_on(now.active),
        to.label()
    ))))
}

/// After the patch: endpoints, then answers.
pub(super) async fn follow_switch(job: &Job, cluster: &Cluster, to: Colour, patched: Moment) -> Conclusion {
    let version = cluster.deployments[to].as_ref().and_then(|d| d.image.as_deref()).and_then(image_version);
    let name = version.map_or_else(|| to.label().to_owned(), |version| format!("{} {version}", to.label()));
    let applied = |why: String| Conclusion::AppliedNotVerified {
        words: format!("the selector says {}, but: {why}", to.label()),
    };
    let endpoints = match follow::endpoints(job, to, patched).boxed().await {
        (Followed::Reached(words), at) => (words, at),
        (Followed::NotReached(why), _) => return applied(why),
        (Followed::Overtaken, _) => {
            return applied("a rollback was ordered before it was seen to take".into());
        }
    };
    job.measured(crate::sop::record::Measured::Switch, endpoints.1.since(patched));
    let answers = match follow::probes(job, version, patched).boxed().await {
        Followed::Reached(words) => words,
        Followed::NotReached(why) => return applied(why),
        Followed::Overtaken => return applied("a rollback was ordered before the URL was probed".into()),
    };
    let words = format!(
        "traffic is on {name}: patched {} after the order, endpoints {} later, {answers}",
        seconds(patched.since(job.confirmed)),
        seconds(endpoints.1.since(patched)),
    );
    Conclusion::Verified { words }
}
