"""Audio is checked before it is stored."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from schemas.enums import AudioEncoding
from schemas.job import SAMPLE_RATES
from tests.unit.makers import audio
from worker.speech.audio_check import BadAudioError, check_audio, read_duration

E = AudioEncoding
EVERY = pytest.mark.parametrize("encoding", AudioEncoding)
WAVS = (E.LINEAR16, E.MULAW, E.ALAW)
made = cache(audio)


def check(data: bytes, encoding: AudioEncoding, **changes: Any) -> float:
    expected = {"sample_rate": 24000, "spoken_units": 20, "speaking_rate": 1.0, **changes}
    return check_audio(data, encoding=encoding, **expected)


def slack(encoding: AudioEncoding) -> float:
    """MP3 comes in frames of 576 or 1,152 samples."""
    return 0.12 if encoding is E.MP3 else 0.001


@EVERY
@pytest.mark.parametrize("seconds", [0.75, 2.0])
def test_good_audio_passes_with_its_own_duration(encoding: AudioEncoding, seconds: float) -> None:
    assert check(made(encoding, seconds), encoding) == pytest.approx(seconds, abs=slack(encoding))


@EVERY
def test_every_sample_rate_that_a_job_may_ask_for_is_read(encoding: AudioEncoding) -> None:
    for rate in SAMPLE_RATES[encoding]:
        data = made(encoding, 0.5, rate)
        assert read_duration(data, encoding, rate) == pytest.approx(0.5, abs=0.3 if encoding is E.MP3 else 0.002)


@EVERY
def test_empty_audio_is_bad(encoding: AudioEncoding) -> None:
    with pytest.raises(BadAudioError, match="empty"):
        check(b"", encoding)


@pytest.mark.parametrize("encoding", [e for e in E if e is not E.PCM])
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00",
        b"\x00" * 48_000,
        b"garbage" * 5_000,
        b"<html>502 Bad Gateway</html>",
        b"RIFF",
        b"OggS",
        b"ID3",
        b"\xff\xfb",
    ],
    ids=lambda garbage: garbage[:6].hex(),
)
def test_garbage_is_bad(encoding: AudioEncoding, garbage: bytes) -> None:
    with pytest.raises(BadAudioError):
        check(garbage, encoding)


@pytest.mark.parametrize("asked", [e for e in E if e is not E.PCM])
@EVERY
def test_another_format_than_the_requested_one_is_bad(encoding: AudioEncoding, asked: AudioEncoding) -> None:
    if encoding is not asked:
        with pytest.raises(BadAudioError):
            read_duration(made(encoding, 1.0), asked, 24000)


@pytest.mark.parametrize("encoding", WAVS)
def test_a_wav_that_is_cut_anywhere_is_bad(encoding: AudioEncoding) -> None:
    data = made(encoding, 1.0)
    for cut in [*range(1, 120), *range(120, len(data), 997), len(data) - 2, len(data) - 1]:
        with pytest.raises(BadAudioError):
            check(data[:cut], encoding)


def page_ends(data: bytes) -> list[int]:
    ends, position = [], 0
    while position < len(data):
        count = data[position + 26]
        position += 27 + count + sum(data[position + 27 : position + 27 + count])
        ends.append(position)
    return ends


def test_an_ogg_that_is_cut_inside_a_page_is_bad() -> None:
    data = made(E.OGG_OPUS, 4.0)
    ends = page_ends(data)
    assert len(ends) > 3
    near = {end + step for end in ends for step in (-2, -1, 1, 5, 26, 27)}
    for cut in sorted({*range(1, 300), *range(300, len(data), 211), *near} - set(ends)):
        if cut < len(data):
            with pytest.raises(BadAudioError):
                check(data[:cut], E.OGG_OPUS)


def test_an_ogg_that_is_cut_between_two_pages_is_told_by_its_length_alone() -> None:
    # Such a file is whole but for the end-of-stream flag, and encoders are about that never set it: a rule that
    # asked for the flag might refuse all of Google's audio. What is far too short for its text is still caught.
    data = made(E.OGG_OPUS, 4.0)
    cut = data[: page_ends(data)[2]]
    assert read_duration(cut, E.OGG_OPUS, 24000) < 2.0
    with pytest.raises(BadAudioError, match="plausible"):
        check(cut, E.OGG_OPUS, spoken_units=200)


def test_a_cut_mp3_is_told_by_its_length_alone() -> None:
    # MP3 frames stand alone, and only some files say how many there are: a cut one is a shorter whole one, or one
    # that still claims its full length. Caught are the rests that hold no frame, and what is too short for its text.
    data = made(E.MP3, 4.0)
    for cut in (1, 4, 10, 60):
        with pytest.raises(BadAudioError):
            check(data[:cut], E.MP3)
    for cut in range(1, len(data), 499):
        try:
            assert read_duration(data[:cut], E.MP3, 24000) <= 4.2
        except BadAudioError:
            continue


def test_pcm_has_no_header_and_is_cut_only_inside_a_sample() -> None:
    data = made(E.PCM, 1.0)
    assert read_duration(data, E.PCM, 24000) == 1.0
    assert read_duration(data, E.PCM, 48000) == 0.5
    with pytest.raises(BadAudioError, match="sample"):
        check(data[:-1], E.PCM)


@EVERY
def test_audio_of_no_length_is_bad_even_for_a_text_of_no_units(encoding: AudioEncoding) -> None:
    data = b"" if encoding is E.PCM else audio(encoding, 0.0)
    with pytest.raises(BadAudioError):
        check(data, encoding, spoken_units=0)


@EVERY
def test_a_second_for_three_hundred_letters_is_too_short(encoding: AudioEncoding) -> None:
    with pytest.raises(BadAudioError, match="plausible"):
        check(made(encoding, 1.0), encoding, spoken_units=300)


def test_the_bounds_follow_rate_and_pauses() -> None:
    pcm = made(E.PCM, 1.0)
    long = pcm * 14
    with pytest.raises(BadAudioError, match="plausible"):
        check(long, E.PCM, spoken_units=2)
    assert check(long, E.PCM, spoken_units=2, pause_seconds=1.2) == 14
    with pytest.raises(BadAudioError, match="plausible"):
        check(pcm, E.PCM, spoken_units=70)
    assert check(pcm, E.PCM, spoken_units=70, speaking_rate=2.0) == 1
    with pytest.raises(BadAudioError, match="plausible"):
        check(long, E.PCM, spoken_units=7)
    assert check(long, E.PCM, spoken_units=7, speaking_rate=0.25) == 14


@pytest.mark.parametrize(
    ("text_units", "seconds"),
    [(2, 0.4), (2, 1.5), (5, 0.75), (100, 7), (100, 14), (3 * 20, 3.5), (3 * 20, 8), (1, 3)],
)
def test_real_speech_is_plausible(text_units: int, seconds: float) -> None:
    # "Ok", a slow "ok", a sentence in English by a fast and a slow voice, twenty Chinese characters, a spelled "7".
    assert check(made(E.PCM, 0.25) * round(seconds * 4), E.PCM, spoken_units=text_units)
