"""The manifest of a script: a JSON Lines file with one entry for each line, always replaced as a whole."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from schemas.errors import UsageError
from worker.batch.atomic_file import replace_file
from worker.batch.entry import ManifestEntry
from worker.batch.invalid_row import describe_row
from worker.batch.regular_file import read_regular, real_path
from worker.batch.scripts.model import JOURNAL_SUFFIX, MANIFEST_SUFFIX

_LARGEST_BYTES: Final = 2**30
"""Of a million lines and more."""


def default_manifest(script: Path) -> Path:
    """The default path of a script's manifest: beside the script, with its name."""
    path = real_path(script)
    return path.with_name(f"{path.name}{MANIFEST_SUFFIX}")


def journal_path(manifest: Path) -> Path:
    """The path of a manifest's journal: beside the manifest."""
    return manifest.with_name(manifest.name.removesuffix(MANIFEST_SUFFIX) + JOURNAL_SUFFIX)


def takes_manifest(manifest: Path) -> Path:
    """The path of the manifest of the candidates: beside the script's, `lines.csv.takes.manifest.jsonl`."""
    return manifest.with_name(f"{manifest.name.removesuffix(MANIFEST_SUFFIX)}.takes{MANIFEST_SUFFIX}")


def read_manifest(path: Path) -> dict[str, ManifestEntry]:
    """The entries of a manifest by line; none where the file doesn't exist.

    Raises:
        UsageError: the file can't be read, or is no manifest.
    """
    try:
        content = read_regular(path, _LARGEST_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: can't be read: {error}") from None
    entries = {}
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            try:
                entry = ManifestEntry.model_validate_json(line)
            except ValidationError as error:
                raise UsageError(
                    f"{path}:{number}:{describe_row(error)}; without this row its line is looked up in the store, and "
                    "paid for only if it isn't there"
                ) from None
            entries[entry.line] = entry
    return entries


def write_manifest(path: Path, entries: Mapping[str, ManifestEntry], order: Iterable[str]) -> None:
    """Replaces a manifest atomically: a reader finds the old one or the new one.

    Args:
        entries: by line.
        order: the lines to write, in their order; entries of other lines are left out.
    """
    text = "".join(
        json.dumps(entries[line].model_dump(mode="json", exclude_none=True), ensure_ascii=False) + "\n"
        for line in order
        if line in entries
    )
    replace_file(path, text.encode())
