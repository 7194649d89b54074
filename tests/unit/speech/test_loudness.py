"""Loudness by BS.1770, against the standard's own reference, and gains that never turn anything up."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import AudioEncoding
from tests.unit.makers import audio
from worker.speech.loudness import SILENT, decode_whole, integrated_lufs, matching_gains_db, with_gain

LOUDNESS = st.one_of(st.floats(-70, 0), st.just(SILENT))


@pytest.mark.parametrize(("rate", "slack"), [(48_000, 0.1), (24_000, 0.1), (8_000, 0.7)])
@pytest.mark.parametrize("level_db", [0.0, -23.0])
def test_a_full_sine_of_997_hz_in_one_channel_has_minus_3_lufs(rate: int, slack: float, level_db: float) -> None:
    # ITU-R BS.1770-4, annex 1. Meters may differ by 0.1 LU (EBU Tech 3341); near half of 8 kHz the filter bends.
    sine = (np.sin(2 * np.pi * 997 * np.arange(5 * rate) / rate) * 10 ** (level_db / 20)).astype(np.float32)
    assert integrated_lufs(sine, rate) == pytest.approx(level_db - 3.01, abs=slack)


def test_silence_and_what_is_shorter_than_a_gating_block_have_no_loudness() -> None:
    assert integrated_lufs(np.zeros(24_000, dtype=np.float32), 24_000) == SILENT
    assert integrated_lufs(np.ones(9_599, dtype=np.float32), 24_000) == SILENT
    assert integrated_lufs(np.zeros(0, dtype=np.float32), 24_000) == SILENT


@pytest.mark.parametrize("encoding", AudioEncoding)
def test_each_encoding_is_as_loud_as_its_samples(encoding: AudioEncoding) -> None:
    plain, rate = decode_whole(audio(AudioEncoding.LINEAR16, 2.0), AudioEncoding.LINEAR16, 24_000)
    coded, coded_rate = decode_whole(audio(encoding, 2.0), encoding, 24_000)
    assert integrated_lufs(coded, coded_rate) == pytest.approx(integrated_lufs(plain, rate), abs=0.5)


@given(LOUDNESS, LOUDNESS)
def test_the_louder_one_is_turned_down_and_nothing_up(first: float, second: float) -> None:
    gains = matching_gains_db(first, second)
    assert max(gains) == 0.0
    if math.isfinite(first) and math.isfinite(second):
        assert first + gains[0] == pytest.approx(second + gains[1])


def test_a_gain_is_in_decibels() -> None:
    assert with_gain(np.ones(2, dtype=np.float32), -20) == pytest.approx(0.1)
