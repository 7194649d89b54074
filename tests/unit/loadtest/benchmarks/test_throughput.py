"""The throughput bench: which jobs are slow, who goes first, what the figures come to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadtest.benchmarks.throughput.figures import Demand, Figures, head, row, summary, verdict
from loadtest.benchmarks.throughput.lines import PARTITIONS, Run, pattern_of, slow_numbers
from loadtest.benchmarks.throughput.sides import EXACTLY_ONCE, PLAIN, WORKER, demands, other_tree, turned

SIDES = ["plain", "worker"]
FAST = {"plain": Figures(100, 1.25, 0.2), "worker": Figures(100, 0.5, 0.12)}
SLOW = {"plain": Figures(100, 1.25, 0.2), "worker": Figures(100, 2.0, 0.2)}


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


def test_a_base_without_cpu_time_misses_the_demand_for_cpu() -> None:
    one = {"plain": Figures(40, 1.0, 0.0), "worker": Figures(40, 1.0, 0.1)}
    assert "inf (inf to inf) times its CPU a job, at most 0.6 wanted: MISSED" in verdict(
        Demand("worker", "plain", 1.6, 0.6), [one]
    )


def test_the_verdict_goes_by_the_medians_of_the_rounds_ratios() -> None:
    demand = Demand("worker", "plain", 1.6, 0.6)
    assert verdict(demand, [FAST, SLOW, FAST]) == (
        "worker does 2.500 (0.625 to 2.500) times the jobs a second of plain, at least 1.6 wanted: met; "
        "0.60 (0.60 to 1.00) times its CPU a job, at most 0.6 wanted: met"
    )
    assert verdict(demand, [SLOW, SLOW, FAST]).count("MISSED") == 2
    assert "wanted" not in verdict(Demand("worker", "plain"), [FAST])


def test_the_table_has_a_column_for_each_sides_rate_and_cpu() -> None:
    assert head(SIDES).split() == ["round", "plain/s", "worker/s", "plain", "ms", "worker", "ms"]
    assert row("1", SIDES, FAST).split() == ["1", "80.0", "200.0", "2.00", "1.20"]
    assert [line.split() for line in summary(SIDES, [FAST, SLOW])] == [
        ["min", "80.0", "50.0", "2.00", "1.20"],
        ["median", "80.0", "125.0", "2.00", "1.60"],
        ["max", "80.0", "200.0", "2.00", "2.00"],
    ]


def test_each_side_goes_first_in_its_turn() -> None:
    sides = [PLAIN, WORKER, EXACTLY_ONCE]
    assert [turned(sides, number)[0] for number in range(4)] == [PLAIN, WORKER, EXACTLY_ONCE, PLAIN]
    assert sorted(side.name for side in turned(sides, 1)) == sorted(side.name for side in sides)


def test_only_what_runs_is_demanded_and_another_tree_is_only_told() -> None:
    sides = [PLAIN, WORKER, other_tree(1, Path())]
    assert demands(sides, slow=False) == [Demand("worker", "plain", 1.6, 0.6), Demand("worker", "tree 1")]
    assert demands([PLAIN, WORKER], slow=True) == [Demand("worker", "plain", 1.5)]
    assert demands([WORKER, EXACTLY_ONCE], slow=True) == [Demand("exactly-once", "worker", 0.95)]
