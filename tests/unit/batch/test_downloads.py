"""The audio of a batch in a folder: the batch replaces its own files there, and no others."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from tests.unit.batches import done, line, plan
from worker.batch.download_result import DownloadResult
from worker.batch.downloads import download
from worker.batch.entry import ManifestEntry, SentJob, build_entry
from worker.batch.line_status import next_job
from worker.batch.manifest import read_manifest
from worker.batch.state import BatchState, open_state, read_state

if TYPE_CHECKING:
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

    async def fetch(self, key: str) -> bytes:
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
        return await download(self, list(read_state(self.manifest).entries.values()), self.audio, lambda *_: None)

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
    assert "Is a directory" in result.problems[0]


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
