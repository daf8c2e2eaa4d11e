"""The same script by the lab's own kubectl in both worlds, the answers held against each
other field by field. What may differ stands in DIFFERENCES, each with its reason."""

import json
import re
import shlex
import subprocess
import time

from worlds import PATIENCE, Check, Kubectl, Rehearsal

# Where a field may differ: a pattern for its place, and why. The lab is a Kubernetes 1.20,
# the rehearsal has the API of 1.33.
DIFFERENCES = [
    (r"metadata\.(uid|resourceVersion|creationTimestamp|selfLink|deletionTimestamp)$", "given anew in every world"),
    (r"\.(uid|resourceVersion)$", "references to what is given anew"),
    (r"metadata\.managedFields", "1.20 does not name the subresource and takes other sets from kubectl"),
    (r"metadata\.generation$", "1.20 and 1.33 differ in which annotations count"),
    (r"(Time|Timestamp|startedAt|finishedAt|startTime)$", "times"),
    (r"clusterIPs?(\[\d\])?$", "each world gives its own addresses"),
    (r"(podIP|hostIP|podIPs|hostIPs|\.ip)(\[\d\](\.ip)?)?$", "each world gives its own addresses"),
    (r"nodeName$", "each world has its own node"),
    (r"(containerID|imageID)$", "made by the container runtime"),
    (r"\.image$", "the lab's runtime writes the image's digest into a pod's status at times"),
    (r"annotations\.endpoints\.kubernetes\.io/last-change-trigger-time$", "a time"),
    (r"annotations\.kubectl\.kubernetes\.io/last-applied-configuration$", "the lab's objects were applied from a file"),
    (r"spec\.(ipFamilies|ipFamilyPolicy|internalTrafficPolicy)", "fields since 1.22"),
    (r"conditions\.PodReadyToStartContainers", "a condition since 1.29"),
    (r"\.hostIPs", "a field since 1.29"),
    (r"metadata\.labels\.endpoints\.kubernetes\.io/managed-by$", "a label since 1.33"),
    (r"spec\.(serviceAccount|serviceAccountName)$", "the lab runs without service accounts"),
    (r"spec\.dnsPolicy$", "set by the lab's manifest"),
    (r"message$", "sentences, which name pods and addresses"),
    (r"metadata\.labels\.(a|b)$", "set by the script itself"),
    (r"status\.(readyReplicas|availableReplicas|replicas|unavailableReplicas|updatedReplicas)$", "may be one look behind"),
    (r"^endpoints/backend\.subsets\[0\]\.ports\[\d\]", "upstream orders a subset's ports by a hash"),
    (r"\.reason$", "a rollout may be seen before or after its last step"),
]
DIFFERENCES = [(re.compile(place), why) for place, why in DIFFERENCES]

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {a: '%s'}\n"
GREEN = "deployment/backend-green"
SELECTOR = '[{"op":"test","path":"/spec/selector/version","value":"%s"}]'

# The script: what kubectl is told, and its standard input.
SCRIPT = [
    ("get deployment nothing", ""),
    (f"set image {GREEN} backend=ghcr.io/taxasge/backend:v1.1.0", ""),
    (f"rollout status {GREEN} --timeout=90s", ""),
    (f"rollout history {GREEN}", ""),
    (f"rollout undo {GREEN}", ""),
    (f"rollout status {GREEN} --timeout=90s", ""),
    (f"scale {GREEN} --replicas=2", ""),
    (f"rollout status {GREEN} --timeout=90s", ""),
    (f"wait --for=condition=Available {GREEN} --timeout=60s", ""),
    ("patch service backend --type=json -p '" + SELECTOR % "green" + "'", ""),
    ("patch service backend --type=json -p '" + SELECTOR % "blue" + "'", ""),
    ("""patch service backend --type=merge -p '{"metadata":{"labels":{"a":"1"}}}'""", ""),
    ("""patch service backend -p '{"spec":{"ports":[{"port":81,"name":"more","targetPort":8000}]}}'""", ""),
    ("""patch service backend -p '{"spec":{"ports":[{"port":81,"$patch":"delete"}]}}'""", ""),
    ("""patch deployment backend-green -p '{"spec":{"replicas":-1}}'""", ""),
    ("label service backend b=2", ""),
    ("apply -f -", MAP % 1),
    ("apply -f -", MAP % 1),
    ("apply -f -", MAP % 2),
    ("apply --dry-run=server -f -", MAP % 3),
    ("get configmap m -o jsonpath={.data.a}", ""),
    ("create -f -", MAP % 1),
    ("""patch configmap m --type=merge -p '{"metadata":{"resourceVersion":"1"}}'""", ""),
    ("auth can-i patch services", ""),
    ("delete configmap m", ""),
    ("get configmap m", ""),
    (f"scale {GREEN} --replicas=3", ""),
    (f"rollout status {GREEN} --timeout=90s", ""),
]
# Words of a command that say what each world calls things.
NAMES = [(re.compile(r"(backend-(?:blue|green))-[a-z0-9]{5,10}(-[a-z0-9]{5})?"), r"\1-<generated>")]
# Lines that say how far a rollout was when it was looked at.
PASSING = re.compile(r"^Waiting for deployment .*\n", re.MULTILINE)
KINDS = ["deployments", "replicasets", "pods", "services", "endpoints", "configmaps"]


