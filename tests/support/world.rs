//! The two worlds that live tests run in: the lab's real cluster and the rehearsal's
//! embedded one. A test's body is written once, against [`World`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use tokio::runtime::{Handle, Runtime};

use super::lab::Lab;
use super::rehearsal::Rehearsal;
use super::users::Traffic;

/// Makes of each body `fn(&World)` two tests: `lab::…`, which is skipped with a printed
/// reason where there is no lab, and `rehearsal::…`.
macro_rules! worlds {
    ($($body:ident),+ $(,)?) => {
        mod lab {
            $(
                #[test]
                fn $body() {
                    if let Some(world) = crate::support::world::World::lab(stringify!($body)) {
                        super::$body(&world);
                    }
                }
            )+
        }
        mod rehearsal {
            $(
                #[test]
                fn $body() {
                    super::$body(&crate::support::world::World::rehearsal());
                }
            )+
        }
    };
}
pub(crate) use worlds;

/// Who changes things behind the program's back.
pub const COLLEAGUE: &str = "a-colleague";
/// The application's namespace.
const NAMESPACE: &str = "taxasge";

/// A way in which the API server is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It takes connections and answers nothing.
    Frozen,
    /// It is gone: connections are refused.
    Lost,
}

/// What is done differently in each world.
pub trait Ground {
    /// Puts the application back to its start: traffic on blue, both colours on v1.0.0.
    fn reset(&self);
    /// Takes the API server away.
    fn lose(&self, outage: Outage);
    /// Brings it back.
    fn bring_back(&self, outage: Outage);
    /// The application through the Service, as its users reach it.
    fn url(&self, world: &World) -> String;
    /// Begins users' requests through the Service.
    fn traffic(&self, url: &str) -> Traffic;
    /// Makes the idle colour's pods write 10,000 ERROR lines a second, together.
    fn flood(&self, world: &World);
}

/// A cluster with the application in it, put back to its start, and the hands of its
/// administrator.
pub struct World {
    /// Kubeconfigs of the administrator, the operator and the viewer.
    pub admin: PathBuf,
    pub oncall: PathBuf,
    pub viewer: PathBuf,
    client: Client,
    runtime: Runtime,
    ground: Box<dyn Ground>,
}

impl World {
    /// The lab; `None`, with the reason printed, where there is none.
    pub fn lab(test: &str) -> Option<Self> {
        let Some((lab, kubeconfigs)) = Lab::find() else {
            println!("skipped: {test}: the variables of the lab (KUBECONFIG, CUTOVER_LAB_*) are not set");
            return None;
        };
        let world = Self::on(Box::new(lab), kubeconfigs);
        world.reset();
        Some(world)
    }

    /// A rehearsal of its own, served by another process.
    pub fn rehearsal() -> Self {
        let (rehearsal, kubeconfigs) = Rehearsal::start();
        Self::on(Box::new(rehearsal), kubeconfigs)
    }

    fn on(ground: Box<dyn Ground>, [admin, oncall, viewer]: [PathBuf; 3]) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let client = runtime.block_on(client(&admin));
        Self { admin, oncall, viewer, client, runtime, ground }
    }

    /// Puts the application back to its start.
    pub fn reset(&self) {
        self.ground.reset();
    }

    /// Takes the API server away until what it returns is dropped: on every way out, so
    /// that a test that fails leaves a world to the next one.
    pub fn lose(&self, outage: Outage) -> Away<'_> {
        self.ground.lose(outage);
        Away { world: self, outage }
    }

    /// The URL of the application through the Service.
    pub fn url(&self) -> String {
        self.ground.url(self)
    }

    /// A user's steady requests through the Service until [`Traffic::end`].
    pub fn traffic(&self) -> Traffic {
        self.ground.traffic(&self.url())
    }

    /// Makes the idle colour's pods write 10,000 ERROR lines a second, together.
    pub fn flood(&self) {
        self.ground.flood(self);
    }

    /// The administrator's client; it lives in [`World::runtime`].
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Where the administrator's calls are carried out.
    pub fn runtime(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Reads an object: `deployment/backend-green`.
    pub fn get(&self, what: &str) -> Value {
        let (api, name) = self.object(what);
        let object = self.runtime.block_on(api.get(name)).unwrap_or_else(|error| panic!("{what}: {error}"));
        serde_json::to_value(object).unwrap()
    }

    /// The pods with such labels.
    pub fn pods(&self, labels: &str) -> Vec<Value> {
        let api = self.api("pod");
        let list = self.runtime.block_on(api.list(&ListParams::default().labels(labels))).unwrap();
        list.items.into_iter().map(|pod| serde_json::to_value(pod).unwrap()).collect()
    }

    /// Changes an object, as kubectl's `patch` does.
    pub fn patch(&self, what: &str, patch: &Value) {
        let (api, name) = self.object(what);
        let parameters = PatchParams { field_manager: Some(COLLEAGUE.into()), ..PatchParams::default() };
        let patched = self.runtime.block_on(api.patch(name, &parameters, &Patch::Strategic(patch)));
        patched.unwrap_or_else(|error| panic!("patch {what}: {error}"));
    }

    /// Gives a Deployment so many pods and, for 0, waits until they are gone. Pods with the
    /// label `crowd` are nobody's.
    pub fn scale(&self, deployment: &str, replicas: u32) {
        let what = format!("deployment/{deployment}");
        self.patch(&what, &json!({"spec": {"replicas": replicas}}));
        if replicas == 0 {
            let version = self.get(&what)["spec"]["selector"]["matchLabels"]["version"].clone();
            let labels = format!("version={},!crowd", version.as_str().unwrap());
            super::until("the pods to go", Duration::from_secs(120), || {
                self.pods(&labels).is_empty().then_some(())
            });
        }
    }

    /// The colour that the Service selects.
    pub fn selected(&self) -> String {
        self.get("service/backend")["spec"]["selector"]["version"].as_str().unwrap_or_default().to_owned()
    }

    /// Moves the traffic behind the program's back.
    pub fn select(&self, colour: &str) {
        self.patch("service/backend", &json!({"spec": {"selector": {"version": colour}}}));
    }

    /// The image of a Deployment's container.
    pub fn image(&self, deployment: &str) -> String {
        let object = self.get(&format!("deployment/{deployment}"));
        object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap().to_owned()
    }

    fn object<'a>(&self, what: &'a str) -> (Api<DynamicObject>, &'a str) {
        let (kind, name) = what.split_once('/').unwrap();
        (self.api(kind), name)
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let resource = match kind {
            "configmap" => ApiResource::erase::<ConfigMap>(&()),
            "deployment" => ApiResource::erase::<Deployment>(&()),
            "pod" => ApiResource::erase::<Pod>(&()),
            "service" => ApiResource::erase::<Service>(&()),
            other => panic!("no such kind: {other}"),
        };
        Api::namespaced_with(self.client.clone(), NAMESPACE, &resource)
    }
}

/// The API server is away for as long as this lives.
#[must_use]
pub struct Away<'w> {
    world: &'w World,
    outage: Outage,
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.world.ground.bring_back(self.outage);
    }
}

async fn client(kubeconfig: &Path) -> Client {
    // A second installation is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    Client::try_from(config).unwrap()
}
