"""A current kubectl on the rehearsal: what people do to look around and to act."""

import json
import urllib.request

from worlds import Kubectl, Rehearsal, checked

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: '%s'}\n"
# `kubectl autoscale` and `kubectl create configmap` send protobuf, which the world does
# not take but for access reviews: objects are made from manifests here.
SCALER = """
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: backend-green}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: backend-green}
  minReplicas: 1
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]
"""


def run(world: Rehearsal, binary: str):
    admin = Kubectl(binary, world.kubeconfig())
    users = {name: Kubectl(binary, world.kubeconfig(name)) for name in ("oncall", "viewer")}
    bodies = {
        "version and api-resources": lambda: looking_around(admin),
        "get in every form": lambda: getting(admin),
        "get --watch": lambda: watching(admin),
        "describe": lambda: describing(admin),
        "explain": lambda: explaining(admin),
        "set image and rollout": lambda: rolling(admin),
        "scale and wait": lambda: scaling(admin),
        "patches of every kind": lambda: patching(admin),
        "apply by the client": lambda: applying(admin),
        "apply by the server, with a conflict": lambda: applying_on_the_server(admin),
        "what is wrong is refused": lambda: refusing(admin),
        "logs": lambda: logging(admin),
        "port-forward": lambda: forwarding(admin),
        "auth can-i": lambda: asking(admin, users),
        "delete": lambda: deleting(admin),
    }
    return [checked(f"current kubectl: {name}", body) for name, body in bodies.items()]


def looking_around(kubectl):
    version = json.loads(kubectl.ok("version", "-o", "json"))
    assert version["serverVersion"]["gitVersion"].startswith("v1.33."), version
    listed = kubectl.ok("api-resources", "--no-headers")
    for kind in ("pods", "deployments", "endpointslices", "leases", "horizontalpodautoscalers", "roles"):
        assert kind in listed, listed
    assert "apps/v1" in kubectl.ok("api-versions")
    kubectl.ok("cluster-info")


def getting(kubectl):
    for form in ("", "-o wide", "-o yaml", "-o json", "-o name"):
        kubectl.ok("get", "all", *form.split())
    for kind in "nodes ns cm secrets sa ep endpointslices leases events hpa roles rolebindings".split():
        kubectl.ok("get", kind)
    wide = kubectl.ok("get", "pods", "-o", "wide")
    assert "NODE" in wide and "198.51.100." in wide, wide
    for selector, count in (("version=blue", 3), ("version in (blue,green)", 6), ("version!=blue,app", 3)):
        assert len(kubectl.read("pods", "-l", selector)["items"]) == count, selector
    assert kubectl.ok("get", "pods", "--field-selector", "status.phase!=Running", "-o", "name") == ""
    assert len(kubectl.ok("get", "pods", "--chunk-size=2", "-o", "name").split()) == 6
    path = "jsonpath={.spec.selector.version}"
    assert kubectl.ok("get", "service", "backend", "-o", path) == "blue"
    kubectl.refused('deployments.apps "nothing" not found', "get", "deployment", "nothing")


def watching(kubectl):
    watch = kubectl.start("get", "configmaps", "--watch", "--output-watch-events")
    try:
        kubectl.ok("create", "-f", "-", stdin=MAP.replace("name: m", "name: watched") % 1)
        kubectl.ok("label", "configmap", "watched", "a=b")
        kubectl.ok("delete", "configmap", "watched")
        told = []
        while len([line for line in told if "watched" in line]) < 3:
            told.append(watch.stdout.readline())
        kinds = [line.split()[0] for line in told if "watched" in line]
        assert kinds == ["ADDED", "MODIFIED", "DELETED"], told
    finally:
        watch.kill()
        watch.wait()


def describing(kubectl):
    deployment = kubectl.ok("describe", "deployment", "backend-blue")
    for words in ("3 desired | 3 updated | 3 total | 3 available", "MinimumReplicasAvailable", "NewReplicaSet"):
        assert words in deployment, deployment
    pod = kubectl.ok("describe", "pod", "-l", "version=blue")
    assert "Ready:          True" in pod and "Controlled By:" in pod, pod
    assert "Endpoints:" in kubectl.ok("describe", "service", "backend")
    kubectl.ok("describe", "node", "rehearsal")


