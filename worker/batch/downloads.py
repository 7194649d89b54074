"""The store as a batch uses it: finds which takes are stored, and downloads their audio into a folder."""

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from schemas.enums import AudioEncoding
from worker.batch.atomic_file import UNWRITABLE, create_file, replace_file
from worker.batch.audio_file import file_sha256, is_take
from worker.batch.download_result import DownloadResult
from worker.batch.entry import ManifestEntry
from worker.batch.file_names import audio_path
from worker.batch.listed_keys import not_stored
from worker.lifecycle.dependency import Sleep
from worker.lifecycle.for_each import for_each
from worker.storage.errors import NotATakeError, StorageError, StorageRefusedError, StoreUnusableError
from worker.storage.many_requests import ManyRequests
from worker.storage.take_store import TakeStore
from worker.storage.takes import EXTENSIONS

AT_ONCE: Final = 32
"""Concurrent requests, and so the connections that the store needs."""

ProgressCallback = Callable[[int, int], None]
"""Called with the number done and the total."""


@dataclass(frozen=True)
class StoredKeys:
    """The keys of takes that are stored, and those of which the store didn't say."""

    stored: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


async def stored_keys(
    store: TakeStore, keys: Iterable[str], progress: ProgressCallback, *, sleep: Sleep = asyncio.sleep
) -> StoredKeys:
    """Finds out which takes are stored: by lists that many are not, by look-ups the rest.

    One look-up that fails is tried again, and then doesn't end the others.

    Raises:
        StorageError: the store is down, or refuses everything.
    """
    wanted = list(dict.fromkeys(keys))
    found: set[str] = set()
    unknown: set[str] = set()
    requests = ManyRequests(sleep=sleep)
    missing = await not_stored(store, wanted)
    done = len(missing)
    progress(done, len(wanted))

    async def look(key: str) -> None:
        nonlocal done
        try:
            take = await requests.send(partial(store.look_up, key))
        except NotATakeError as error:
            # A job for it would fail; until somebody removes the object, its price isn't known.
            take = error
        if isinstance(take, StorageError):
            unknown.add(key)
        elif take is not None:
            found.add(key)
        done += 1
        progress(done, len(wanted))

    await for_each((key for key in wanted if key not in missing), look, at_once=AT_ONCE)
    return StoredKeys(frozenset(found), frozenset(unknown))


async def download(
    store: TakeStore,
    entries: Sequence[ManifestEntry],
    folder: Path,
    progress: ProgressCallback,
    *,
    sleep: Sleep = asyncio.sleep,
) -> DownloadResult:
    """Downloads the audio of done lines to `<folder>/<character>/<line id>.<ext>`, where the folder doesn't have it.

    Each file is checked by its SHA-256 and written atomically. A file with an earlier take of its line is replaced, or
    removed if it has another encoding. Any other file may be somebody's own work and is left unchanged.

    Args:
        entries: of the manifest.
        folder: is created if missing.
        progress: is called with the files done and the total.

    Raises:
        StorageError: the store is down, or refuses everything: no other file would be fetched either.
        OSError: the disk is full or can't be written: no other file would be written either.
    """
    done = [entry for entry in entries if entry.is_done]
    paths = {entry.line: _path(folder, entry) for entry in done}
    current = frozenset(paths.values())
    fetched = kept = left = ended = 0
    problems: list[str] = []
    there: list[Path] = []
    requests = ManyRequests(sleep=sleep)

    async def fetch(entry: ManifestEntry) -> None:
        nonlocal fetched, kept, left, ended
        try:
            path = paths[entry.line]
            found = await asyncio.to_thread(file_sha256, path)
            if found == entry.sha256:
                kept += 1
                there.append(path)
            elif found is None or found in entry.earlier:
                audio = await _fetch_audio(requests, store, entry)
                await asyncio.to_thread(_save_audio, audio, path, entry, replaces=found is not None)
                await asyncio.to_thread(_remove_earlier, _paths_of_all_encodings(folder, entry) - current, entry)
                fetched += 1
                there.append(path)
            else:
                left += 1
                problems.append(
                    f"{entry.line}: {path} is no take of this line, so it was left; move it away to get the take"
                )
        except (_NotFetchedError, OSError) as error:
            if isinstance(error, OSError) and error.errno in UNWRITABLE:
                raise
            problems.append(f"{entry.line}: {error}")
        ended += 1
        progress(ended, len(done))

    await for_each(done, fetch, at_once=AT_ONCE)
    if gone := await asyncio.to_thread(_missing, there):
        problems.append(
            f"{len(gone):,} files vanished while others were fetched, such as {gone[0]}: the folder was emptied, or "
            "something else is mounted there; the same command fetches them"
        )
    return DownloadResult(fetched, kept, left, tuple(sorted(problems)))


class _NotFetchedError(Exception):
    """The store has no audio of one line, or other audio than the manifest says."""


async def _fetch_audio(requests: ManyRequests, store: TakeStore, entry: ManifestEntry) -> bytes:
    try:
        audio = await requests.send(partial(store.fetch, entry.key))
    except StoreUnusableError:
        raise
    except StorageRefusedError as error:
        # However many of them: what was removed from the store says nothing about other takes.
        audio = error
    if isinstance(audio, StorageError):
        raise _NotFetchedError(str(audio))
    return audio


def _missing(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if not os.path.lexists(path))


def _save_audio(audio: bytes, path: Path, entry: ManifestEntry, *, replaces: bool) -> None:
    found = hashlib.sha256(audio).hexdigest()
    if found != entry.sha256:
        raise _NotFetchedError(f"{entry.uri} has the SHA-256 {found}, and the manifest says {entry.sha256}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if replaces:
        replace_file(path, audio)
        return
    try:
        create_file(path, audio)
    except FileExistsError:
        # Another command downloads into the same folder, with the same ids. The same audio is no conflict.
        if file_sha256(path) != entry.sha256:
            raise OSError(f"{path} was written by another command meanwhile; use a folder for each script") from None


def _path(folder: Path, entry: ManifestEntry) -> Path:
    return folder / audio_path(entry.character, entry.line, entry.encoding or AudioEncoding.OGG_OPUS)


def _paths_of_all_encodings(folder: Path, entry: ManifestEntry) -> set[Path]:
    return {folder / audio_path(entry.character, entry.line, encoding) for encoding in EXTENSIONS}


def _remove_earlier(paths: Iterable[Path], entry: ManifestEntry) -> None:
    for path in paths if entry.earlier else ():
        if path.is_file() and not path.is_symlink() and file_sha256(path) in entry.earlier:
            path.unlink()


def downloaded_files(entries: Iterable[ManifestEntry], folder: Path) -> list[Path]:
    """The files in a download folder that are these entries' takes."""
    paths = {_path(folder, entry): entry.sha256 for entry in entries if entry.is_done}
    return [path for path, sha256 in paths.items() if is_take(path, sha256)]
