"""The summary of many simulations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from schemas.enums import VoiceModel
from worker.cli.views.simulation import clock, summary_row, summary_words
from worker.rollout.simulation.result import Event, ModelTotals, SimulatedRollout
from worker.rollout.simulation.summary import quantile, summarise
from worker.rollout.simulation.trace import Trace

HOUR = timedelta(hours=1)
WELL = Trace.model_validate({"version": 1, "name": "t", "lasts": "1d", "jobs_a_day": 1})
BREAKS = WELL.model_copy(update={"breaks_at": 10 * HOUR})


def entry(hours: float, kind: str) -> Event:
    return Event(hours * HOUR, kind, "10", 1_000, 14, "it is so")


def course(*entries: Event, lasted: float = 24, failed: int = 0, **more: Any) -> SimulatedRollout:
    heard = {VoiceModel.CHIRP3_HD: ModelTotals(billed=1_000_000), VoiceModel.WAVENET: ModelTotals(billed=500_000)}
    given = {"first_failed": {}, "points": (), **more}
    return SimulatedRollout(1, lasted * HOUR, (entry(0, "started"), *entries), heard, failed, **given)


def test_every_roll_back_of_a_healthy_system_is_a_false_alarm() -> None:
    courses = [course(), course(entry(3, "turned off"), lasted=3), course(entry(4, "quarantined")),
               course(entry(5, "stepped back"), entry(6, "turned off")), course(entry(9, "ended"))]  # fmt: skip
    summary = summarise(courses, WELL)
    assert (summary.n, summary.rolled_back_healthy, summary.quarantined_healthy, summary.ended) == (5, 2, 1, 1)
    assert (summary.breaks, summary.broke, summary.exposed, summary.failed) == (False, 0, None, None)
    assert summary.dollars == pytest.approx(32)
    assert "then seen" not in summary_words(summary)


def test_the_exposure_to_a_broken_chirp_counts_simulations_in_which_users_got_it() -> None:
    seen = [course(entry(10 + hours, "turned off"), failed=hours) for hours in range(1, 21)]
    never, before = course(failed=500), course(entry(4, "turned off"), lasted=4)
    summary = summarise([*seen, never, before], BREAKS)
    assert (summary.broke, summary.detected, summary.rolled_back_healthy) == (21, 20, 1)
    assert summary.exposed == (10 * HOUR, 19 * HOUR)
    assert summary.failed == (11, 20)
    assert summary_row(summary)["exposed, median and 95th percentile"] == [36_000, 68_400]
    assert summary_words(summary)["then seen"] == "20 of 21 (95.2%)"


@pytest.mark.parametrize(("values", "share", "expected"), [([3], 0.5, 3), ([4, 1, 2, 3], 0.5, 2), ([1, 2], 0.95, 2)])
def test_a_quantile_is_one_of_the_values(values: list[int], share: float, expected: int) -> None:
    assert quantile(values, share) == expected


def test_a_time_of_a_simulation_is_shown_in_days_and_hours() -> None:
    assert clock(timedelta(days=3, hours=1, minutes=13)) == "3 d 01:13"
