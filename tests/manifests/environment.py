"""The variables of containers are settings with allowed values: the worker itself would refuse to start with others."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from schemas.errors import UsageError
from tests.manifests.builds import Manifest, Overlay
from worker.config.settings import Settings, all_variables, load_settings

# Read by Google's library.
_FOREIGN: Final = frozenset({"GOOGLE_APPLICATION_CREDENTIALS"})
_IN_FILE: Final = "_FILE"
_SECRET: Final = "a-secret-that-is-as-long-as-any-must-be"
_SECRETS: Final = {"ROLLOUT_WEBHOOKS": "team=https://hooks.example.com/x"}


def container_environment(overlay: Overlay, container: Manifest) -> dict[str, str]:
    """What a container's process finds in its environment."""
    maps = {each["metadata"]["name"]: each["data"] for each in overlay.of_kind("ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    for each in container.get("env", []):
        found[each["name"]] = each.get("value") or _from_field(each["valueFrom"])
    return found


def _from_field(source: Any) -> str:
    return f"the pod's {source['fieldRef']['fieldPath']}"


def problems(environment: Mapping[str, str]) -> Iterator[str]:
    """Variables that are no settings, and what the settings refuse."""
    known = all_variables() | _FOREIGN
    if unknown := sorted(environment.keys() - known):
        yield f"no settings: {', '.join(unknown)}"
        return
    try:
        settings_of(environment)
    except UsageError as error:
        yield str(error)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings of a process with these variables, its secrets' files filled with something allowed.

    Raises:
        UsageError: a value isn't allowed.
    """
    with tempfile.TemporaryDirectory() as folder:
        return load_settings({name: _readable(Path(folder), name, value) for name, value in environment.items()})


def _readable(folder: Path, name: str, value: str) -> str:
    variable = name.removesuffix(_IN_FILE)
    if not name.endswith(_IN_FILE) or name not in all_variables() or variable not in all_variables():
        return value
    file = folder / name
    file.write_text(_SECRETS.get(variable, _SECRET), encoding="utf-8")
    return str(file)
