"""Misspells the fields of an object, one at a time: a checker that accepts such an object checks nothing."""

import copy
from collections.abc import Iterator
from typing import Any, Final

from tests.manifests.builds import Manifest

# Maps whose keys are anybody's.
_FREE: Final = frozenset({"annotations", "data", "labels", "limits", "matchLabels", "requests", "selector"})
Path = tuple[str | int, ...]


def misspelt(manifest: Manifest, seen: set[str]) -> Iterator[tuple[str, Manifest]]:
    """The path of each field, without the places in lists, and the object with that field misspelt.

    Args:
        seen: the paths that were misspelt before, by kind; each is misspelt once.
    """
    for path in _fields(manifest.get("spec", {}), ("spec",)):
        name = ".".join([manifest["kind"], *(each for each in path if isinstance(each, str))])
        if name not in seen:
            seen.add(name)
            yield name, _renamed(manifest, path)


def _fields(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _fields(each, (*path, number))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield (*path, key)
            if not _is_free(path, key, each):
                yield from _fields(each, (*path, key))


def _is_free(path: Path, key: str, value: Any) -> bool:
    # A Service's selector is labels, a StatefulSet's has fields; a trigger's metadata is the scaler's own.
    described = key == "selector" and isinstance(value, dict) and "matchLabels" in value
    return (key in _FREE and not described) or (key == "metadata" and "triggers" in path)


def _renamed(manifest: Manifest, path: Path) -> Manifest:
    changed = copy.deepcopy(manifest)
    holder: Any = changed
    for each in path[:-1]:
        holder = holder[each]
    holder[f"{path[-1]}x"] = holder.pop(path[-1])
    return changed
