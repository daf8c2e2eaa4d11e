//! The cluster as it moves by itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::controllers::condition;
use super::leaving::leave;
use super::object::{self, label, number, text};
use super::resource::Resource;
use super::store::{Key, StoreError};
use super::{run, seed};
use crate::rehearsal::application::{front, users};
use crate::rehearsal::faults::Fault;
use crate::rehearsal::scenario::{IMAGE, NAMESPACE, SERVICE, Scenario, Timings};
use crate::rehearsal::world::World;

/// Longer than anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

struct Moving {
    world: Arc<World>,
    _stop: DropGuard,
}

fn moving() -> Moving {
    let quick = Duration::from_millis(20);
    let scenario =
        Scenario { timings: Timings { schedule: quick, pull: quick, start: quick }, ..Scenario::default() };
    let world = World::new(scenario, 1);
    seed(&world);
    let stop = CancellationToken::new();
    tokio::spawn(run(Arc::clone(&world), stop.clone()));
    Moving { world, _stop: stop.drop_guard() }
}

fn deployment(colour: &str) -> Key {
    Key::new(Resource::Deployments, NAMESPACE, &format!("{SERVICE}-{colour}"))
}

impl Moving {
    /// Waits until something holds, looking after every change.
    async fn until<T>(&self, what: &str, mut look: impl FnMut(&World) -> Option<T>) -> T {
        let mut newest = self.world.store.subscribe();
        let waiting = async {
            loop {
                newest.borrow_and_update();
                if let Some(found) = look(&self.world) {
                    return found;
                }
                newest.changed().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited for {what}"))
    }

    fn change(&self, key: &Key, change: impl FnOnce(&mut Value)) {
        self.world
            .store
            .update(key, None, |object| {
                change(object);
                let generation = number(object, "/metadata/generation").unwrap_or(0) + 1;
                object["metadata"]["generation"] = json!(generation);
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }

    fn set_image(&self, colour: &str, version: &str) {
        self.change(&deployment(colour), |deployment| {
            deployment["spec"]["template"]["spec"]["containers"][0]["image"] =
                json!(format!("{IMAGE}:{version}"));
        });
    }

    async fn rolled_out(&self, colour: &str) {
        let done = |world: &World| {
            let deployment = world.store.get(&deployment(colour))?;
            is_done(&deployment).then_some(())
        };
        self.until("the rollout", done).await;
    }
}

fn is_done(deployment: &Value) -> bool {
    let status = |key: &str| deployment["status"][key].as_i64().unwrap_or(0);
    let desired = number(deployment, "/spec/replicas").unwrap();
    status("observedGeneration") == number(deployment, "/metadata/generation").unwrap()
        && [status("replicas"), status("updatedReplicas"), status("availableReplicas")] == [desired; 3]
}

fn pods(world: &World, colour: &str) -> Vec<Arc<Value>> {
    let (_, mut pods) = world.store.list(Resource::Pods, Some(NAMESPACE));
    pods.retain(|pod| label(pod, "version") == Some(colour));
    pods
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_replaces_pods_within_the_limits() {
    let moving = moving();
    let begin = moving.world.store.version();
    moving.set_image("green", "v1.1.0");
    moving.rolled_out("green").await;
    let green = pods(&moving.world, "green");
    let staying: Vec<_> = green.iter().filter(|pod| !object::is_terminating(pod)).collect();
    assert_eq!(staying.len(), 3);
    assert!(staying.iter().all(|pod| text(pod, "/spec/containers/0/image").ends_with(":v1.1.0")));
    let deployment = moving.world.store.get(&deployment("green")).unwrap();
    assert_eq!(object::annotation(&deployment, "deployment.kubernetes.io/revision"), Some("2"));
    assert_eq!(condition(&deployment, "Progressing").unwrap()["reason"], "NewReplicaSetAvailable");
    let (_, changes) = moving.world.store.since(begin, Resource::Deployments, None).unwrap();
    for change in &changes {
        let status = |key: &str| change.object["status"][key].as_i64().unwrap_or(0);
        assert!(status("replicas") <= 4 && status("availableReplicas") >= 3, "{}", change.object["status"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_to_a_template_takes_its_replica_set_again() {
    let moving = moving();
    moving.set_image("green", "v1.1.0");
    moving.rolled_out("green").await;
    moving.set_image("green", "v1.0.0");
    moving.rolled_out("green").await;
    let (_, sets) = moving.world.store.list(Resource::ReplicaSets, Some(NAMESPACE));
    let green = sets.iter().filter(|set| label(set, "version") == Some("green"));
    let revisions: Vec<_> =
        green.filter_map(|set| object::annotation(set, "deployment.kubernetes.io/revision")).collect();
    assert_eq!(revisions.len(), 2, "no third one was made");
    assert!(revisions.contains(&"3"), "{revisions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_there_is_stuck_until_the_deadline() {
    let moving = moving();
    moving
        .change(&deployment("green"), |deployment| deployment["spec"]["progressDeadlineSeconds"] = json!(1));
    moving.set_image("green", "v9.9.9");
    let reason = |world: &World| {
        let green = pods(world, "green");
        green
            .iter()
            .any(|pod| text(pod, "/status/containerStatuses/0/state/waiting/reason") == "ImagePullBackOff")
            .then_some(())
    };
    moving.until("the image to be missed", reason).await;
    let exceeded = |world: &World| {
        let deployment = world.store.get(&deployment("green"))?;
        (condition(&deployment, "Progressing")?["reason"] == "ProgressDeadlineExceeded").then_some(deployment)
    };
    let stuck = moving.until("the deadline", exceeded).await;
    assert_eq!(number(&stuck, "/status/availableReplicas"), Some(3), "the old pods go on serving");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loop_is_told_and_cured_when_the_fault_ends() {
    let moving = moving();
    moving.world.faults.inject(Fault::CrashLoop);
    moving.set_image("green", "v1.1.0");
    let crashing = |world: &World| {
        pods(world, "green")
            .into_iter()
            .find(|pod| text(pod, "/status/containerStatuses/0/state/waiting/reason") == "CrashLoopBackOff")
    };
    let pod = moving.until("the crash loop", crashing).await;
    assert_eq!(text(&pod, "/status/containerStatuses/0/lastState/terminated/reason"), "Error");
    assert!(moving.world.application.current(object::name(&pod)).unwrap().log.from(0).1 > 0);
    moving.world.faults.clear("crash-loop");
    moving.rolled_out("green").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colour_is_scaled_to_nothing_and_back() {
    let moving = moving();
    let size = |replicas: i64| move |deployment: &mut Value| deployment["spec"]["replicas"] = json!(replicas);
    moving.change(&deployment("green"), size(0));
    moving.until("the pods to be gone", |world| pods(world, "green").is_empty().then_some(())).await;
    moving.change(&deployment("green"), size(3));
    moving.rolled_out("green").await;
    assert_eq!(pods(&moving.world, "green").len(), 3);
}

fn select(moving: &Moving, colour: &str) {
    let service = Key::new(Resource::Services, NAMESPACE, SERVICE);
    moving.change(&service, |service| service["spec"]["selector"]["version"] = json!(colour));
}

fn ready(world: &World) -> Option<(usize, bool)> {
    let endpoints = world.store.get(&Key::new(Resource::Endpoints, NAMESPACE, SERVICE))?;
    let addresses = endpoints["subsets"][0]["addresses"].as_array()?;
    let green = addresses.iter().all(|address| text(address, "/targetRef/name").contains("green"));
    Some((addresses.len(), green))
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_and_slices_follow_selector_and_readiness() {
    let moving = moving();
    assert_eq!(ready(&moving.world), Some((3, false)));
    select(&moving, "green");
    moving.until("green's endpoints", |world| (ready(world) == Some((3, true))).then_some(())).await;
    let leaving = Key::new(Resource::Pods, NAMESPACE, object::name(&pods(&moving.world, "green")[0]));
    leave(&moving.world, &leaving, None).unwrap();
    let terminating = |world: &World| {
        let (_, slices) = world.store.list(Resource::EndpointSlices, Some(NAMESPACE));
        let endpoints = slices[0]["endpoints"].as_array()?.clone();
        let leaving = endpoints.iter().find(|endpoint| endpoint["targetRef"]["name"] == leaving.name)?;
        (leaving["conditions"] == json!({"ready": false, "serving": true, "terminating": true})).then_some(())
    };
    moving.until("the slice to tell", terminating).await;
    moving.until("a new pod", |world| (ready(world) == Some((3, true))).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_lose_no_request_while_the_traffic_moves_and_pods_go() {
    let moving = moving();
    let stop = CancellationToken::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    tokio::spawn(front::serve(Arc::clone(&moving.world), listener, stop.clone()));
    tokio::spawn(users::run(Arc::clone(&moving.world), stop.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kept = reqwest::Client::builder().no_proxy().build().unwrap();
    let version =
        async || kept.get(&url).send().await.unwrap().headers()["x-version"].to_str().unwrap().to_owned();
    assert_eq!(version().await, "v1.0.0");
    moving.set_image("green", "v1.1.0");
    moving.rolled_out("green").await;
    select(&moving, "green");
    moving.until("green's endpoints", |world| (ready(world) == Some((3, true))).then_some(())).await;
    assert_eq!(version().await, "v1.0.0", "a connection that is kept alive stays with its pod");
    moving.change(&deployment("blue"), |deployment| deployment["spec"]["replicas"] = json!(0));
    moving.until("blue's pods to be gone", |world| pods(world, "blue").is_empty().then_some(())).await;
    assert_eq!(version().await, "v1.1.0");
    let counts = moving.world.application.tally.counts();
    assert!(counts.requests > 100, "{counts:?}");
    assert_eq!(counts.lost, 0);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn others_move_the_traffic_and_put_it_back() {
    let moving = moving();
    let selected = |world: &World| {
        let service = world.store.get(&Key::new(Resource::Services, NAMESPACE, SERVICE)).unwrap();
        text(&service, "/spec/selector/version").to_owned()
    };
    moving.world.faults.inject(Fault::Colleague);
    moving.until("the colleague", |world| (selected(world) == "green").then_some(())).await;
    moving.world.faults.inject(Fault::GitOps);
    let marked = |world: &World| {
        let service = world.store.get(&Key::new(Resource::Services, NAMESPACE, SERVICE))?;
        object::annotation(&service, "argocd.argoproj.io/tracking-id").map(|_| ())
    };
    moving.until("the controller's mark", marked).await;
    select(&moving, "blue");
    moving.until("the selector to be put back", |world| (selected(world) == "green").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deployment_owned_goes_with_it_and_a_world_begins_anew() {
    let moving = moving();
    leave(&moving.world, &deployment("green"), None).unwrap();
    moving.until("green's pods to be gone", |world| pods(world, "green").is_empty().then_some(())).await;
    seed(&moving.world);
    moving.rolled_out("green").await;
    assert_eq!((pods(&moving.world, "blue").len(), pods(&moving.world, "green").len()), (3, 3));
}
