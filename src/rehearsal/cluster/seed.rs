//! The world at its start: the procedure's blue/green pair, both colours up, the traffic
//! on blue, as if it had been so for days.

use serde_json::{Value, json};

use super::object::{self, text};
use super::resource::Resource;
use super::store::{Key, StoreError};
use super::{controllers, kubelet};
use crate::rehearsal::objects::managed::after_update;
use crate::rehearsal::objects::patch::Write;
use crate::rehearsal::objects::{defaults, openapi};
use crate::rehearsal::scenario::{IMAGE, NAMESPACE, PORT, SERVICE};
use crate::rehearsal::world::{World, seconds};
use crate::sop::colour::Colour;

/// The Roles that operators and viewers need: the very file that a team applies.
const ROLES: &str = include_str!("../../../assets/rbac.yaml");
/// Who made the objects.
const MANAGER: &str = "kubectl-client-side-apply";
/// The Service's address, from a documentation range (RFC 5737).
const SERVICE_ADDRESS: &str = "198.51.100.129";

/// Puts everything at its start, in place of whatever there was.
pub fn seed(world: &World) {
    world.store.clear();
    world.application.clear();
    for namespace in ["default", "kube-system", NAMESPACE] {
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace, "labels": {"kubernetes.io/metadata.name": namespace}},
            "status": {"phase": "Active"},
        });
        put(world, Resource::Namespaces, namespace);
    }
    put(world, Resource::Nodes, node(world));
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}});
    put(world, Resource::ServiceAccounts, account);
    roles(world);
    for colour in Colour::ALL {
        put(world, Resource::Deployments, deployment(world, colour));
    }
    put(world, Resource::Services, service());
    controllers::settle(world, || {
        let (_, pods) = world.store.list(Resource::Pods, None);
        for pod in pods {
            kubelet::settled(world, &pod);
        }
    });
}

fn put(world: &World, resource: Resource, mut object: Value) {
    world.stamp(resource, &mut object);
    defaults::fill(resource, &mut object);
    let write = Write { manager: MANAGER, subresource: None, now: world.now(), force: false };
    let api_version = text(&object, "/apiVersion").to_owned();
    after_update(resource, &api_version, None, &mut object, &write);
    let key = Key::new(resource, object::namespace(&object), object::name(&object));
    // The store was empty; what stands in a file twice is there once.
    if world.store.create(key, object) == Err(StoreError::Exists) {
        tracing::warn!("an object of the world stands there twice");
    }
}

fn node(world: &World) -> Value {
    let now = seconds(world.now());
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": kubelet::NODE, "labels": {"kubernetes.io/hostname": kubelet::NODE, "kubernetes.io/os": "linux"}},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": kubelet::NODE_ADDRESS}, {"type": "Hostname", "address": kubelet::NODE}],
            "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
                            "lastHeartbeatTime": now, "lastTransitionTime": now}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "kubeletVersion": openapi::VERSION, "osImage": "cutover rehearsal", "architecture": "amd64",
                "operatingSystem": "linux", "bootID": "", "containerRuntimeVersion": "containerd://2.0.0",
                "kernelVersion": "6.1.0", "kubeProxyVersion": "", "machineID": "", "systemUUID": "",
            },
        },
    })
}

/// The Roles of the file, and the bindings that give them to the world's users.
fn roles(world: &World) {
    match serde_saphyr::from_multiple::<Value>(ROLES) {
        Ok(roles) => {
            for role in roles.into_iter().filter(|role| role["kind"] == "Role") {
                put(world, Resource::Roles, role);
            }
        }
        Err(error) => tracing::error!("the Roles cannot be read: {error}"),
    }
    for (name, group, role) in
        [("oncall", "oncall", "cutover-operator"), ("viewers", "viewers", "cutover-viewer")]
    {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "Group", "name": group}],
        });
        put(world, Resource::RoleBindings, binding);
    }
}

fn deployment(world: &World, colour: Colour) -> Value {
    let labels = json!({"app": SERVICE, "version": colour.name()});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": format!("{SERVICE}-{colour}"), "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": world.scenario.pods,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": false,
                    "dnsPolicy": "Default",
                    "containers": [{
                        "name": SERVICE,
                        "image": format!("{IMAGE}:{}", world.scenario.from),
                        "imagePullPolicy": "IfNotPresent",
                        "ports": [{"containerPort": PORT}],
                        "resources": {"limits": {"memory": "128Mi"}},
                        "readinessProbe": {"httpGet": {"path": "/health", "port": PORT}, "periodSeconds": 1},
                        "lifecycle": {"preStop": {"exec": {"command": ["/bin/busybox", "sleep", "3"]}}},
                    }],
                },
            },
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE},
        "spec": {
            "clusterIP": SERVICE_ADDRESS, "clusterIPs": [SERVICE_ADDRESS],
            "selector": {"app": SERVICE, "version": Colour::Blue.name()},
            "ports": [{"name": "http", "port": 80, "targetPort": PORT}],
        },
        "status": {"loadBalancer": {}},
    })
}
