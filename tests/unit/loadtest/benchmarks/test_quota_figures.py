"""What `make bench-quota` says of the calls and completions that it read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from loadtest.benchmarks.quota.figures import Call, Phase, outage_figures, quota_figures

PHASES = [Phase("two", 0.0, 60.0), Phase("three", 60.0, 120.0)]


def test_the_share_of_the_quota_counts_what_was_answered_in_the_time() -> None:
    calls = [Call(float(second), f"line {second}", "OK") for second in range(-10, 130)]
    calls += [Call(30.5, "refused", "RESOURCE_EXHAUSTED"), Call(31.5, "line 31", "OK")]
    figures = quota_figures(calls, 120, PHASES)
    assert figures.phases == [("two", 60.0, pytest.approx(61 / 120)), ("three", 60.0, pytest.approx(0.5))]
    assert figures.used == pytest.approx(121 / 240)
    assert (figures.calls, figures.refused, figures.twice) == (122, 1, 1)
    assert len(figures.minutes) == 7
    assert figures.lines[-1].count("MISSED") == 2
    assert quota_figures(calls, 120, PHASES[:1]).minutes == [pytest.approx(61 / 120)]
    assert quota_figures(calls, 120, [Phase("short", 0.0, 59.0)]).minutes == []
    assert quota_figures(calls, 60, PHASES).lines[-1].count("MISSED") == 1


def reported(at: float, calls: int) -> dict[str, Any]:
    chirp = {"voice_model": "chirp3-hd", "calls": calls, "ended_at": datetime.fromtimestamp(at, UTC).isoformat()}
    wavenet = {"voice_model": "wavenet", "calls": 1, "ended_at": datetime.fromtimestamp(at + 1, UTC).isoformat()}
    return {"status": "done", "attempts": [chirp, wavenet]}


def test_who_still_called_while_chirp_was_down_and_when_it_was_called_again() -> None:
    skipping = {at for at in range(25, 84) if at != 50}
    completions = {str(at): reported(at, calls=0 if at in skipping else 1) for at in range(100)}
    completions["cached"] = {"status": "done", "attempts": []}
    figures = outage_figures(completions, 101, Phase("down", 20.0, 80.0), 10.0)
    assert figures.opened_s == pytest.approx(5.0)
    assert (figures.still, figures.during) == (1, 50)
    assert figures.until_back_s == pytest.approx(3.0)
    assert (figures.again, figures.after, figures.done, figures.jobs) == (16, 16, 101, 101)
    assert sum(line.count("MISSED") for line in figures.lines) == 1
