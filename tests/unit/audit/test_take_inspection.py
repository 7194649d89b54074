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
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from tests.unit.makers import FORMATS, audio
from worker.audit import take_inspection
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


def test_an_mp3_that_is_cut_though_its_header_promises_more_is_a_finding() -> None:
    whole = made(E.MP3, 7.0)
    cut = whole[: len(whole) // 3]
    wrong = find_fault(take_of(cut, E.MP3, duration_s=7.0), cut)
    assert wrong is not None
    assert wrong[0] == IMPLAUSIBLE
    assert "its metadata says 7.00 s" in wrong[1] or "decoded" in wrong[1]


def test_a_take_in_stereo_is_a_finding() -> None:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", samplerate=24000, channels=2, format="WAV", subtype="PCM_16") as sound:
        sound.buffer_write(array("h", [1000] * 72_000).tobytes(), dtype="int16")
    data = file.getvalue()
    wrong = find_fault(take_of(data, E.LINEAR16), data)
    assert wrong is not None
    assert wrong[0] == IMPLAUSIBLE
    assert "2 channels" in wrong[1]


def test_an_error_of_a_decoder_is_a_finding_about_the_take(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(take_inspection, "inspect_audio", break_down)
    data = made(E.MP3, 1.5)
    assert find_fault(take_of(data, E.MP3), data) == (IMPLAUSIBLE, "the audio can't be decoded: AssertionError")


@EVERY
@given(where=st.floats(0, 1), junk=st.binary(max_size=64), keep_tail=st.booleans())
def test_whatever_a_take_holds_is_a_finding_or_none_and_never_an_error(
    encoding: AudioEncoding, where: float, junk: bytes, keep_tail: bool
) -> None:
    data = made(encoding, 1.5)
    at = round(where * len(data))
    broken = data[:at] + junk + (data[at + len(junk) :] if keep_tail else b"")
    wrong = find_fault(take_of(broken, encoding), broken)
    assert wrong is None or wrong[0] == IMPLAUSIBLE