def run(options):
    subprocess.run(shlex.split(options.lab_reset), check=True, capture_output=True)
    lab = play(Kubectl(options.lab_kubectl, options.lab_kubeconfig))
    with Rehearsal(options.program) as world:
        rehearsal = play(Kubectl(options.lab_kubectl, world.kubeconfig()))
    checks, allowed = [], set()
    for name in lab:
        wrong = compare(lab[name], rehearsal[name], allowed)
        checks.append(Check(f"both worlds: {name}", "\n".join(wrong)))
    idle = [why for place, why in DIFFERENCES if place.pattern not in allowed]
    print(f"conformance: {len(allowed)} kinds of difference are allowed and occur; {len(idle)} did not occur")
    return checks


def play(kubectl: Kubectl):
    """The answers of the script in one world: fields by their places, for each step."""
    answers = {"the start": state(kubectl)}
    for number, (words, stdin) in enumerate(SCRIPT):
        said = kubectl(*shlex.split(words), stdin=stdin)
        text = PASSING.sub("", said.words)
        for pattern, name in NAMES:
            text = pattern.sub(name, text)
        answers[f"{number:02} {words}"] = {"status": said.status, "said": text.strip()}
        if not words.startswith(("get", "rollout", "auth", "wait")):
            answers[f"{number:02} objects after: {words}"] = state(kubectl)
    return answers


def state(kubectl: Kubectl):
    """All objects once they are at rest, by names that are the same in every world."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = {kind: kubectl.read(kind)["items"] for kind in KINDS}
        if at_rest(found) or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    fields = {}
    for kind, objects in found.items():
        objects = [one for one in objects if one["metadata"]["name"].startswith(("backend", "m"))]
        for place, one in sorted(named(kind, objects)):
            flatten(f"{kind}/{place}", json.loads(one), fields)
    return fields


def at_rest(found):
    def whole(deployment):
        status, wanted = deployment["status"], deployment["spec"]["replicas"]
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return status.get("observedGeneration") == deployment["metadata"]["generation"] and counts == [wanted] * 3

    leaving = [pod for pod in found["pods"] if "deletionTimestamp" in pod["metadata"]]
    sets = [one for one in found["replicasets"] if one["status"].get("replicas", 0) != one["spec"]["replicas"]]
    return not leaving and not sets and all(whole(one) for one in found["deployments"])


def named(kind, objects):
    """Objects with names that do not depend on what was generated: those of one owner by
    their revision, or by their number."""
    seen = {}
    for one in sorted(objects, key=lambda one: one["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", "")):
        name = one["metadata"]["name"]
        if kind in ("replicasets", "pods"):
            colour = one["metadata"]["labels"]["version"]
            seen[colour] = seen.get(colour, 0) + 1
            name = f"backend-{colour}#{seen[colour]}"
        text = json.dumps(one)
        for pattern, generated in NAMES:
            text = pattern.sub(generated, text)
        text = re.sub(r'"pod-template-hash": "[a-z0-9]+"', '"pod-template-hash": "<generated>"', text)
        yield name, text


def flatten(place, value, fields):
    if isinstance(value, dict):
        for key, within in value.items():
            flatten(f"{place}.{key}", within, fields)
    elif isinstance(value, list):
        # Conditions are known by their type, not by their place.
        by_type = all(isinstance(one, dict) and "type" in one for one in value) and place.endswith("conditions")
        for number, within in enumerate(value):
            flatten(f"{place}.{within['type']}" if by_type else f"{place}[{number}]", within, fields)
    else:
        fields[place] = value


def compare(lab, rehearsal, allowed):
    wrong = []
    for place in sorted(set(lab) | set(rehearsal)):
        ours, theirs = rehearsal.get(place, "<nothing>"), lab.get(place, "<nothing>")
        if ours == theirs or may_differ(place, allowed):
            continue
        wrong.append(f"  {place}\n    lab        {theirs!r}\n    rehearsal  {ours!r}")
    return wrong


def may_differ(place, allowed):
    for pattern, _ in DIFFERENCES:
        if pattern.search(place):
            allowed.add(pattern.pattern)
            return True
    return False
