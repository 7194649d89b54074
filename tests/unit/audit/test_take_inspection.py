"""A stored take is held against what was stored with it, and its audio against what can be a voice."""

from __future__ import annotations

import hashlib
import io
import random
from array import array
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import soundfile

from schemas.enums import AudioEncoding
from tests.unit.makers import FORMATS, audio
from worker.audit.take_inspection import CORRUPT, IMPLAUSIBLE, find_fault
from worker.storage.takes import StoredTake

E = AudioEncoding
EVERY = pytest.mark.parametrize("encoding", AudioEncoding)
made = cache(audio)


def take_of(data: bytes, encoding: AudioEncoding, **changes: Any) -> StoredTake:
    take = StoredTake("takes/x", len(data), hashlib.sha256(data).hexdigest(), 1.5, encoding, 24000, "v")
    return replace(take, **changes)


def encoded(samples: array[int], encoding: AudioEncoding) -> bytes:
    if encoding is E.PCM:
        return samples.tobytes()
    file = io.BytesIO()
    container, subtype = FORMATS[encoding]
    with soundfile.SoundFile(file, "w", samplerate=24000, channels=1, format=container, subtype=subtype) as sound:
        sound.buffer_write(samples.tobytes(), dtype="int16")
    return file.getvalue()


@EVERY
def test_a_take_that_is_what_was_stored_is_sound(encoding: AudioEncoding) -> None:
    data = made(encoding, 1.5)
    assert find_fault(take_of(data, encoding), data) is None


@EVERY
def test_a_take_with_one_bit_changed_is_corrupt(encoding: AudioEncoding) -> None:
    data = made(encoding, 1.5)
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    wrong = find_fault(take_of(data, encoding), bytes(changed))
    assert wrong is not None
    assert wrong[0] == CORRUPT


@EVERY
def test_a_take_that_is_cut_or_empty_is_corrupt(encoding: AudioEncoding) -> None:
    data = made(encoding, 1.5)
    for cut in (b"", data[:-2], data[: len(data) // 2]):
        wrong = find_fault(take_of(data, encoding), cut)
        assert wrong is not None
        assert wrong[0] == CORRUPT


@EVERY
def test_a_silent_take_is_implausible_dithered_or_not(encoding: AudioEncoding) -> None:
    noise = random.Random(7)
    for loudest in (0, 8):
        silence = array("h", (noise.randint(-loudest, loudest) for _ in range(36_000)))
        data = encoded(silence, encoding)
        wrong = find_fault(take_of(data, encoding), data)
        assert wrong is not None
        assert wrong[0] == IMPLAUSIBLE
        assert "silent" in wrong[1]


@EVERY
@pytest.mark.parametrize("told_s", [0.5, 1.2, 1.9, 30.0])
def test_a_take_of_another_length_than_its_metadata_tells_is_implausible(
    encoding: AudioEncoding, told_s: float
) -> None:
    data = made(encoding, 1.5)
    wrong = find_fault(take_of(data, encoding, duration_s=told_s), data)
    assert wrong is not None
    assert wrong[0] == IMPLAUSIBLE
    assert f"its metadata says {told_s:.2f} s" in wrong[1]


@pytest.mark.parametrize("encoding", [e for e in E if e is not E.PCM])
@pytest.mark.parametrize("data", [b"\x00" * 4000, b"garbage" * 500, b"<html>502 Bad Gateway</html>"])
def test_what_is_no_audio_at_all_is_implausible_though_it_was_stored_so(encoding: AudioEncoding, data: bytes) -> None:
    wrong = find_fault(take_of(data, encoding), data)
    assert wrong is not None
    assert wrong[0] == IMPLAUSIBLE


def test_another_encoding_than_its_metadata_tells_is_implausible() -> None:
    data = made(E.MP3, 1.5)
    wrong = find_fault(take_of(data, E.OGG_OPUS), data)
    assert wrong is not None
    assert wrong[0] == IMPLAUSIBLE
