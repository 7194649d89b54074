"""The controller's metrics: where the plan is, what it waits for, and whether somebody leads who can act."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from schemas.enums import Phase
from tests.unit.plans import begun, run_of
from worker.observability.controller_metric_catalogue import ALL_CONTROLLER_METRICS
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.state_machine import Missing, WaitsFor


def samples(metrics: RolloutMetrics, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_stage_phase_and_what_is_waited_for_are_metrics_and_end_with_the_plan() -> None:
    metrics = RolloutMetrics(CollectorRegistry())
    run = run_of(begun("3"))
    missing = (
        Missing(WaitsFor.GATE, "error_rate (stage): hold", "error_rate (stage)"),
        Missing(WaitsFor.APPROVAL, "not answered", "no_complaints"),
    )
    metrics.show_run(run, missing)
    assert samples(metrics, "tts_rollout_stage") == {("small", "3"): 1}
    assert samples(metrics, "tts_rollout_phase") == {(each.value,): each is Phase.RUNNING for each in Phase}
    assert samples(metrics, "tts_rollout_waits_for") == {
        ("gate", "error_rate (stage)"): 1,
        ("approval", "no_complaints"): 1,
    }
    metrics.show_run(run.model_copy(update={"phase": Phase.WAITING}), (Missing(WaitsFor.RESUME, "waits for a person"),))
    assert samples(metrics, "tts_rollout_phase")["waiting",] == 1
    assert samples(metrics, "tts_rollout_waits_for") == {("resume", ""): 1}
    metrics.show_run(None)
    assert not samples(metrics, "tts_rollout_stage")
    assert not samples(metrics, "tts_rollout_phase")


def test_transitions_are_counted_by_kind_from_zero() -> None:
    metrics = RolloutMetrics(CollectorRegistry())
    metrics.transitions.labels("turned off").inc()
    counted = samples(metrics, "tts_rollout_transitions_total")
    assert counted["turned off",] == 1
    assert counted["stepped back",] == 0


def test_every_metric_of_the_controllers_catalogue_is_registered_and_no_other() -> None:
    registered = {family.name for family in RolloutMetrics(CollectorRegistry()).registry.collect()}
    assert registered == {definition.name for definition in ALL_CONTROLLER_METRICS}


def test_every_help_text_says_what_a_high_value_means() -> None:
    assert [each.name for each in ALL_CONTROLLER_METRICS if "High" not in each.help] == []
