"""What a voice that says a line can't sound like, sound by sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schemas.enums import AudioEncoding, AudioFault
from tests.unit.makers import audio
from worker.speech.sound import Values, block_samples, measure
from worker.speech.sound_check import ANY_LINE, ExpectedSound, check_sound
from worker.speech.speaking_pace import Bounds

F = AudioFault
RATE = 24000
THREE_SECONDS = Bounds(least_s=1.5, most_s=9.0, least_heard_s=0.6)
RNG = np.random.default_rng(1)


def voice(seconds: float, level: float = 1.0, sample_rate: int = RATE) -> Values:
    """Two tones."""
    samples = np.frombuffer(audio(AudioEncoding.PCM, seconds, sample_rate), dtype="<i2")
    return (samples / 32768 * level).astype(np.float32)


def silence(seconds: float, level: float = 0.0) -> Values:
    return np.full(round(seconds * RATE), level, dtype=np.float32)


def noise(seconds: float, level: float = 0.2, sample_rate: int = RATE) -> Values:
    return RNG.normal(0, level, round(seconds * sample_rate)).astype(np.float32)


def faults(*parts: Values, expected: ExpectedSound | None = None, sample_rate: int = RATE) -> list[AudioFault]:
    samples = np.concatenate(parts)
    size = block_samples(sample_rate)
    sound = measure((samples[start : start + size] for start in range(0, len(samples), size)), sample_rate)
    given = expected or ExpectedSound(THREE_SECONDS)
    return [finding.fault for finding in check_sound(sound, len(samples) / sample_rate, given)]


def expecting(**changes: Any) -> ExpectedSound:
    return ExpectedSound(**{"bounds": THREE_SECONDS, **changes})


def test_a_voice_is_a_voice_at_each_rate_and_level() -> None:
    for sample_rate in (8000, 16000, 24000, 44100, 48000):
        assert faults(voice(3.0, sample_rate=sample_rate), sample_rate=sample_rate) == []
    assert faults(voice(3.0, level=0.05)) == []


@pytest.mark.parametrize("sample_rate", [8000, 16000, 24000, 44100, 48000])
def test_white_noise_is_noise_at_each_rate(sample_rate: int) -> None:
    assert faults(noise(3.0, sample_rate=sample_rate), sample_rate=sample_rate) == [F.NOISE]


def tone(seconds: float, hertz: float, sample_rate: int = RATE) -> Values:
    return (0.2 * np.sin(2 * np.pi * hertz / sample_rate * np.arange(round(seconds * sample_rate)))).astype(np.float32)


@pytest.mark.parametrize("hertz", [50, 220, 1000, 3900])
@pytest.mark.parametrize("sample_rate", [8000, 24000, 48000])
def test_a_hum_and_a_tone_are_no_voice(hertz: float, sample_rate: int) -> None:
    assert faults(tone(3.0, hertz, sample_rate), sample_rate=sample_rate) == [F.NOISE]


def test_a_voice_that_gets_stuck_on_a_tone_is_no_voice_and_one_that_is_held_for_a_second_is() -> None:
    assert faults(voice(3.0), tone(2.5, 220)) == [F.NOISE]
    assert faults(voice(2.0), tone(1.0, 220), voice(2.0)) == []
    assert faults(tone(0.9, 220), expected=expecting(bounds=Bounds(0.2, 3.0, 0.1))) == []


def test_noise_of_a_narrower_band_that_was_resampled_is_noise_too() -> None:
    assert faults(np.repeat(noise(3.0), 2), sample_rate=48000) == [F.NOISE]


def test_a_voice_that_turns_into_noise_is_noise_and_a_hiss_in_it_is_not() -> None:
    assert faults(voice(3.0), noise(1.5)) == [F.NOISE]
    assert faults(voice(1.5), noise(0.3), voice(1.5)) == []


def test_samples_with_their_bytes_the_wrong_way_round_are_no_voice() -> None:
    swapped = (voice(3.0) * 32767).astype("<i2").byteswap() / np.float32(32768)
    assert faults(swapped.astype(np.float32)) != []


@pytest.mark.parametrize("level", [0.0, 0.3, -0.98])
def test_silence_is_silence_wherever_its_zero_lies(level: float) -> None:
    assert faults(silence(3.0, level), expected=expecting(gain_db=0.0))[0] is F.SILENCE


def test_a_voice_with_an_offset_is_a_voice() -> None:
    assert faults(voice(3.0) + np.float32(0.2)) == []


def test_a_voice_at_half_a_per_cent_is_silence_unless_that_was_requested() -> None:
    assert faults(voice(3.0, level=0.005)) == [F.SILENCE]
    assert faults(voice(3.0, level=0.005), expected=expecting(gain_db=-46.0)) == []
    assert faults(silence(3.0), expected=expecting(gain_db=-96.0)) == [F.SILENCE]


def test_a_click_in_silence_is_no_voice() -> None:
    assert faults(np.ones(5, dtype=np.float32), silence(3.0)) == [F.SILENCE]


def test_seconds_of_silence_before_within_or_after_a_voice_are_no_part_of_it() -> None:
    for parts in (
        (silence(4.0), voice(3.0)),
        (voice(1.5), silence(4.0), voice(1.5)),
        (voice(3.0), silence(4.0)),
    ):
        assert faults(*parts) == [F.SILENCE]
    assert faults(silence(1.0), voice(3.0), silence(2.0)) == []
    assert faults(voice(2.0), silence(4.0), voice(2.0), expected=expecting(pause_seconds=3.6)) == []


def test_a_take_outside_of_its_plausible_duration_is_of_the_wrong_length() -> None:
    assert faults(voice(1.4)) == [F.LENGTH]
    assert faults(voice(9.5)) == [F.LENGTH]


def test_a_clipped_voice_has_peaks_unless_it_was_requested_louder() -> None:
    loud = np.clip(voice(3.0, level=10.0), -1, 1)
    assert faults(loud) == [F.PEAK]
    assert faults(loud, expected=expecting(gain_db=16.0)) == []
    assert faults(voice(3.0, level=4.0)) == [F.PEAK], "a decoder of floats passes 1.0"
    assert faults(voice(3.0, level=2.7)) == []


def test_of_a_line_that_nobody_knows_only_the_sound_is_checked() -> None:
    assert faults(voice(0.1), expected=ANY_LINE) == []
    assert faults(voice(60.0), silence(60.0), expected=ANY_LINE) == []
    assert faults(silence(3.0), expected=ANY_LINE) == [F.SILENCE]
    assert faults(noise(3.0), expected=ANY_LINE) == [F.NOISE]


def test_a_sound_shorter_than_a_frame_is_silent() -> None:
    assert faults(voice(0.01), expected=ANY_LINE) == [F.SILENCE]
