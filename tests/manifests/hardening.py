"""What each pod must have, as the restricted Pod Security Standard says, and more: a root that nothing can write to."""

from collections.abc import Iterator
from typing import Any, Final

from tests.manifests.builds import Manifest

_OF_POD: Final = {
    "automountServiceAccountToken": False,
    "enableServiceLinks": False,
    "securityContext.runAsNonRoot": True,
    "securityContext.seccompProfile.type": "RuntimeDefault",
}
_OF_CONTAINER: Final = {
    "securityContext.allowPrivilegeEscalation": False,
    "securityContext.readOnlyRootFilesystem": True,
    "securityContext.capabilities.drop": ["ALL"],
}
_PROBES: Final = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


def problems(template: Manifest) -> Iterator[str]:
    """What a pod template lacks."""
    spec = template["spec"]
    yield from _different(spec, _OF_POD, "pod")
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        yield from _different(container, _OF_CONTAINER, container["name"])
        yield from _different(
            container, {f"{probe}.httpGet.path": at for probe, at in _PROBES.items()}, container["name"]
        )
        if "memory" not in (_value(container, "resources.limits") or {}):
            yield f"{container['name']}: resources.limits.memory is unset"
    yield from (f"volume {each['name']} is writable" for each in spec.get("volumes", []) if "secret" not in each)


def _different(holder: Any, wanted: dict[str, Any], name: str) -> Iterator[str]:
    for path, value in wanted.items():
        if (found := _value(holder, path)) != value:
            yield f"{name}: {path} is {found!r}, must be {value!r}"


def _value(holder: Any, path: str) -> Any:
    for key in path.split("."):
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder
