"""Queries are written by the catalogue: what it doesn't have is an error, not an empty panel."""

from __future__ import annotations

import pytest

from monitoring.promql import UnknownSeriesError, quantile, rate, series, total
from worker.observability.controller_metric_catalogue import GATE_VALUE
from worker.observability.metric_catalogue import JOBS, JOBS_IN_FLIGHT, SYNTHESIS, SYNTHESIS_DURATION


def test_counters_gauges_and_histograms_have_their_own_names() -> None:
    assert series(JOBS) == "tts_jobs_total"
    assert series(JOBS_IN_FLIGHT) == "tts_jobs_in_flight"
    assert series(SYNTHESIS_DURATION, "sum") == "tts_synthesis_duration_seconds_sum"


def test_labels_are_matched_exactly_or_by_an_expression_of_their_values() -> None:
    assert series(JOBS, lane="batch", outcome="~failed|expired") == (
        'tts_jobs_total{lane="batch",outcome=~"failed|expired"}'
    )
    assert series(SYNTHESIS, character_key="anything") == 'tts_synthesis_total{character_key="anything"}'
    assert series(GATE_VALUE, gate="!error_rate") == 'tts_rollout_gate_value{gate!="error_rate"}'
    assert series(GATE_VALUE, gate="error_rate") == 'tts_rollout_gate_value{gate="error_rate"}'


def test_expressions_sum_over_the_workers() -> None:
    assert total(rate(series(JOBS), "5m"), "lane", "outcome") == "sum by (lane, outcome) (rate(tts_jobs_total[5m]))"
    assert quantile(0.95, SYNTHESIS_DURATION, "voice_model") == (
        "histogram_quantile(0.95, sum by (le, voice_model) "
        "(rate(tts_synthesis_duration_seconds_bucket[$__rate_interval])))"
    )


@pytest.mark.parametrize(
    ("definition", "part", "labels"),
    [
        (JOBS, "", {"voice_model": "wavenet"}),
        (JOBS, "", {"lane": "dialog"}),
        (JOBS, "", {"outcome": "~failed|nothing"}),
        (JOBS, "", {"outcome": "!nothing"}),
        (JOBS, "bucket", {}),
        (SYNTHESIS_DURATION, "", {}),
    ],
    ids=[
        "a label",
        "a value",
        "one value of several",
        "an excluded value",
        "a part of a counter",
        "no part of a histogram",
    ],
)
def test_what_the_catalogue_lacks_is_an_error(definition: object, part: str, labels: dict[str, str]) -> None:
    with pytest.raises(UnknownSeriesError):
        series(definition, part, **labels)  # type: ignore[arg-type]
