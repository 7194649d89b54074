"""Fetches the takes from the store into playable files, and checks each against its completion."""

import asyncio
import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import soundfile

from loadtest.demo.script import Line
from schemas.completion import Audio, Completion
from worker.config.sections import StorageSettings
from worker.storage.client import connect_store
from worker.storage.errors import StorageError
from worker.storage.take_store import TakeStore
from worker.storage.takes import EXTENSIONS

FOLDER: Final = Path("demo-audio")
_AT_ONCE: Final = 8
_TOLERANCE_S: Final = 0.1


def clear(lines: Iterable[Line], folder: Path = FOLDER) -> None:
    """Removes what an earlier run of this script left, and nothing else.

    Raises:
        OSError: a file can't be removed.
    """
    for line in lines:
        for extension in EXTENSIONS.values():
            (folder / line.character / f"{line.job_id}.{extension}").unlink(missing_ok=True)


async def fetch_takes(
    settings: StorageSettings, completions: Iterable[Completion], folder: Path = FOLDER
) -> tuple[list[Path], list[str]]:
    """Fetches every take to `<folder>/<character>/<job_id>.<ext>`.

    Returns:
        The files, and what is wrong with any of them.
    """
    slots = asyncio.Semaphore(_AT_ONCE)

    async def fetch(store: TakeStore, audio: Audio, path: Path, job_id: str) -> str | None:
        async with slots:
            try:
                content = await store.fetch(audio.key)
            except StorageError as error:
                return f"{job_id}: {error}"
            return await asyncio.to_thread(_keep, content, audio, path)

    async with connect_store(settings, _AT_ONCE) as store, asyncio.TaskGroup() as group:
        fetching = {}
        for completion in completions:
            if completion.audio is not None:
                path = _path(folder, completion, completion.audio)
                fetching[path] = group.create_task(fetch(store, completion.audio, path, completion.job_id))
    return list(fetching), [problem for task in fetching.values() if (problem := task.result())]


def _path(folder: Path, completion: Completion, audio: Audio) -> Path:
    return folder / str(completion.character) / f"{completion.job_id}.{EXTENSIONS[audio.encoding]}"


def _keep(content: bytes, audio: Audio, path: Path) -> str | None:
    """Writes the file and says what is wrong with it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        return f"{path}: can't be written: {error.strerror}"
    if hashlib.sha256(content).hexdigest() != audio.sha256:
        return f"{path}: its SHA-256 is not the completion's"
    try:
        samples, sample_rate = soundfile.read(io.BytesIO(content))
    except soundfile.LibsndfileError as error:
        return f"{path}: can't be decoded: {error.error_string}"
    duration = len(samples) / sample_rate
    if abs(duration - audio.duration_s) > _TOLERANCE_S:
        return f"{path}: lasts {duration:.2f} s, and its completion says {audio.duration_s:.2f} s"
    return None
