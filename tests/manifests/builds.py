"""Builds the overlays of `deploy/kubernetes` as whoever applies them does."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

KUBERNETES: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"
Manifest = dict[str, Any]


@dataclass(frozen=True)
class Overlay:
    """An overlay's name and the objects that it is built into."""

    name: str
    objects: tuple[Manifest, ...]

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """Its objects of these kinds."""
        return [each for each in self.objects if each["kind"] in kinds]


def overlays() -> list[Overlay]:
    """All overlays, built by `kubectl kustomize`.

    Raises:
        SystemExit: kubectl is missing, or refuses an overlay.
    """
    if shutil.which("kubectl") is None:
        raise SystemExit("kubectl is not installed; it must be 1.21 or later, whose kustomize knows components")
    return [Overlay(path.name, tuple(_build(path))) for path in sorted((KUBERNETES / "overlays").iterdir())]


def name_of(manifest: Manifest) -> str:
    """Kind and name of an object, for messages."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def pods(overlay: Overlay) -> list[tuple[str, Manifest]]:
    """The pod templates of an overlay with the name of what makes pods of them."""
    return [(name_of(each), each["spec"]["template"]) for each in overlay.of_kind("StatefulSet", "Deployment")]


def _build(path: Path) -> list[Manifest]:
    ended = subprocess.run(["kubectl", "kustomize", str(path)], check=False, capture_output=True, text=True)
    if ended.returncode or ended.stderr:
        raise SystemExit(f"kubectl kustomize {path.name}: {ended.stderr}")
    return list(yaml.safe_load_all(ended.stdout))
