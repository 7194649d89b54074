"""What objects name exists in the same build: a selector that selects nothing is a policy that protects nothing."""

from collections.abc import Iterator
from typing import Any

from tests.manifests.builds import Manifest, Overlay, name_of, pods


def problems(overlay: Overlay) -> Iterator[str]:
    """Names and selectors of an overlay that lead nowhere, and objects outside of its namespace."""
    templates = [template for _, template in pods(overlay)]
    for each in overlay.objects:
        for kind, labels in _pod_selectors(each):
            if not any(labels.items() <= template["metadata"]["labels"].items() for template in templates):
                yield f"{name_of(each)}: its {kind} {labels} selects no pod"
    for monitor in overlay.of_kind("ServiceMonitor"):
        yield from _monitor_problems(overlay, monitor)
    for name, template in pods(overlay):
        yield from (f"{name}: {each}" for each in _template_problems(overlay, template["spec"]))
    for scaled in overlay.of_kind("ScaledObject"):
        target = scaled["spec"]["scaleTargetRef"]
        if not _named(overlay, target["kind"], target["name"]):
            yield f"{name_of(scaled)}: there is no {target['kind']} {target['name']}"
    (namespace,) = (each["metadata"]["name"] for each in overlay.of_kind("Namespace"))
    for each in overlay.objects:
        if each["kind"] != "Namespace" and each["metadata"].get("namespace") != namespace:
            yield f"{name_of(each)}: not in {namespace}"


def _pod_selectors(manifest: Manifest) -> Iterator[tuple[str, dict[str, str]]]:
    spec: Any = manifest.get("spec", {})
    match manifest["kind"]:
        case "Service":
            yield "selector", spec["selector"]
        case "StatefulSet" | "Deployment":
            yield "selector", spec["selector"]["matchLabels"]
            for each in spec["template"]["spec"]["topologySpreadConstraints"]:
                yield "spread", each["labelSelector"]["matchLabels"]
        case "PodDisruptionBudget":
            yield "selector", spec["selector"]["matchLabels"]
        case "NetworkPolicy":
            yield "podSelector", spec["podSelector"]["matchLabels"]


def _monitor_problems(overlay: Overlay, monitor: Manifest) -> Iterator[str]:
    labels = monitor["spec"]["selector"]["matchLabels"]
    services = [
        each for each in overlay.of_kind("Service") if labels.items() <= each["metadata"].get("labels", {}).items()
    ]
    ports = {port["name"] for each in services for port in each["spec"]["ports"]}
    for endpoint in monitor["spec"]["endpoints"]:
        if endpoint["port"] not in ports:
            yield f"{name_of(monitor)}: no service that it selects has the port {endpoint['port']}"


def _template_problems(overlay: Overlay, spec: Manifest) -> Iterator[str]:
    if not _named(overlay, "ServiceAccount", spec["serviceAccountName"]):
        yield f"there is no ServiceAccount {spec['serviceAccountName']}"
    volumes = {each["name"] for each in spec.get("volumes", [])}
    for container in spec["containers"]:
        ports = {each["name"] for each in container["ports"]}
        yield from (
            f"the probes' port {container[probe]['httpGet']['port']} is none of the container's"
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
            if container[probe]["httpGet"]["port"] not in ports
        )
        yield from (
            f"there is no volume {each['name']}" for each in container["volumeMounts"] if each["name"] not in volumes
        )
        yield from (
            f"there is no ConfigMap {each['configMapRef']['name']}"
            for each in container["envFrom"]
            if not _named(overlay, "ConfigMap", each["configMapRef"]["name"])
        )


def _named(overlay: Overlay, kind: str, name: str) -> list[Manifest]:
    return [each for each in overlay.of_kind(kind) if each["metadata"]["name"] == name]
