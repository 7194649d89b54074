"""The throughput bench: a tiny run of it. Its figures are the machine's affair and not asserted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TREE = Path(__file__).parents[2]


def test_a_tiny_run_does_all_jobs_on_all_sides_and_prints_its_figures(cluster) -> None:
    arguments = ["--jobs", "40", "--rounds", "1", "--max-in-flight", "16", "--against", str(TREE)]
    for side in ("plain", "own", "worker", "exactly-once"):
        arguments += ["--side", side]
    ended = subprocess.run(
        [sys.executable, "-m", "loadtest.benchmarks.throughput", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap},
    )
    # Lost, failed or repeated jobs end it with 1.
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rounds = re.findall(r"^1 +((?:[\d.]+ *){10})$", ended.stdout, re.MULTILINE)
    assert len(rounds) == 2
    for figures in rounds:
        # Jobs a second; no CPU time is seen of a run during which the bench stood still.
        assert all(float(figure) > 0 for figure in figures.split()[:5])
    verdict = r"^16 in flight, (constant|slow): (\S+) does [\d.]+ \(.*\) times the jobs a second of ([^,;]+)[,;]"
    pairs = [("worker", "plain"), ("worker", "own"), ("exactly-once", "worker"), ("worker", "tree 1")]
    assert re.findall(verdict, ended.stdout, re.MULTILINE) == [
        (scenario, side, base) for scenario in ("constant", "slow") for side, base in pairs
    ]
