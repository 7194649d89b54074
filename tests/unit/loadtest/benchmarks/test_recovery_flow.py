"""What a kill cost: the killed worker's own jobs alone, and nothing that was published before."""

from __future__ import annotations

import pytest

from loadtest.benchmarks.recovery.flow import (
    PARTITIONS,
    Arrival,
    Arrivals,
    job_id,
    partition_in,
    partition_of,
    recovery,
)

NAME = "rec-1a2b"


def arrivals(*found: tuple[int, float, float]) -> Arrivals:
    return Arrivals([Arrival(job_id(NAME, number), published, arrived) for number, published, arrived in found])


def test_a_jobs_id_says_its_partition() -> None:
    for number in range(3 * PARTITIONS):
        assert partition_in(job_id(NAME, number)) == partition_of(number)


def test_the_first_and_the_last_of_the_killed_ones_jobs_count_from_the_kill() -> None:
    # Partition 0 was the killed one's. Its job 12 was published before the kill and came after it.
    found = arrivals((12, 99.9, 100.5), (1, 100.2, 100.3), (0, 109.0, 110.0), (24, 112.0, 113.0), (24, 112.5, 114.0))
    expected = {job_id(NAME, number) for number in (0, 1, 12, 24, 36)}
    ended = recovery(found, expected, 100.0, {0})
    assert (ended.first_s, ended.last_s, ended.lost, ended.repeated) == (10.0, 14.0, 1, 1)


def test_a_kill_of_a_worker_without_jobs_shows_nothing() -> None:
    with pytest.raises(ValueError, match="no job of the killed worker was left"):
        recovery(arrivals((1, 100.2, 100.3)), set(), 100.0, {0})
