"""What the report measures of takes: loudness and silence, of the take alone, and of each take once."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from schemas.enums import AudioEncoding
from tests.unit.batch.report.test_rows import entry_of
from tests.unit.batches import line
from tests.unit.makers import audio
from worker.batch.entry import ManifestEntry
from worker.batch.report import take_sounds
from worker.batch.report.take_sounds import KEPT_IN, figures_of, measure_takes

RATE = 24_000


def wav(*parts: tuple[float, float]) -> bytes:
    """A tone in pieces of (seconds, level)."""
    samples = [level * np.sin(np.arange(round(seconds * RATE)) / 5) for seconds, level in parts]
    made = io.BytesIO()
    soundfile.write(made, np.concatenate(samples), RATE, format="WAV", subtype="PCM_16")
    return made.getvalue()


def test_the_silence_is_the_longest_between_sounds_and_the_level_is_in_lufs() -> None:
    found = figures_of(
        wav((0.5, 0), (1, 0.1), (0.3, 0), (1, 0.1), (0.8, 0), (1, 0.1), (3, 0)), AudioEncoding.LINEAR16, 0
    )
    assert found.silence_s == pytest.approx(0.8, abs=0.05)
    louder = figures_of(wav((2, 0.2)), AudioEncoding.LINEAR16, 0)
    softer = figures_of(wav((2, 0.02)), AudioEncoding.LINEAR16, 0)
    assert louder.lufs is not None
    assert softer.lufs is not None
    assert louder.lufs - softer.lufs == pytest.approx(20, abs=0.1)
    assert figures_of(wav((2, 0)), AudioEncoding.LINEAR16, 0).lufs is None
    assert figures_of(wav((0.2, 0.1)), AudioEncoding.LINEAR16, 0).lufs is None


def made(folder: Path, number: int, content: bytes, encoding: AudioEncoding) -> tuple[Path, ManifestEntry]:
    path = folder / f"{number}"
    path.write_bytes(content)
    changes = {"sha256": hashlib.sha256(content).hexdigest(), "encoding": encoding, "duration_s": 1.0}
    return path, entry_of(line(f"l-{number}"), **changes)


def test_takes_of_each_encoding_are_measured_and_other_files_are_not(tmp_path: Path) -> None:
    takes = dict(
        made(tmp_path, number, audio(encoding), encoding)
        for number, encoding in enumerate((AudioEncoding.OGG_OPUS, AudioEncoding.MP3, AudioEncoding.PCM))
    )
    damaged = made(tmp_path, 8, b"OggS damaged", AudioEncoding.OGG_OPUS)
    other, missing = made(tmp_path, 9, b"x", AudioEncoding.OGG_OPUS), (tmp_path / "none", entry_of(line("l-7")))
    other[0].write_bytes(b"somebody's own work")
    found = measure_takes(tmp_path, {**takes, **dict((damaged, other, missing))}, lambda _done, _total: None)
    assert found.keys() == {entry.sha256 for entry in takes.values()}
    levels = [each.lufs for each in found.values() if each.lufs is not None]
    assert len(levels) == 3
    assert max(levels) - min(levels) < 1.0


def test_what_was_measured_is_kept_and_measured_anew_where_that_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = dict([made(tmp_path, 1, audio(AudioEncoding.OGG_OPUS), AudioEncoding.OGG_OPUS)])
    progress: list[tuple[int, int]] = []
    first = measure_takes(tmp_path, takes, lambda *each: progress.append(each))
    with monkeypatch.context() as patched:
        patched.setattr(take_sounds, "read_take", None)
        assert measure_takes(tmp_path, takes, lambda *each: progress.append(each)) == first
    assert progress == [(1, 1)]
    for damaged in ("{", "[]", '{"a": {"lufs": {}, "silence_s": 1}}', '{"a": 1}', "[" * 100_000):
        (tmp_path / KEPT_IN).write_text(damaged)
        assert measure_takes(tmp_path, takes, lambda *_: None) == first
