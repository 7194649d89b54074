"""The bench: a tiny run of it, and which jobs are slow. Its figures are the machine's affair and not asserted."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from loadtest.benchmarks.throughput.figures import Figures, Round, summary, verdicts
from loadtest.benchmarks.throughput.lines import PARTITIONS, Run, pattern_of, slow_numbers


def test_a_tiny_run_does_all_jobs_and_prints_its_figures() -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "loadtest.benchmarks.throughput",
            "--jobs",
            "40",
            "--rounds",
            "1",
            "--max-in-flight",
            "16",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    # Lost, failed or repeated jobs end it with 1.
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rounds = re.findall(r"^1 +((?:[\d.]+ *){6})$", ended.stdout, re.MULTILINE)
    assert len(rounds) == 2
    for figures in rounds:
        # Jobs a second; no CPU time is seen of a run during which the bench stood still.
        assert all(float(figure) > 0 for figure in figures.split()[:3])
    verdict = r"^(constant|slow): [\d.]+ \(.*\) times the jobs a second of (plain|own), .*(?:met|MISSED)$"
    reported = re.findall(verdict, ended.stdout, re.MULTILINE)
    assert reported == [("constant", "plain"), ("constant", "own"), ("slow", "plain"), ("slow", "own")]


def test_one_percent_is_slow_and_none_near_the_end_whichever_partition_comes_last() -> None:
    run = Run("bench-x", 1500)
    slow = slow_numbers(run)
    assert len(slow) == 15
    partitions = [[n for n in range(run.jobs) if run.partition(n) == p] for p in range(PARTITIONS)]
    assert [len(numbers) for numbers in partitions] == [375] * PARTITIONS
    for numbers in partitions:
        assert not set(numbers[-200:]) & set(slow)
        assert numbers[-201] in slow


@pytest.mark.parametrize("jobs", [8, 40, 100, 1499, 5000])
def test_a_run_of_any_size_has_slow_jobs(jobs: int) -> None:
    slow = slow_numbers(Run("bench-x", jobs))
    assert len(slow) == len(set(slow)) == max(1, round(jobs / 100))
    assert all(0 <= number < jobs for number in slow)


def test_the_pattern_matches_the_slow_jobs_alone_whatever_the_run_is_called() -> None:
    for name in ("bench-1a-s1l", "bench-1a-s1w"):
        run = Run(name, 1500)
        slow = slow_numbers(run)
        pattern = re.compile(pattern_of(slow))
        assert [n for n in range(run.jobs) if pattern.search(run.job(n).text or "")] == slow


def test_a_run_without_cpu_time_misses_the_target_for_cpu() -> None:
    unseen, worker = Figures(jobs=40, seconds=1.0, cpu_s=0.0), Figures(jobs=40, seconds=1.0, cpu_s=0.1)
    assert all("inf (inf to inf) times its CPU" in each for each in verdicts([Round(unseen, unseen, worker)]))


def test_the_verdict_goes_by_the_medians() -> None:
    plain = Figures(jobs=100, seconds=1.25, cpu_s=0.2)
    own = Figures(jobs=100, seconds=1.0, cpu_s=0.1)
    good = Round(plain, own, Figures(jobs=100, seconds=1.0, cpu_s=0.12))
    bad = Round(plain, own, Figures(jobs=100, seconds=2.0, cpu_s=0.2))
    against_plain, against_own = verdicts([good, bad, good])
    assert against_plain == (
        "1.250 (0.625 to 1.250) times the jobs a second of plain, at least 0.95 wanted: met; "
        "0.60 (0.60 to 1.00) times its CPU a job, at most 1.35 wanted: met"
    )
    assert against_own == (
        "1.000 (0.500 to 1.000) times the jobs a second of own, at least 0.95 wanted: met; "
        "1.20 (1.20 to 2.00) times its CPU a job, at most 1.35 wanted: met"
    )
    assert [reported.count("MISSED") for reported in verdicts([bad, bad, good])] == [1, 2]
    assert [line.split() for line in summary([good, bad])] == [
        ["min", "80.0", "100.0", "50.0", "2.00", "1.00", "1.20"],
        ["median", "80.0", "100.0", "75.0", "2.00", "1.00", "1.60"],
        ["max", "80.0", "100.0", "100.0", "2.00", "1.00", "2.00"],
    ]
