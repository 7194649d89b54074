"""Sentences that were spoken before, in a folder: the same model, voice, text and speed give the same samples."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from loadtest.emulator.engines.interface import Samples

_MOST_BYTES: Final = 512 * 1024 * 1024


Key = Mapping[str, str | float]
"""All that makes a sentence sound as it does."""


class TakeCache:
    """A folder of sentences. Several processes may use it: a file is whole or isn't there.

    Args:
        folder: made when the first sentence is kept.
        most_bytes: beyond these the sentences that were used longest ago are removed, when the cache is opened.
    """

    def __init__(self, folder: Path, most_bytes: int = _MOST_BYTES) -> None:
        self._folder = folder
        _prune(folder, most_bytes)

    def find(self, key: Key) -> Samples | None:
        """Returns a sentence that was kept; None if there is none, or its file can't be read."""
        return _read(self._path(key))

    def keep(self, key: Key, samples: Samples) -> Samples:
        """Keeps a sentence; returns it as it will be read, so that the first take doesn't differ from later ones.

        A folder that can't be written to costs the cache, not the sentence.
        """
        with contextlib.suppress(OSError):
            _write(self._path(key), samples)
        return _from_16_bits(_to_16_bits(samples))

    def _path(self, key: Key) -> Path:
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        return self._folder / digest[:2] / f"{digest}.npy"


def _read(path: Path) -> Samples | None:
    try:
        kept = np.load(path, allow_pickle=False)
        os.utime(path)
    except (OSError, ValueError, EOFError):
        return None
    return _from_16_bits(kept) if kept.dtype == np.int16 and kept.ndim == 1 else None


def _write(path: Path, samples: Samples) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
        try:
            np.save(file, _to_16_bits(samples))
            file.close()
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _to_16_bits(samples: Samples) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.asarray(np.round(np.clip(samples, -1.0, 1.0) * 32767.0), dtype=np.int16)


def _from_16_bits(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> Samples:
    return np.asarray(samples / np.float32(32767.0), dtype=np.float32)


def _prune(folder: Path, most_bytes: int) -> None:
    found = []
    for path in folder.glob("*/*"):
        # Another process may prune at the same time.
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    held = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if held <= most_bytes:
            break
        path.unlink(missing_ok=True)
        held -= size
