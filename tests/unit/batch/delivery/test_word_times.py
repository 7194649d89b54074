"""Word times by forced alignment, held against the synthesizer's own: eSpeak says when each of its words begins."""

from __future__ import annotations

import ctypes
import json
import statistics
from itertools import pairwise
from typing import TYPE_CHECKING

import espeakng_loader
import numpy as np
import pytest
import soundfile

from tests.unit.batches import line
from worker.batch.delivery.model import DeliveredLine
from worker.batch.delivery.word_times import NAME, WordTimes, spoken_words

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "Good morning! Your boots are dry, your water is clean, and the forecast is only slightly glowing."
WORD_EVENT = 1


class Event(ctypes.Structure):
    """The fields of espeak-ng's event."""

    _fields_ = (
        ("type", ctypes.c_int), ("unique", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("id", ctypes.c_void_p),
    )  # fmt: skip


def speak(text: str, path: Path) -> list[float]:
    """Writes a file; returns when each word begins, in seconds."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0x8000)
    pieces: list[bytes] = []
    begins: list[float] = []

    def receive(wave: int, count: int, events: ctypes.Array[Event]) -> int:
        if wave and count:
            pieces.append(ctypes.string_at(wave, count * 2))
        index = 0
        while events[index].type:
            if events[index].type == WORD_EVENT:
                begins.append(events[index].audio_position / 1000)
            index += 1
        return 0

    kept = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))(receive)
    library.espeak_SetSynthCallback(kept)
    library.espeak_SetVoiceByName(b"en-us")
    encoded = text.encode() + b"\0"
    library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 1, 0, 1, None, None)
    samples = np.frombuffer(b"".join(pieces), dtype=np.int16)
    soundfile.write(path, samples, rate, subtype="PCM_24")
    return begins


def times(folder: Path, *lines: DeliveredLine) -> tuple[dict, list[str], bytes]:
    made = WordTimes(folder)
    (table,) = made.tables(lines)
    return json.loads(table.content), made.notes, table.content


def test_words_begin_where_the_synthesizer_says_so(tmp_path: Path) -> None:
    begins = speak(TEXT, tmp_path / "a.wav")
    spoken = DeliveredLine(line("line-1", text=TEXT), "a.wav", 6.0)
    found, notes, content = times(tmp_path, spoken)
    words = found["line-1"]["words"]
    assert [each["word"] for each in words] == spoken_words(TEXT)
    errors = [abs(each["start"] - begin) for each, begin in zip(words, begins, strict=True)]
    assert statistics.median(errors) < 0.03
    assert max(errors) < 0.15
    assert all(before["end"] <= after["start"] + 1e-9 for before, after in pairwise(words))
    assert [phone["phone"] for phone in words[1]["phones"]] == ["M", "AO", "R", "N", "IH", "NG"]
    assert notes == []
    # The same again from what was written, and from nothing.
    assert times(tmp_path, spoken)[2] == content
    (tmp_path / NAME).write_bytes(content.replace(b'"good"', b'"kept"'))
    assert times(tmp_path, spoken)[0]["line-1"]["words"][0]["word"] == "kept"
    assert times(tmp_path, DeliveredLine(line("line-1", text="Good morning."), "a.wav", 6.0))[2] != content


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"text": "The zxqvian gate."}, "line-1: no word times: the dictionary lacks zxqvian"),
        ({"text": "Battery at 9 percent."}, "line-1: no word times: it has a number, or no word"),
        ({"text": "早安！", "language": "cmn-TW"}, "1 lines in other languages than English have no word times"),
    ],
)
def test_what_has_no_times_is_named(fields: dict[str, str], why: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(48_000), 48_000)
    found, notes, _ = times(tmp_path, DeliveredLine(line("line-1", **fields), "a.wav", 1.0))
    assert (found, notes) == ({}, [why])


def test_words_that_nobody_speaks_are_not_found(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(4_800), 48_000)
    found, notes, _ = times(tmp_path, DeliveredLine(line("line-1", text=TEXT), "a.wav", 0.1))
    assert (found, notes) == ({}, ["line-1: no word times: the words weren't found in the sound"])
