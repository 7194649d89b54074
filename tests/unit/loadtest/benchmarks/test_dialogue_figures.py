"""The dialogue bench's verdict on an idle worker's way."""

from __future__ import annotations

from loadtest.benchmarks.dialogue.figures import idle_verdicts


def test_an_idle_way_is_judged_by_the_median_of_the_runs() -> None:
    fast, slow = [0.010] * 99 + [0.020], [0.030] * 100
    assert idle_verdicts([fast, slow, fast]) == [
        "idle way, p50 of 3 runs: 10.0 ms (10.0 to 30.0), at most 15 wanted: met",
        "idle way, p99 of 3 runs: 10.0 ms (10.0 to 30.0), at most 25 wanted: met",
    ]
    assert all(line.endswith("MISSED") for line in idle_verdicts([fast, slow, slow]))
