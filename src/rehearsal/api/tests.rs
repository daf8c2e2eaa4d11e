//! The API as clients that nobody here wrote meet it: kube-rs, the room's own.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v1::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::{
    Api as Objects, DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams, WatchEvent,
    WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::*;
use crate::rehearsal::cluster;
use crate::rehearsal::faults::Fault;
use crate::rehearsal::scenario::Scenario;

/// A world with its API, in which things move.
struct Served {
    world: Arc<World>,
    api: Api,
    _stop: DropGuard,
}

fn served() -> Served {
    // Installed by main in the program; a second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let world = World::new(Scenario::default(), 1);
    cluster::seed(&world);
    let stop = CancellationToken::new();
    tokio::spawn(cluster::run(Arc::clone(&world), stop.clone()));
    let api = Api::start(Arc::clone(&world)).unwrap();
    Served { world, api, _stop: stop.drop_guard() }
}

async fn client(served: &Served, user: usize) -> Client {
    let text = served.api.kubeconfig(&who::USERS[user], None);
    let kubeconfig = Kubeconfig::from_yaml(&text).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

const ADMIN: usize = 0;
const ONCALL: usize = 1;
const VIEWER: usize = 2;

fn code<T: std::fmt::Debug>(result: kube::Result<T>) -> u16 {
    match result.unwrap_err() {
        kube::Error::Api(status) => status.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pair_is_there_and_the_traffic_is_on_blue() {
    let served = served();
    let client = client(&served, ADMIN).await;
    let deployments: Objects<Deployment> = Objects::default_namespaced(client.clone());
    for name in ["backend-blue", "backend-green"] {
        let status = deployments.get(name).await.unwrap().status.unwrap();
        assert_eq!((status.ready_replicas, status.updated_replicas), (Some(3), Some(3)), "{name}");
    }
    let pods: Objects<Pod> = Objects::default_namespaced(client.clone());
    let blue = pods
        .list(&ListParams::default().labels("version in (blue)").fields("status.phase=Running"))
        .await
        .unwrap();
    assert_eq!(blue.items.len(), 3);
    let page = pods.list(&ListParams::default().limit(4)).await.unwrap();
    assert_eq!((page.items.len(), page.metadata.remaining_item_count), (4, Some(2)));
    let token = page.metadata.continue_.unwrap();
    assert_eq!(
        pods.list(&ListParams::default().limit(4).continue_token(&token)).await.unwrap().items.len(),
        2
    );
    let services: Objects<Service> = Objects::default_namespaced(client.clone());
    let selector: BTreeMap<_, _> = services.get("backend").await.unwrap().spec.unwrap().selector.unwrap();
    assert_eq!(selector["version"], "blue");
    assert_eq!(code(services.get("nothing").await), 404);
    assert_eq!(client.apiserver_version().await.unwrap().minor, "33");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_compared_swapped_and_dry_run() {
    let served = served();
    let client = client(&served, ADMIN).await;
    let services: Objects<Service> = Objects::default_namespaced(client.clone());
    let swap = |expected: &str| -> Patch<()> {
        Patch::Json(
            serde_json::from_value(json!([
                {"op": "test", "path": "/spec/selector/version", "value": expected},
                {"op": "replace", "path": "/spec/selector/version", "value": "green"},
            ]))
            .unwrap(),
        )
    };
    let parameters = PatchParams { field_manager: Some("cutover".into()), ..PatchParams::default() };
    assert_eq!(code(services.patch("backend", &parameters, &swap("green")).await), 422);
    let dry = services.patch("backend", &parameters.clone().dry_run(), &swap("blue")).await.unwrap();
    assert_eq!(dry.spec.unwrap().selector.unwrap()["version"], "green");
    let before = services.get("backend").await.unwrap();
    assert_eq!(
        before.spec.as_ref().unwrap().selector.as_ref().unwrap()["version"],
        "blue",
        "nothing was stored"
    );
    let after = services.patch("backend", &parameters, &swap("blue")).await.unwrap();
    let owners = after.metadata.managed_fields.unwrap();
    assert!(owners.iter().any(|entry| entry.manager.as_deref() == Some("cutover")));
    assert_eq!(
        code(services.replace("backend", &PostParams::default(), &before).await),
        409,
        "an old version"
    );

    let maps: Objects<ConfigMap> = Objects::default_namespaced(client);
    let map: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "m"}, "data": {"a": "1"}})).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    assert_eq!(code(maps.create(&PostParams::default(), &map).await), 409);
    let apply =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "2"}});
    let refused = maps.patch("m", &PatchParams::apply("somebody"), &Patch::Apply(&apply)).await;
    assert_eq!(code(refused), 409);
    let forced =
        maps.patch("m", &PatchParams::apply("somebody").force(), &Patch::Apply(&apply)).await.unwrap();
    assert_eq!(forced.data.unwrap()["a"], "2");
    maps.delete("m", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(maps.get("m").await), 404);
    let wrong: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "No Name"}})).unwrap();
    assert_eq!(code(maps.create(&PostParams::default(), &wrong).await), 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_followed_and_forgotten_versions_refused() {
    let served = served();
    let client = client(&served, ADMIN).await;
    let maps: Objects<ConfigMap> = Objects::default_namespaced(client);
    let begin = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let parameters = WatchParams::default().labels("mine=yes");
    let mut watch = maps.watch(&parameters, &begin).await.unwrap().boxed();
    let map = |mine: &str| -> ConfigMap {
        serde_json::from_value(json!({"metadata": {"name": "w", "labels": {"mine": mine}}})).unwrap()
    };
    maps.create(&PostParams::default(), &map("yes")).await.unwrap();
    assert!(matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Added(_))));
    let patch = |mine: &str| Patch::Merge(json!({"metadata": {"labels": {"mine": mine, "n": mine}}}));
    maps.patch("w", &PatchParams::default(), &patch("no")).await.unwrap();
    assert!(matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Deleted(_))), "no longer selected");
    maps.patch("w", &PatchParams::default(), &patch("yes")).await.unwrap();
    assert!(matches!(watch.try_next().await.unwrap(), Some(WatchEvent::Added(_))));
    served.world.store.compact();
    assert_eq!(code(maps.watch(&parameters, &begin).await.map(drop)), 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_may_what_the_roles_say() {
    let served = served();
    let (oncall, viewer) = (client(&served, ONCALL).await, client(&served, VIEWER).await);
    let label = Patch::Merge(json!({"metadata": {"annotations": {"by": "test"}}}));
    let services: Objects<Service> = Objects::default_namespaced(oncall.clone());
    services.patch("backend", &PatchParams::default(), &label).await.unwrap();
    let services: Objects<Service> = Objects::default_namespaced(viewer.clone());
    services.list(&ListParams::default().fields("metadata.name=backend")).await.unwrap();
    assert_eq!(code(services.list(&ListParams::default()).await), 403);
    assert_eq!(code(services.patch("backend", &PatchParams::default(), &label).await), 403);
    let pods: Objects<Pod> = Objects::default_namespaced(viewer);
    let name = pods.list(&ListParams::default()).await.unwrap().items[0].metadata.name.clone().unwrap();
    let log = pods.logs(&name, &LogParams { tail_lines: Some(1), ..LogParams::default() }).await.unwrap();
    assert!(log.contains("INFO starting v1.0.0"), "{log}");
    assert_eq!(code(pods.delete(&name, &DeleteParams::default()).await), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_is_rolled_out_and_the_older_version_of_autoscalers_is_served() {
    let served = served();
    let client = client(&served, ADMIN).await;
    let deployments: Objects<Deployment> = Objects::default_namespaced(client.clone());
    let patch = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "backend", "image": "ghcr.io/taxasge/backend:v1.1.0"}]}}}});
    deployments.patch("backend-green", &PatchParams::default(), &Patch::Strategic(&patch)).await.unwrap();
    let mut scale = deployments.get_scale("backend-green").await.unwrap();
    scale.spec.as_mut().unwrap().replicas = Some(2);
    deployments.replace_scale("backend-green", &PostParams::default(), &scale).await.unwrap();
    let done = kube::runtime::wait::await_condition(
        deployments,
        "backend-green",
        |deployment: Option<&Deployment>| {
            let status = deployment.and_then(|deployment| deployment.status.as_ref());
            status.is_some_and(|status| {
                (status.updated_replicas, status.replicas, status.available_replicas)
                    == (Some(2), Some(2), Some(2))
                    && status.observed_generation == deployment.and_then(|d| d.metadata.generation)
            })
        },
    );
    tokio::time::timeout(Duration::from_secs(60), done).await.unwrap().unwrap();
    let autoscalers: Objects<HorizontalPodAutoscaler> = Objects::default_namespaced(client);
    let autoscaler = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "backend-blue"}, "maxReplicas": 5, "targetCPUUtilizationPercentage": 60}});
    let autoscaler = serde_json::from_value(autoscaler).unwrap();
    let made = autoscalers.create(&PostParams::default(), &autoscaler).await.unwrap();
    assert_eq!(made.spec.unwrap().target_cpu_utilization_percentage, Some(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_a_pod_is_forwarded() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let served = served();
    let pods: Objects<Pod> = Objects::default_namespaced(client(&served, ONCALL).await);
    let name = pods.list(&ListParams::default()).await.unwrap().items[0].metadata.name.clone().unwrap();
    let mut forwarder = pods.portforward(&name, &[8000, 9]).await.unwrap();
    let mut stream = forwarder.take_stream(8000).unwrap();
    let nobody = forwarder.take_error(9).unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: backend\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}\n") {
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..count]);
        }
        assert!(String::from_utf8(answer).unwrap().contains("x-version: v1.0.0"));
    }
    let words = tokio::time::timeout(Duration::from_secs(5), nobody).await.unwrap().unwrap();
    assert!(words.contains("connection refused"), "{words}");
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_trouble_the_server_and_it_recovers() {
    let served = served();
    let client = client(&served, ADMIN).await;
    let services: Objects<Service> = Objects::default_namespaced(client);
    let faults = &served.world.faults;
    faults.inject(Fault::ApiErrors { status: 429 });
    assert_eq!(code(services.get("backend").await), 429);
    faults.clear("api-errors");
    faults.inject(Fault::CredentialsExpired);
    assert_eq!(code(services.get("backend").await), 401);
    faults.clear("credentials-expired");
    faults.inject(Fault::ApiFrozen);
    let frozen = tokio::time::timeout(Duration::from_millis(300), services.get("backend")).await;
    assert!(frozen.is_err(), "a frozen server answers nothing");
    faults.clear("api-frozen");
    services.get("backend").await.unwrap();
    faults.inject(Fault::ApiLost);
    let lost = async {
        while services.get("backend").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), lost).await.unwrap();
    faults.clear("api-lost");
    let back = async {
        while services.get("backend").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), back).await.unwrap();
}
