"""The demo's lines, spoken, delivered and measured from their files by another library than the one that masters them.

`pytest -n 0 -s tests/stack/test_delivered_loudness.py` prints the table.
"""

import asyncio
import json
import math
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyloudnorm
import soundfile
from scipy.signal import resample_poly

from loadtest.demo.script import read_script, studio_script
from loadtest.stack.local_stack import worker_environment
from tests.stack.cli import CLI, run
from tests.stack.test_batch import document

TARGET_LUFS, PEAK_DBTP, PAD_S = -23.0, -1.0, 0.05
# BS.1770 gates blocks of 0.4 s.
BLOCK_S = 0.4
EDGE_S = PAD_S + 0.015


class Measured(NamedTuple):
    """What a file says: loudness, true peak (four times oversampled), and the largest steps from sample to sample."""

    seconds: float
    lufs: float
    peak_dbtp: float
    first: float
    last: float
    edge_step: float
    own_step: float


def measure(path: Path) -> Measured:
    samples, rate = soundfile.read(path)
    seconds = len(samples) / rate
    # A shorter sound than a block has no loudness by the standard: the product's own rule is to repeat it.
    measured = np.tile(samples, math.ceil(1 / seconds)) if seconds < BLOCK_S else samples
    steps, edge = np.abs(np.diff(samples)), round(EDGE_S * rate)
    return Measured(
        seconds,
        pyloudnorm.Meter(rate).integrated_loudness(measured),
        20 * math.log10(np.abs(resample_poly(samples, 4, 1)).max()),
        abs(samples[0]),
        abs(samples[-1]),
        max(steps[:edge].max(), steps[-edge:].max()),
        steps[edge:-edge].max(),
    )


def show(files: dict[str, Measured], at_peak: set[str]) -> None:
    rows = [f"{'file':<44} {'s':>6} {'LUFS':>7} {'dBTP':>7} {'edge':>8} {'own':>8}"]
    for name, found in sorted(files.items(), key=lambda each: each[1].lufs):
        levels = f"{found.seconds:6.2f} {found.lufs:7.2f} {found.peak_dbtp:7.2f}"
        rows.append(f"{name:<44} {levels} {found.edge_step:8.5f} {found.own_step:8.5f}")
    off = max(abs(each.lufs - TARGET_LUFS) for name, each in files.items() if name not in at_peak)
    highest = max(each.peak_dbtp for each in files.values())
    rows.append(
        f"{len(files)} lines; at most {off:.2f} LU from {TARGET_LUFS} LUFS; highest true peak {highest:.2f} dBTP"
    )
    rows.append(f"below the loudness, by their peaks: {', '.join(sorted(at_peak)) or 'none'}")
    sys.stdout.write("\n" + "\n".join(rows) + "\n")


async def test_each_line_of_the_demo_has_the_target_loudness_below_the_peak_and_no_click_at_its_edges(
    deployment, tmp_path: Path
):
    script, audio, delivery = tmp_path / "demo.jsonl", tmp_path / "audio", tmp_path / "delivery"
    lines = read_script()
    script.write_text(studio_script(lines), encoding="utf-8")
    await deployment.emulator(speech="espeak")
    with deployment.worker(CHIRP3_ROLLOUT_PERCENTAGE="50"):
        document(await run(deployment, "batch", str(script), "--yes", "--json", "--download", str(audio)), 0)
    wanted = ("batch", "deliver", str(script), "--from", str(audio), "--out", str(delivery), "--json")
    # A minute of computing, which a starved machine makes many of.
    environment = worker_environment(deployment.environment)
    ended = await asyncio.create_subprocess_exec(*CLI, *wanted, env=environment, stdout=asyncio.subprocess.PIPE)
    written, _ = await ended.communicate()
    assert ended.returncode == 0
    delivered = json.loads(written)
    files = {name: measure(delivery / name) for name in delivered["files"]}
    at_peak = set(delivered["quiet"])
    show(files, at_peak)
    assert len(files) == len(lines) == 74
    for name, found in files.items():
        assert found.peak_dbtp < PEAK_DBTP, name
        if name in at_peak:
            assert found.lufs < TARGET_LUFS, name
            assert found.peak_dbtp > PEAK_DBTP - 0.5, name
        else:
            assert abs(found.lufs - TARGET_LUFS) <= 0.5, name
        assert (found.first, found.last) == (0.0, 0.0), name
        assert found.edge_step <= found.own_step, name
