"""The official Python client on the rehearsal: its current models must accept every
answer, those included that the lab's older server cannot show."""

from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

from worlds import NAMESPACE, Rehearsal, checked

GREEN = "backend-green"


def run(world: Rehearsal):
    config.load_kube_config(world.kubeconfig())
    client.Configuration.get_default_copy().client_side_validation = True
    bodies = {
        "models of every kind": models,
        "a watch from a version, and after that is gone": lambda: watching(world),
        "patches": patching,
        "reviews": reviewing,
    }
    return [checked(f"Python client: {name}", body) for name, body in bodies.items()]


def models():
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    lists = {
        "namespaces": core.list_namespace(),
        "nodes": core.list_node(),
        "pods": core.list_namespaced_pod(NAMESPACE),
        "services": core.list_namespaced_service(NAMESPACE),
        "endpoints": core.list_namespaced_endpoints(NAMESPACE),
        "service accounts": core.list_namespaced_service_account(NAMESPACE),
        "deployments": apps.list_namespaced_deployment(NAMESPACE),
        "replica sets": apps.list_namespaced_replica_set(NAMESPACE),
        "endpoint slices": client.DiscoveryV1Api().list_namespaced_endpoint_slice(NAMESPACE),
        "roles": client.RbacAuthorizationV1Api().list_namespaced_role(NAMESPACE),
        "role bindings": client.RbacAuthorizationV1Api().list_namespaced_role_binding(NAMESPACE),
        "core events": core.list_namespaced_event(NAMESPACE),
        "events": client.EventsV1Api().list_namespaced_event(NAMESPACE),
    }
    empty = [name for name, found in lists.items() if not found.items]
    assert not empty, f"nothing was listed of {empty}"
    pod = lists["pods"].items[0]
    assert pod.status.container_statuses[0].state.running.started_at, pod
    assert pod.status.host_ips and pod.status.pod_ips, "what came after the lab's server"
    slice = lists["endpoint slices"].items[0]
    assert all(endpoint.conditions.ready for endpoint in slice.endpoints), slice
    lease = client.V1Lease(metadata=client.V1ObjectMeta(name="l"), spec=client.V1LeaseSpec(holder_identity="me"))
    leases = client.CoordinationV1Api()
    assert leases.create_namespaced_lease(NAMESPACE, lease).spec.holder_identity == "me"
    scaler = client.V2HorizontalPodAutoscaler(
        metadata=client.V1ObjectMeta(name="h"),
        spec=client.V2HorizontalPodAutoscalerSpec(
            max_replicas=5,
            scale_target_ref=client.V2CrossVersionObjectReference(kind="Deployment", name=GREEN, api_version="apps/v1"),
            metrics=[client.V2MetricSpec(type="Resource", resource=client.V2ResourceMetricSource(
                name="cpu", target=client.V2MetricTarget(type="Utilization", average_utilization=60)))],
        ),
    )
    client.AutoscalingV2Api().create_namespaced_horizontal_pod_autoscaler(NAMESPACE, scaler)
    old = client.AutoscalingV1Api().read_namespaced_horizontal_pod_autoscaler("h", NAMESPACE)
    assert old.spec.target_cpu_utilization_percentage == 60, old
    assert apps.read_namespaced_deployment_scale(GREEN, NAMESPACE).spec.replicas == 3


def watching(world):
    core = client.CoreV1Api()
    version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version
    core.create_namespaced_config_map(NAMESPACE, client.V1ConfigMap(metadata=client.V1ObjectMeta(name="w")))
    seen = watch.Watch().stream(
        core.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=2
    )
    assert [(event["type"], event["object"].metadata.name) for event in seen] == [("ADDED", "w")]
    import urllib.request

    forget = urllib.request.Request(world.urls["control"] + "/compact", method="POST")
    urllib.request.urlopen(forget, timeout=10).close()
    try:
        list(watch.Watch().stream(
            core.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=2
        ))
        raise AssertionError("a version that is gone was watched from")
    except ApiException as error:
        assert error.status == 410, error


def patching():
    core, apps = client.CoreV1Api(), client.AppsV1Api()
    image = {"spec": {"template": {"spec": {"containers": [{"name": "backend", "image": "ghcr.io/taxasge/backend:v1.1.0"}]}}}}
    changed = apps.patch_namespaced_deployment(GREEN, NAMESPACE, image)
    assert len(changed.spec.template.spec.containers) == 1 and changed.metadata.generation == 2, changed
    swap = [{"op": "test", "path": "/spec/selector/version", "value": "green"}]
    try:
        core.patch_namespaced_service("backend", NAMESPACE, swap)
        raise AssertionError("a failed test was applied")
    except ApiException as error:
        assert error.status == 422, error
    swap[0]["value"] = "blue"
    assert core.patch_namespaced_service("backend", NAMESPACE, swap).spec.selector["version"] == "blue"


def reviewing():
    attributes = client.V1ResourceAttributes(verb="patch", resource="services", namespace=NAMESPACE)
    review = client.V1SelfSubjectAccessReview(
        spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
    )
    answer = client.AuthorizationV1Api().create_self_subject_access_review(review)
    assert answer.status.allowed, answer
