"""Mastering: at the target loudness or below its peak, without clicks, and nothing of the sound is cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.speech.test_sound_check import voice
from worker.batch.delivery.mastering import Mastering, master, measure

RATE = 24_000
SILENCE = np.zeros(RATE // 2, dtype=np.float32)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.3, 4.0), st.floats(0.02, 0.9), st.floats(-35.0, -20.0), st.sampled_from([16_000, 44_100, 48_000]))
def test_a_voice_has_the_target_loudness_or_the_highest_peak(
    seconds: float, level: float, target: float, rate: int
) -> None:
    spoken = np.concatenate((SILENCE, voice(seconds, level, RATE), SILENCE)).astype(np.float32)
    mastered = master(spoken, RATE, Mastering(sample_rate=rate, target_lufs=target))
    assert mastered.after.peak_dbtp < -1.0
    at_target = abs(mastered.after.lufs - target) < 0.1
    at_peak = mastered.after.lufs < target and mastered.after.peak_dbtp > -1.3
    assert at_target or at_peak


def test_silence_is_trimmed_to_the_pads_and_the_sound_is_whole() -> None:
    sound = voice(1.0, 0.5, RATE)
    spoken = np.concatenate((SILENCE, sound, SILENCE)).astype(np.float32)
    mastered = master(spoken, RATE, Mastering(sample_rate=RATE, pad_s=0.1, target_lufs=None, peak_dbtp=0.0))
    assert len(mastered.samples) / RATE == pytest.approx(1.2, abs=0.02)
    pad = mastered.samples[: round(0.1 * RATE)]
    assert not pad.any()
    kept = master(spoken, RATE, Mastering(sample_rate=RATE, pad_s=None, target_lufs=None, peak_dbtp=0.0))
    assert len(kept.samples) == len(spoken)


def test_a_sound_that_is_cut_off_ends_without_a_click() -> None:
    time = np.arange(RATE) / RATE
    cut = (0.5 * np.sin(2 * np.pi * 220 * time + 0.7)).astype(np.float32)
    mastered = master(cut, RATE, Mastering(sample_rate=RATE))
    steps = np.abs(np.diff(mastered.samples))
    inside = steps[RATE // 4 : RATE // 2].max()
    assert steps.max() <= inside * 1.05


def test_a_sound_without_room_stays_below_the_target_and_isnt_compressed() -> None:
    clicks = np.zeros(RATE * 2, dtype=np.float32)
    clicks[:: RATE // 4] = 0.9
    mastered = master(clicks, RATE, Mastering(sample_rate=RATE, target_lufs=-10.0, pad_s=None))
    assert mastered.after.lufs < -11.0
    assert -1.2 < mastered.after.peak_dbtp < -1.0


def test_a_shorter_sound_than_a_block_has_the_target_loudness_too() -> None:
    mastered = master(voice(0.2, 0.3, RATE), RATE, Mastering(target_lufs=-25.0))
    assert math.isfinite(mastered.after.lufs)
    assert mastered.after.lufs == pytest.approx(-25.0, abs=0.5)


@pytest.mark.parametrize("length", [0, 1, RATE])
def test_silence_stays_silence(length: int) -> None:
    mastered = master(np.zeros(length, dtype=np.float32), RATE, Mastering())
    assert not mastered.samples.any()
    assert mastered.after.lufs == -math.inf


def test_a_full_scale_sine_of_997_hz_has_the_loudness_that_the_standard_says() -> None:
    # BS.1770-4: a 0 dB FS 997 Hz sine in one channel reads -3.01 LKFS.
    sine = np.sin(2 * np.pi * 997 * np.arange(48_000 * 3) / 48_000).astype(np.float32)
    levels = measure(sine, 48_000)
    assert levels.lufs == pytest.approx(-3.01, abs=0.05)
    assert levels.peak_dbtp == pytest.approx(0.0, abs=0.05)
