"""The parts of a long text become one file: as long as all of them, and without a click where they meet."""

from __future__ import annotations

import io
import math
from array import array
from functools import cache
from itertools import pairwise

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from schemas.job import SAMPLE_RATES
from tests.unit.makers import audio
from worker.speech.audio_format import BadAudioError, read_duration
from worker.speech.audio_join import AudioJoin

E = AudioEncoding
FADE_S = 0.005
made = cache(audio)


def join_parts(parts: list[bytes], encoding: AudioEncoding, sample_rate: int) -> bytes:
    join = AudioJoin(encoding, sample_rate)
    try:
        for part in parts:
            join.add(part)
        return join.finish()
    finally:
        join.close()


def wav(samples: list[int], sample_rate: int) -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", samplerate=sample_rate, channels=1, format="WAV", subtype="PCM_16") as sound:
        sound.buffer_write(array("h", samples).tobytes(), dtype="int16")
    return file.getvalue()


def joined(parts: list[list[int]], sample_rate: int) -> list[int]:
    return array("h", join_parts([wav(part, sample_rate) for part in parts], E.PCM, sample_rate)).tolist()


def tone(seconds: float, sample_rate: int, phase: float, offset: int = 0) -> list[int]:
    count = round(seconds * sample_rate)
    return [
        offset + round(12000 * math.sin(phase + 2 * math.pi * 300 * position / sample_rate))
        for position in range(count)
    ]


def largest_step(samples: list[int]) -> int:
    return max((abs(after - before) for before, after in pairwise(samples)), default=0)


@pytest.mark.parametrize("encoding", AudioEncoding)
def test_joined_parts_last_as_long_as_all_of_them(encoding: AudioEncoding) -> None:
    for rate in {SAMPLE_RATES[encoding][0], 24000, SAMPLE_RATES[encoding][-1]}:
        parts = [made(E.LINEAR16, seconds, rate) for seconds in (0.5, 0.25, 1.0)]
        data = join_parts(parts, encoding, rate)
        assert read_duration(data, encoding, rate) == pytest.approx(1.75, abs=0.3 if encoding is E.MP3 else 0.002)


@given(
    st.lists(st.lists(st.integers(-32768, 32767), max_size=150), min_size=1, max_size=5), st.sampled_from([8000, 24000])
)
def test_no_sample_is_lost_or_moved_and_none_is_changed_but_at_the_joints(parts: list[list[int]], rate: int) -> None:
    samples = joined(parts, rate)
    assert len(samples) == sum(map(len, parts))
    fade = round(FADE_S * rate)
    start = 0
    for number, part in enumerate(parts):
        got = samples[start : start + len(part)]
        first = fade if number > 0 else 0
        # A part may be shorter than its fades.
        end = max(first, len(part) - fade if number < len(parts) - 1 else len(part))
        assert got[first:end] == part[first:end]
        assert all(abs(now) <= abs(was) for now, was in zip(got, part, strict=True))
        start += len(part)


@pytest.mark.parametrize("rate", [8000, 24000, 48000])
def test_where_two_parts_meet_in_the_middle_of_a_sound_there_is_no_click(rate: int) -> None:
    # One ends at its highest, the next begins at its lowest, and the third has another zero.
    parts = [tone(0.5, rate, 0.3), tone(0.4, rate, -math.pi / 2), tone(0.3, rate, math.pi / 2, 3000)]
    plain = [sample for part in parts for sample in part]
    samples = joined(parts, rate)
    ends = [len(parts[0]), len(parts[0]) + len(parts[1])]
    around = round(0.02 * rate)
    for end in ends:
        at_joint = largest_step(samples[end - around : end + around])
        within = max(largest_step(part) for part in parts)
        assert largest_step(plain[end - around : end + around]) > 2 * within, "put together plainly it clicks"
        assert at_joint <= within
        assert samples[end - 1] == samples[end] == 0


def test_the_take_begins_and_ends_as_its_parts_do() -> None:
    parts = [tone(0.2, 24000, 1.0), tone(0.2, 24000, 2.0)]
    samples = joined(parts, 24000)
    assert samples[:1000] == parts[0][:1000]
    assert samples[-1000:] == parts[1][-1000:]


def test_one_part_alone_is_left_as_it_is() -> None:
    assert join_parts([made(E.LINEAR16, 0.25)], E.PCM, 24000) == made(E.PCM, 0.25)


def test_a_silence_that_a_part_ends_or_begins_with_is_kept() -> None:
    part = [0] * 4800 + tone(0.2, 24000, 0.0) + [0] * 4800
    assert joined([part, part], 24000) == part + part


@pytest.mark.parametrize(
    "bad",
    [b"", b"garbage", made(E.LINEAR16, 0.5)[:-100], made(E.MP3, 0.5), made(E.MULAW, 0.5)],
    ids=["empty", "garbage", "cut", "MP3", "MULAW"],
)
def test_a_bad_part_makes_the_whole_bad(bad: bytes) -> None:
    good = made(E.LINEAR16, 0.5)
    for parts in ([bad, good], [good, bad]):
        with pytest.raises(BadAudioError):
            join_parts(parts, E.OGG_OPUS, 24000)
