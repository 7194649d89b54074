"""The picture of a take: as many bars as fit, each as high as its loudest sample."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from worker.console.web.lines.waveform import HEIGHT, WIDTH, loudest, path_of


def heights(path: str) -> list[float]:
    bars = re.findall(r"M([0-9.]+) ([0-9.]+)V([0-9.]+)", path)
    return [float(end) - float(begin) for _, begin, end in bars]


def test_each_moment_has_its_loudest_sample_across_blocks() -> None:
    blocks = [np.array([0.1, -0.5, 0.2, 0.0], dtype=np.float32), np.array([0.9], dtype=np.float32)]
    assert [round(each, 3) for each in loudest(blocks, 2)] == [0.5, 0.2, 0.9]


def test_a_bar_at_full_scale_fills_the_height_and_silence_is_still_seen() -> None:
    full, half, silent = heights(path_of([1.0, 0.5, 0.0]))
    assert (full, half) == (HEIGHT, HEIGHT / 2)
    assert 0 < silent < 2


def test_without_sound_there_is_no_path() -> None:
    assert path_of([]) == ""


@given(st.lists(st.floats(0, 1.5), min_size=1, max_size=2000))
def test_however_long_a_take_is_its_picture_has_no_more_bars_and_its_peak_is_among_them(levels: list[float]) -> None:
    drawn = heights(path_of(levels))
    assert len(drawn) == min(WIDTH, len(levels))
    assert all(0 < each <= HEIGHT + 0.2 for each in drawn)
    assert abs(max(drawn) - max(1.0, min(1.0, max(levels)) * HEIGHT)) < 0.2