def explaining(kubectl):
    assert "FIELD: replicas <integer>" in kubectl.ok("explain", "deployment.spec.replicas")
    assert "KIND:       Service" in kubectl.ok("explain", "service")


def rolling(kubectl):
    green = "deployment/backend-green"
    kubectl.ok("set", "image", green, "backend=ghcr.io/taxasge/backend:v1.1.0")
    assert "successfully rolled out" in kubectl.ok("rollout", "status", green, "--timeout=60s")
    history = kubectl.ok("rollout", "history", green)
    assert "1" in history and "2" in history, history
    assert "v1.1.0" in kubectl.ok("rollout", "history", green, "--revision=2")
    kubectl.ok("rollout", "undo", green)
    kubectl.ok("rollout", "status", green, "--timeout=60s")
    image = kubectl.ok("get", green, "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    assert image.endswith(":v1.0.0"), image
    kubectl.ok("rollout", "restart", green)
    kubectl.ok("rollout", "status", green, "--timeout=60s")
    kubectl.ok("rollout", "pause", green)
    kubectl.ok("rollout", "resume", green)


def scaling(kubectl):
    green = "deployment/backend-green"
    kubectl.ok("scale", green, "--replicas=0")
    kubectl.ok("wait", "--for=delete", "pod", "-l", "version=green", "--timeout=60s")
    kubectl.ok("scale", green, "--current-replicas=0", "--replicas=3")
    kubectl.ok("wait", "--for=condition=Available", green, "--timeout=60s")
    kubectl.ok("wait", "--for=jsonpath={.status.readyReplicas}=3", green, "--timeout=60s")
    kubectl.ok("create", "-f", "-", stdin=SCALER)
    assert "60%" in kubectl.ok("get", "hpa")


def patching(kubectl):
    test = '[{"op":"test","path":"/spec/selector/version","value":"%s"},{"op":"add","path":"/metadata/labels","value":{"j":"1"}}]'
    kubectl.ok("patch", "service", "backend", "--type=json", "-p", test % "blue")
    kubectl.refused("invalid", "patch", "service", "backend", "--type=json", "-p", test % "green")
    kubectl.ok("patch", "service", "backend", "--type=merge", "-p", '{"metadata":{"labels":{"j":null,"m":"2"}}}')
    ports = '{"spec":{"ports":[{"port":81,"name":"more","targetPort":8000}]}}'
    kubectl.ok("patch", "service", "backend", "-p", ports)
    service = kubectl.read("service", "backend")
    assert service["metadata"]["labels"] == {"m": "2"}, service
    assert [port["port"] for port in service["spec"]["ports"]] == [81, 80], "new ones come first"
    kubectl.ok("patch", "service", "backend", "-p", '{"spec":{"ports":[{"port":81,"$patch":"delete"}]}}')
    scale = '{"spec":{"replicas":3}}'
    kubectl.ok("patch", "deployment", "backend-green", "--subresource=scale", "--type=merge", "-p", scale)


def applying(kubectl):
    assert "created" in kubectl.ok("apply", "-f", "-", stdin=MAP % 1)
    assert "unchanged" in kubectl.ok("apply", "-f", "-", stdin=MAP % 1)
    assert "configured (server dry run)" in kubectl.ok("apply", "--dry-run=server", "-f", "-", stdin=MAP % 2)
    assert kubectl.read("configmap", "m")["data"] == {"a": "1"}
    assert "configured" in kubectl.ok("apply", "-f", "-", stdin=MAP % 2)
    difference = kubectl("diff", "-f", "-", stdin=MAP % 3)
    assert difference.status == 1 and '+  a: "3"' in difference.out, difference
    kubectl.ok("replace", "-f", "-", stdin=MAP % 4)
    assert kubectl.read("configmap", "m")["data"] == {"a": "4"}


def applying_on_the_server(kubectl):
    kubectl.ok("delete", "configmap", "m", "--ignore-not-found")
    apply = ("apply", "--server-side", "-f", "-")
    assert "serverside-applied" in kubectl.ok(*apply, stdin=MAP % 1)
    kubectl.ok("patch", "configmap", "m", "--type=merge", "-p", '{"data":{"a":"other"}}', "--field-manager=other")
    kubectl.refused('conflict with "other" using v1: .data.a', *apply, stdin=MAP % 2)
    kubectl.ok(*apply, "--force-conflicts", stdin=MAP % 2)
    map = kubectl.read("configmap", "m", "--show-managed-fields")
    owners = {entry["manager"]: entry["operation"] for entry in map["metadata"]["managedFields"]}
    assert map["data"] == {"a": "2"} and owners == {"kubectl": "Apply"}, map


def refusing(kubectl):
    bad = MAP.replace("name: m", "name: No_Name") % 1
    kubectl.refused("RFC 1123", "create", "-f", "-", stdin=bad)
    kubectl.refused("must be greater than or equal to 0", "patch", "deployment", "backend-green", "-p", '{"spec":{"replicas":-1}}')
    kubectl.refused("field is immutable", "patch", "deployment", "backend-green", "--type=json", "-p",
                    '[{"op":"add","path":"/spec/selector/matchLabels/x","value":"y"},{"op":"add","path":"/spec/template/metadata/labels/x","value":"y"}]')
    kubectl.refused("already exists", "create", "-f", "-", stdin=MAP % 1)
    old = '{"metadata":{"resourceVersion":"1"},"data":{"a":"9"}}'
    kubectl.refused("the object has been modified", "patch", "configmap", "m", "--type=merge", "-p", old)
    kubectl.refused("not found", "scale", "deployment/nothing", "--replicas=1")


def logging(kubectl):
    pod = kubectl.ok("get", "pods", "-l", "version=blue", "-o", "name").split()[0]
    assert len(kubectl.ok("logs", pod, "--tail=2").splitlines()) == 2
    stamped = kubectl.ok("logs", pod, "--tail=1", "--timestamps").split()
    assert stamped[0].endswith("Z") and len(stamped[0]) == 30, stamped
    assert kubectl.ok("logs", "deployment/backend-blue", "--since=1h")
    follow = kubectl.start("logs", "-f", pod, "--tail=1")
    try:
        assert all(follow.stdout.readline() for _ in range(3)), "lines go on coming"
    finally:
        follow.kill()
        follow.wait()
    kubectl.refused("not found", "logs", pod, "--previous")
    kubectl.refused("not valid", "logs", pod, "-c", "nothing")


def forwarding(kubectl):
    forward = kubectl.start("port-forward", "deployment/backend-blue", ":8000")
    try:
        line = forward.stdout.readline()
        port = line.split("127.0.0.1:")[1].split(" ")[0]
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
                assert json.load(answer) == {"status": "ok", "version": "v1.0.0"}
    finally:
        forward.kill()
        forward.wait()


def asking(admin, users):
    assert admin.ok("auth", "can-i", "delete", "nodes").strip() == "yes"
    assert users["oncall"].ok("auth", "can-i", "patch", "services/backend").strip() == "yes"
    assert users["oncall"]("auth", "can-i", "delete", "pods").out.strip() == "no"
    assert users["viewer"]("auth", "can-i", "patch", "services/backend").out.strip() == "no"
    assert "deployments.apps" in users["viewer"].ok("auth", "can-i", "--list")
    users["viewer"].refused("cannot patch resource", "patch", "service", "backend", "-p", "{}")


def deleting(kubectl):
    kubectl.ok("delete", "configmap", "m")
    pod = kubectl.ok("get", "pods", "-l", "version=green", "-o", "name").split()[0]
    assert "deleted" in kubectl.ok("delete", pod, "--timeout=60s")
    kubectl.ok("delete", "hpa", "backend-green")
    kubectl.ok("delete", "deployment", "backend-green", "--timeout=60s")
    kubectl.ok("wait", "--for=delete", "pod", "-l", "version=green", "--timeout=60s")
    assert kubectl.ok("get", "rs", "-l", "version=green", "-o", "name") == ""
