"""The audio of a batch in a folder: the batch replaces its own files there, and no others."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from tests.unit.batches import done, line, plan
from worker.batch.download_result import DownloadResult
from worker.batch.downloads import StoredKeys, download, stored_keys
from worker.batch.entry import ManifestEntry, SentJob, build_entry
from worker.batch.line_status import next_job
from worker.batch.manifest import read_manifest
from worker.batch.state import BatchState, open_state, read_state
from worker.storage.errors import StorageError, StorageRefusedError, StorageUnavailableError
from worker.storage.takes import StoredTake

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OGG, WAV = AudioEncoding.OGG_OPUS, AudioEncoding.LINEAR16


def sha256(audio: bytes) -> str:
    return hashlib.sha256(audio).hexdigest()


class Desk:
    """A folder, the manifest of one line, and the store."""

    def __init__(self, folder: Path) -> None:
        self.manifest = folder / "script.csv.manifest.jsonl"
        self.audio = folder / "audio"
        self.ghoul = self.audio / "ghoul"
        self.takes: dict[str, bytes] = {}
        self.fails: list[StorageUnavailableError] = []
        self.on_fetch: Callable[[], object] = lambda: None

    async def fetch(self, key: str) -> bytes:
        if self.fails:
            raise self.fails.pop()
        self.on_fetch()
        return self.takes[key]

    def make(self, audio: bytes | None, encoding: AudioEncoding = OGG, *, write: bool = True) -> ManifestEntry:
        """The line is made again and becomes this audio, or fails."""
        with open_state(self.manifest) as state:
            (made,) = plan(line("l1", character="ghoul", text=f"Line {len(self.takes)}."))
            _, sent = next_job(made, state.entries.get("l1"))
            state.record_sent([sent])
            state.record_ended([self._entry(sent, audio, encoding)], {0: 1})
            if write:
                state.write(["l1"])
            return state.entries["l1"]

    def _entry(self, sent: SentJob, audio: bytes | None, encoding: AudioEncoding) -> ManifestEntry:
        completion = done(sent.job_id, sent.key)
        if audio is None or completion.audio is None:
            return build_entry(sent, completion.model_copy(update={"status": "failed", "audio": None}))
        self.takes[sent.key] = audio
        spoken = completion.audio.model_copy(update={"sha256": sha256(audio), "encoding": encoding})
        return build_entry(sent, completion.model_copy(update={"audio": spoken}))

    async def download(self) -> DownloadResult:
        return await download(
            self, list(read_state(self.manifest).entries.values()), self.audio, lambda *_: None, sleep=_pass
        )

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.ghoul.iterdir()}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_file_that_somebody_changed_and_files_beside_it_are_left_alone_and_reported(desk: Desk) -> None:
    desk.make(b"take")
    assert (await desk.download()).fetched == 1
    (desk.ghoul / "l1.ogg").write_bytes(b"trimmed")
    (desk.ghoul / "l1.wav").write_bytes(b"master")
    for _ in range(2):
        result = await desk.download()
        assert (result.fetched, result.kept, result.left) == (0, 0, 1)
        (problem,) = result.problems
        assert problem.startswith(f"l1: {desk.ghoul / 'l1.ogg'} ")
        assert "move it away" in problem
        assert desk.files() == {"l1.ogg": b"trimmed", "l1.wav": b"master"}
    (desk.ghoul / "l1.ogg").rename(desk.ghoul / "l1 trimmed.ogg")
    assert await desk.download() == DownloadResult(fetched=1, kept=0, left=0, problems=())
    assert desk.files() == {"l1.ogg": b"take", "l1 trimmed.ogg": b"trimmed", "l1.wav": b"master"}


async def test_a_line_that_is_made_again_replaces_its_earlier_file_and_no_changed_one(desk: Desk) -> None:
    desk.make(b"first")
    await desk.download()
    desk.make(b"second")
    assert (await desk.download()).fetched == 1
    assert desk.files() == {"l1.ogg": b"second"}
    (desk.ghoul / "l1.ogg").write_bytes(b"trimmed")
    desk.make(b"third")
    assert (await desk.download()).left == 1
    assert desk.files() == {"l1.ogg": b"trimmed"}


async def test_a_line_in_another_encoding_removes_its_earlier_file_and_no_changed_one(desk: Desk) -> None:
    desk.make(b"first", WAV)
    await desk.download()
    desk.make(b"second", OGG)
    (desk.ghoul / "l1.mp3").write_bytes(b"mine")
    assert (await desk.download()).problems == ()
    assert desk.files() == {"l1.ogg": b"second", "l1.mp3": b"mine"}
    desk.make(b"third", WAV)
    (desk.ghoul / "l1.ogg").write_bytes(b"trimmed")
    await desk.download()
    assert desk.files() == {"l1.ogg": b"trimmed", "l1.mp3": b"mine", "l1.wav": b"third"}


async def test_what_cant_be_read_is_reported_and_left(desk: Desk) -> None:
    desk.make(b"take")
    (desk.ghoul / "l1.ogg").mkdir(parents=True)
    result = await desk.download()
    assert (result.fetched, result.kept, result.left) == (0, 0, 0)
    assert "is a folder" in result.problems[0]


async def test_a_fifo_in_the_place_of_a_take_is_reported_and_not_read(desk: Desk) -> None:
    desk.make(b"take")
    desk.ghoul.mkdir(parents=True)
    os.mkfifo(desk.ghoul / "l1.ogg")
    os.mkfifo(desk.ghoul / "l1.wav")
    async with asyncio.timeout(60):
        (problem,) = (await desk.download()).problems
    assert "is a FIFO" in problem
    assert "move it away" in problem
    (desk.ghoul / "l1.ogg").unlink()
    async with asyncio.timeout(60):
        assert (await desk.download()).problems == ()


async def test_a_link_in_the_place_of_a_take_is_neither_followed_nor_removed(desk: Desk, tmp_path: Path) -> None:
    desk.make(b"first")
    await desk.download()
    mine = tmp_path / "mine.ogg"
    mine.write_bytes(b"first")
    (desk.ghoul / "l1.ogg").unlink()
    (desk.ghoul / "l1.ogg").symlink_to(mine)
    desk.make(b"second", WAV)
    assert (await desk.download()).problems == ()
    assert (desk.ghoul / "l1.ogg").is_symlink()
    desk.make(b"third", OGG)
    (problem,) = (await desk.download()).problems
    assert "is a symbolic link; move it away" in problem
    assert mine.read_bytes() == b"first"


async def test_a_file_larger_than_any_take_is_reported_and_not_read(desk: Desk) -> None:
    desk.make(b"take")
    desk.ghoul.mkdir(parents=True)
    with (desk.ghoul / "l1.ogg").open("wb") as file:
        file.truncate(6 * 2**30)
    (problem,) = (await desk.download()).problems
    assert "has 6,442,450,944 bytes; allowed are 1,073,741,824; move it away" in problem


async def test_a_fifo_in_the_place_of_a_part_is_not_written_to(desk: Desk) -> None:
    desk.make(b"take")
    desk.ghoul.mkdir(parents=True)
    os.mkfifo(desk.ghoul / f".l1.ogg.{os.getpid()}.part")
    async with asyncio.timeout(60):
        assert (await desk.download()).fetched == 1
    assert desk.files() == {"l1.ogg": b"take"}


async def test_of_two_commands_that_write_the_same_file_at_once_the_second_leaves_it_and_says_so(desk: Desk) -> None:
    desk.make(b"take")
    desk.on_fetch = lambda: [desk.ghoul.mkdir(parents=True), (desk.ghoul / "l1.ogg").write_bytes(b"theirs")]
    (problem,) = (await desk.download()).problems
    assert "was written by another command meanwhile; use a folder for each script" in problem
    assert desk.files() == {"l1.ogg": b"theirs"}


async def test_a_download_that_fails_once_is_tried_again(desk: Desk) -> None:
    desk.make(b"take")
    desk.fails = [StorageUnavailableError("no answer")] * 2
    assert (await desk.download()).fetched == 1
    desk.fails = [StorageUnavailableError("no answer")] * 3
    (desk.ghoul / "l1.ogg").unlink()
    assert (await desk.download()).problems == ("l1: no answer",)


class Answers:
    """A store whose look-ups of some keys fail a number of times."""

    def __init__(self, **failures: int) -> None:
        self.failures = failures
        self.requested: Counter[str] = Counter()

    async def look_up(self, key: str) -> StoredTake | None:
        self.requested[key] += 1
        if self.requested[key] <= self.failures.get(key, 0):
            raise StorageUnavailableError(f"look-up of {key}: no answer")
        return StoredTake(key, 1, "ff", 1.0, OGG, 24000, "v") if key.startswith("stored") else None


async def _pass(_: float) -> None:
    return


async def test_one_look_up_that_times_out_is_tried_again_and_ends_no_dry_run() -> None:
    store: Any = Answers(stored_late=2, stored_never=9)
    keys = [*(f"new{number}" for number in range(3000)), "stored_late", "stored_never", "stored"]
    shown: list[int] = []
    found = await stored_keys(store, keys, lambda done, _: shown.append(done), sleep=_pass)
    assert found == StoredKeys(frozenset({"stored_late", "stored"}), frozenset({"stored_never"}))
    assert (store.requested["stored_never"], shown[-1]) == (3, 3003)


async def test_a_store_that_answers_no_look_up_ends_the_dry_run_soon() -> None:
    store: Any = Answers(**{f"new{number}": 9 for number in range(3000)})
    with pytest.raises(StorageUnavailableError):
        await stored_keys(store, [f"new{number}" for number in range(3000)], lambda *_: None, sleep=_pass)
    assert len(store.requested) < 100


@given(st.lists(st.tuples(st.sampled_from([b"one", b"two", b"three", None]), st.booleans()), min_size=1))
def test_every_take_that_a_line_ever_had_is_known_however_it_was_made_since(tmp_path_factory, makings) -> None:
    desk = Desk(tmp_path_factory.mktemp("makings"))
    for audio, write in makings:
        entry = desk.make(audio, write=write)
    known: BatchState = read_state(desk.manifest)
    assert known.entries["l1"] == entry
    ever = {sha256(audio) for audio, _ in makings if audio is not None}
    assert {*entry.earlier, *([entry.sha256] if entry.sha256 else [])} == ever
    assert len(entry.earlier) == len(ever - {entry.sha256})


def test_a_manifest_that_doesnt_know_of_earlier_takes_is_read_and_its_takes_are_known_from_then_on(desk: Desk) -> None:
    entry = desk.make(b"first")
    text = desk.manifest.read_text(encoding="utf-8")
    desk.manifest.write_text(text.replace(', "earlier": []', ""), encoding="utf-8")
    assert "earlier" not in desk.manifest.read_text(encoding="utf-8")
    assert read_manifest(desk.manifest) == {"l1": entry}
    assert desk.make(b"second").earlier == (sha256(b"first"),)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
async def test_a_full_or_read_only_disk_ends_the_download_with_the_name_of_the_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    desk.make(b"take")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        await desk.download()
    assert caught.value.filename == str(desk.ghoul / "l1.ogg")
    assert not list(desk.ghoul.iterdir())


class Lines:
    """A folder and the entries of many lines, in a store that answers as it is asked to."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.fetched: list[str] = []
        self.error: StorageError | None = None
        self.on_fetch: Callable[[], object] = lambda: None
        self.entries = []
        for made in plan(*(line(f"l{number}", character="ghoul", text=f"{number}.") for number in range(count))):
            sent = next_job(made, None)[1]
            entry = build_entry(sent, done(sent.job_id, sent.key))
            self.entries.append(entry.model_copy(update={"sha256": sha256(b"take")}))

    async def fetch(self, key: str) -> bytes:
        self.fetched.append(key)
        if self.error is not None:
            raise self.error
        self.on_fetch()
        return b"take"

    async def download(self) -> DownloadResult:
        store: Any = self
        return await download(store, self.entries, self.folder, lambda *_: None, sleep=_pass)


async def test_a_store_that_is_down_ends_the_download_with_one_message(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "audio", 500)
    lines.error = StorageUnavailableError("download of x: no answer within S3_TIMEOUT_S")
    with pytest.raises(StorageUnavailableError, match="the store is down: 10 requests in a row failed, each 3 times"):
        await lines.download()
    assert len(set(lines.fetched)) < 100


async def test_takes_that_were_removed_from_the_store_are_named_each_however_many_there_are(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "audio", 50)
    lines.error = StorageRefusedError("no such key")
    assert len((await lines.download()).problems) == 50


async def test_a_folder_that_is_emptied_while_it_is_filled_is_no_success(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "audio", 100)

    def empty() -> None:
        if len(lines.fetched) == 60:
            shutil.rmtree(lines.folder, ignore_errors=True)

    lines.on_fetch = empty
    result = await lines.download()
    (problem,) = (each for each in result.problems if "vanished" in each)
    assert "such as " in problem
    assert "the same command fetches them" in problem
    assert (await lines.download()).problems == ()
    assert len(list((lines.folder / "ghoul").iterdir())) == 100
