"""What a batch asks the store: which takes are there, and their audio into a folder."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from schemas.words import AudioEncoding
from worker.batch.file_names import path_of
from worker.batch.manifest import Entry, replace_file
from worker.storage.errors import StorageError
from worker.storage.take_store import TakeStore
from worker.storage.takes import EXTENSIONS

AT_ONCE: Final = 32
"""Requests at a time; the store's connections."""

T = TypeVar("T")
DownloadProgress = Callable[[int, int], None]
"""Is told how much is done, and of how much."""


async def stored_keys(store: TakeStore, keys: Iterable[str], told: DownloadProgress) -> set[str]:
    """Which takes are in the store.

    Raises:
        StorageError: it can't answer, or refuses.
    """
    wanted = list(dict.fromkeys(keys))
    found: set[str] = set()
    done = 0

    async def look(key: str) -> None:
        nonlocal done
        if await store.look_up(key) is not None:
            found.add(key)
        done += 1
        told(done, len(wanted))

    try:
        await _all(look, wanted)
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
    return found


@dataclass(frozen=True)
class Downloaded:
    """What became of the files.

    Attributes:
        fetched: how many were fetched.
        kept: how many were there already.
        left: in how many places is somebody else's file.
        problems: a line for each of those, and for what couldn't be fetched.
    """

    fetched: int
    kept: int
    left: int
    problems: tuple[str, ...]


async def download(store: TakeStore, entries: Sequence[Entry], folder: Path, told: DownloadProgress) -> Downloaded:
    """Fetches the audio of lines that are done into `<folder>/<character>/<line id>.<ext>`, where it isn't there yet.

    Each file is checked by its SHA-256 and is there whole or not at all. A file that is an earlier take of its line is
    replaced, or removed where it is of another encoding; any other is somebody's own work and is left as it is.

    Args:
        store: has the takes.
        entries: of the manifest.
        folder: is made.
        told: hears how many files are done.
    """
    done = [entry for entry in entries if entry.is_done]
    paths = {entry.line: _path(folder, entry) for entry in done}
    mine = frozenset(paths.values())
    kept = left = ended = 0
    problems: list[str] = []

    async def fetch(entry: Entry) -> None:
        nonlocal kept, left, ended
        try:
            path = paths[entry.line]
            there = await asyncio.to_thread(_sha256_of, path)
            if there == entry.sha256:
                kept += 1
            elif there is None or there in entry.earlier:
                audio = await store.fetch(entry.key)
                await asyncio.to_thread(_keep, audio, path, entry)
                await asyncio.to_thread(_remove_earlier, _of_other_encodings(folder, entry) - mine, entry)
            else:
                left += 1
                problems.append(
                    f"{entry.line}: {path} is no take of this line and is left; move it away to get the take"
                )
        except (StorageError, _WrongAudioError, OSError) as error:
            problems.append(f"{entry.line}: {error}")
        ended += 1
        told(ended, len(done))

    await _all(fetch, done)
    return Downloaded(len(done) - kept - len(problems), kept, left, tuple(sorted(problems)))


class _WrongAudioError(Exception):
    """What came isn't what was stored."""


def _sha256_of(path: Path) -> str | None:
    """Of a file; None where there is none."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def _keep(audio: bytes, path: Path, entry: Entry) -> None:
    found = hashlib.sha256(audio).hexdigest()
    if found != entry.sha256:
        raise _WrongAudioError(f"{entry.uri} has the SHA-256 {found}, and the manifest says {entry.sha256}")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, audio)


def _path(folder: Path, entry: Entry) -> Path:
    return folder / path_of(entry.character, entry.line, entry.encoding or AudioEncoding.OGG_OPUS)


def _of_other_encodings(folder: Path, entry: Entry) -> set[Path]:
    return {folder / path_of(entry.character, entry.line, encoding) for encoding in EXTENSIONS}


def _remove_earlier(paths: Iterable[Path], entry: Entry) -> None:
    for path in paths if entry.earlier else ():
        if _sha256_of(path) in entry.earlier:
            path.unlink()


async def _all(do: Callable[[T], Awaitable[None]], items: Iterable[T]) -> None:
    """Does it for each item, `AT_ONCE` at a time; the first failure ends it."""
    waiting = iter(items)

    async def work() -> None:
        for item in waiting:
            await do(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
