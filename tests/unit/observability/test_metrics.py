"""The metrics: named as in the plan, present from the start, bounded, and never a fallback without its attempt."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import product
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from schemas.completion import Attempt, Timings
from schemas.enums import PROBLEM_CLASSES, AttemptResult, AudioFault, FailureClass, JobStatus, Lane, VoiceModel
from tests.unit.makers import CATALOGUE, CHIRP, WAVENET
from worker.observability.metric_catalogue import ALL_METRICS
from worker.observability.metric_definition import UNKNOWN
from worker.observability.metric_labels import ALL_VOICE_MODELS, CODES, STAGES, QuotaDecision
from worker.observability.metrics import Metrics

LABELS = [*sorted(CATALOGUE.names), UNKNOWN]


def fresh() -> Metrics:
    return Metrics(CollectorRegistry(), CATALOGUE.names)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def total(metrics: Metrics, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def attempt(voice_model: VoiceModel = CHIRP, failure_class: FailureClass | None = None, **changes: Any) -> Attempt:
    given = {
        "id": "1",
        "voice_model": voice_model,
        "voice": "v",
        "result": AttemptResult.ERROR if failure_class else AttemptResult.SUCCESS,
        "failure_class": failure_class,
        "code": "OK",
        "calls": 1,
        "seconds": 0.5,
        "billed_characters": 10,
        "ended_at": datetime(2026, 1, 31, tzinfo=UTC),
    }
    return Attempt.model_validate({**given, **changes})


def test_every_child_exists_before_the_first_job() -> None:
    expected: list[tuple[str, dict[str, list[Any]]]] = [
        (
            "tts_synthesis_total",
            {"voice_model": list(VoiceModel), "character_key": LABELS, "status": ["success", "error"]},
        ),
        ("tts_synthesis_duration_seconds_count", {"voice_model": list(VoiceModel), "character_key": LABELS}),
        ("tts_synthesis_duration_seconds_sum", {"voice_model": list(VoiceModel), "character_key": LABELS}),
        ("tts_chirp3_fallback_total", {"character_key": LABELS, "error_type": list(FailureClass)}),
        ("tts_cache_requests_total", {"voice_model": list(VoiceModel), "result": ["hit", "miss"]}),
        ("tts_google_calls_total", {"voice_model": list(VoiceModel), "code": list(CODES)}),
        ("tts_billed_characters_total", {"voice_model": list(VoiceModel)}),
        ("tts_audio_seconds_total", {"voice_model": list(VoiceModel)}),
        (
            "tts_audio_faults_total",
            {"voice_model": list(VoiceModel), "check": list(AudioFault), "action": ["reject", "warn"]},
        ),
        ("tts_jobs_total", {"lane": list(Lane), "outcome": [*JobStatus, "rejected", "retried"]}),
        ("tts_dead_letters_total", {"lane": list(Lane), "reason": list(PROBLEM_CLASSES)}),
        ("tts_job_duration_seconds_count", {"lane": list(Lane), "stage": list(STAGES)}),
        ("tts_jobs_in_flight", {"lane": list(Lane)}),
        ("tts_consumer_lag", {"lane": list(Lane)}),
        ("tts_oldest_unfinished_job_age_seconds", {"lane": list(Lane)}),
        ("tts_oldest_unstarted_job_age_seconds", {"lane": list(Lane)}),
        ("tts_lane_paused", {"lane": list(Lane)}),
        ("tts_quota_wait_seconds_count", {"lane": list(Lane), "voice_model": list(VoiceModel)}),
        (
            "tts_quota_decisions_total",
            {"lane": list(Lane), "voice_model": list(VoiceModel), "decision": list(QuotaDecision)},
        ),
        ("tts_dependency_down", {"dependency": ["google", "s3", "kafka"]}),
    ]
    present = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in fresh().registry.collect()
        for sample in family.samples
    }
    for name, labels in expected:
        for values in product(*labels.values()):
            child = (name, *sorted(zip(labels, values, strict=True)))
            assert present.get(child) == 0, child


def test_every_metric_of_the_catalogue_is_registered_and_no_other() -> None:
    registered = {family.name for family in fresh().registry.collect()}
    assert registered == {definition.name for definition in ALL_METRICS}


def test_labels_are_bounded_closed_sets_without_texts_ids_or_messages() -> None:
    labels = {label for definition in ALL_METRICS for label in definition.labels}
    unbounded = {label.name for label in labels if label.values is None}
    assert unbounded == {"character_key"}, "the characters of the catalogue, and `unknown` for all others"
    for label in labels:
        for value in label.all_values(["pip_boy"]):
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,32}", value), (label.name, value)


def test_children_that_appear_later_are_those_of_the_catalogue_too() -> None:
    metrics = fresh()
    for voice_model in VoiceModel:
        metrics.set_circuit(voice_model, 2)
        metrics.set_concurrency_limit(voice_model, 64)
        metrics.track_quota_limit(voice_model, lambda: 1.0)
    metrics.track_quota_limit(ALL_VOICE_MODELS, lambda: 1.0)
    for file in ("kafka_certificate", "kafka_ca", "kafka_https_ca", "s3_ca"):
        metrics.track_certificate(file, lambda: 1.0, lambda: 2.0)
    families = {family.name: family for family in metrics.registry.collect()}
    late = [definition for definition in ALL_METRICS if not definition.from_start]
    assert {definition.name for definition in late} == {
        "tts_circuit_state",
        "tts_google_concurrency_limit",
        "tts_quota_requests_per_minute",
        "tts_certificate_expiry_timestamp_seconds",
        "tts_certificate_lifetime_seconds",
    }
    for definition in late:
        children = {tuple(s.labels[name] for name in definition.label_names) for s in families[definition.name].samples}
        assert children == set(definition.children(CATALOGUE.names))


def test_every_grpc_status_code_is_a_value_of_the_label_code() -> None:
    assert set(CODES) == {code.name for code in grpc.StatusCode}


def test_no_event_creates_a_new_series() -> None:
    metrics = fresh()
    before = {(s.name, *sorted(s.labels.items())) for f in metrics.registry.collect() for s in f.samples}
    for character in ("pip_boy", "nobody", "../x", ""):
        for voice_model in VoiceModel:
            for failure_class in (None, *FailureClass):
                metrics.count_attempt(character, attempt(voice_model, failure_class), audio_seconds=1, falls_back=True)
            for code in CODES:
                metrics.count_call(voice_model, code)
            metrics.count_look_up(voice_model, hit=True)
            for check, action in product(AudioFault, ("reject", "warn")):
                metrics.count_audio_fault(voice_model, check, action)
            for lane, decision in product(Lane, QuotaDecision):
                metrics.count_quota(voice_model, lane, decision, 1.0)
    for lane in Lane:
        for reason in PROBLEM_CLASSES:
            metrics.count_dead_letter(lane, reason)
        for outcome in (*JobStatus, "rejected", "retried"):
            metrics.count_job(lane, outcome, Timings(wait=0, look_up=0, speak=0, store=0, total=0))
    after = {(s.name, *sorted(s.labels.items())) for f in metrics.registry.collect() for s in f.samples}
    assert after == before


@pytest.mark.parametrize(
    "series",
    [
        'tts_synthesis_total{character_key="pip_boy",status="success",voice_model="chirp3-hd"}',
        'tts_synthesis_total{character_key="pip_boy",status="error",voice_model="wavenet"}',
        'tts_synthesis_duration_seconds_sum{character_key="pip_boy",voice_model="chirp3-hd"}',
        'tts_synthesis_duration_seconds_count{character_key="pip_boy",voice_model="chirp3-hd"}',
        'tts_synthesis_duration_seconds_bucket{character_key="pip_boy",le="2.0",voice_model="chirp3-hd"}',
        'tts_synthesis_duration_seconds_bucket{character_key="pip_boy",le="5.0",voice_model="chirp3-hd"}',
        'tts_chirp3_fallback_total{character_key="pip_boy",error_type="bad_audio"}',
    ],
)
def test_the_names_and_labels_of_the_plans_queries_are_exposed(series: str) -> None:
    assert f"\n{series} 0.0\n" in generate_latest(fresh().registry).decode()


def test_an_attempt_without_a_call_counts_as_failed_and_as_fallback_and_has_no_duration() -> None:
    metrics = fresh()
    skipped = attempt(CHIRP, FailureClass.CIRCUIT_OPEN, calls=0, seconds=0.0, billed_characters=0)
    metrics.count_attempt("pip_boy", skipped, audio_seconds=0, falls_back=True)
    assert total(metrics, "tts_synthesis_total", status="error") == 1
    assert total(metrics, "tts_chirp3_fallback_total", error_type="circuit_open") == 1
    assert total(metrics, "tts_synthesis_duration_seconds_count") == 0


def test_two_and_five_seconds_are_bucket_bounds_and_inclusive() -> None:
    metrics = fresh()
    for seconds in (2.0, 2.01, 5.0, 5.01):
        metrics.count_attempt("pip_boy", attempt(seconds=seconds), audio_seconds=0, falls_back=False)
    bucket = "tts_synthesis_duration_seconds_bucket"
    assert value(metrics, bucket, voice_model=CHIRP, character_key="pip_boy", le="2.0") == 1
    assert value(metrics, bucket, voice_model=CHIRP, character_key="pip_boy", le="5.0") == 3


def test_a_failed_chirp_attempt_with_a_fallback_counts_error_and_fallback_together() -> None:
    metrics = fresh()
    metrics.count_attempt("pip_boy", attempt(CHIRP, FailureClass.TIMEOUT), audio_seconds=0, falls_back=True)
    assert total(metrics, "tts_synthesis_total") == 1
    assert total(metrics, "tts_synthesis_total", voice_model=CHIRP, status="error", character_key="pip_boy") == 1
    assert total(metrics, "tts_chirp3_fallback_total") == 1
    assert total(metrics, "tts_chirp3_fallback_total", character_key="pip_boy", error_type="timeout") == 1


def test_a_failure_without_a_fallback_and_a_success_count_no_fallback() -> None:
    metrics = fresh()
    metrics.count_attempt("pip_boy", attempt(CHIRP, FailureClass.TIMEOUT), audio_seconds=0, falls_back=False)
    metrics.count_attempt("pip_boy", attempt(WAVENET), audio_seconds=2.5, falls_back=False)
    assert total(metrics, "tts_chirp3_fallback_total") == 0
    assert total(metrics, "tts_audio_seconds_total", voice_model=WAVENET) == 2.5
    assert total(metrics, "tts_billed_characters_total", voice_model=WAVENET) == 10


_EVENTS = st.lists(
    st.tuples(st.sampled_from(["pip_boy", "ghoul", "nobody"]), st.sampled_from([None, *FailureClass]), st.booleans()),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(_EVENTS)
def test_the_fallback_rate_never_passes_one_at_any_moment(events: list[tuple[str, FailureClass | None, bool]]) -> None:
    metrics = Metrics(CollectorRegistry(), ["pip_boy", "ghoul"])
    for character, failure_class, falls_back in events:
        metrics.count_attempt(
            character, attempt(CHIRP, failure_class), audio_seconds=0, falls_back=falls_back and bool(failure_class)
        )
        if failure_class and falls_back:
            metrics.count_attempt(character, attempt(WAVENET), audio_seconds=0, falls_back=False)
        key = character if character in {"pip_boy", "ghoul"} else UNKNOWN
        fallbacks = total(metrics, "tts_chirp3_fallback_total", character_key=key)
        assert fallbacks <= total(metrics, "tts_synthesis_total", voice_model=CHIRP, character_key=key)


def test_every_help_text_says_what_a_high_value_means() -> None:
    for family in fresh().registry.collect():
        text = family.documentation
        assert "High" in text or "Many" in text or "At MAX_IN_FLIGHT" in text, family.name


def test_the_rollouts_revision_and_percentage_are_exported_and_its_age_is_computed_at_each_scrape() -> None:
    metrics = fresh()
    names = ("tts_rollout_revision", "tts_rollout_percentage", "tts_rollout_state_age_seconds")
    assert [total(metrics, name) for name in names] == [0, 0, 0]
    ages = iter([1.5, 2.5])
    metrics.set_rollout(7, 12.5)
    metrics.track_rollout_age(lambda: next(ages))
    assert [value(metrics, name) for name in names] == [7, 12.5, 1.5]
    assert value(metrics, names[2]) == 2.5


def test_a_job_without_timings_is_counted_without_a_duration() -> None:
    metrics = fresh()
    metrics.count_job(Lane.BATCH, "rejected", None)
    assert total(metrics, "tts_jobs_total", lane="batch", outcome="rejected") == 1
    assert total(metrics, "tts_job_duration_seconds_count") == 0
