"""A worker's knowledge of cancellations: records are noted and counted, rubbish does no harm, silence is reported."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from schemas.cancellation import new_cancellation
from tests.unit.makers import CATALOGUE
from tests.unit.world import NOW
from worker.app.cancellation_source import CancellationSource
from worker.app.process_parts import ProcessParts
from worker.config.settings import load_settings
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER


class World:
    def __init__(self) -> None:
        self.seconds = 0.0
        self.metrics = Metrics(CollectorRegistry(), CATALOGUE.names)
        clock = Clock(monotonic=lambda: self.seconds, now=lambda: NOW)
        self.source = CancellationSource(ProcessParts(load_settings({}), CATALOGUE, self.metrics, clock, NO_TRACER))

    def observe(self, value: bytes | None) -> None:
        record: Any = SimpleNamespace(value=value, offset=7)
        self.source._observe(record)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


def test_cancellations_are_noted_and_what_is_none_is_counted_and_logged_without_its_content() -> None:
    world = World()
    world.observe(new_cancellation("job-1", "c-1", "/clients/game", NOW).model_dump_json().encode())
    with capture_logs() as logs:
        for value in (None, b"rubbish", b'{"job_id": "job-2"}'):
            world.observe(value)
    assert world.source.known.find("job-1", NOW) == NOW
    assert len(world.source.known) == 1
    assert world.value("tts_cancellations_total", outcome="noted") == 1
    assert world.value("tts_cancellations_total", outcome="unreadable") == 3
    assert [each["event"] for each in logs] == ["cancellation_passed_over"] * 3


def test_a_topic_that_is_silent_for_long_is_a_problem_once_it_was_read() -> None:
    world = World()
    world.seconds = 41.0
    assert world.source.problem() is None
    world.source.follower.caught_up.set()
    assert world.source.problem() == (
        "cancellations: the topic hasn't answered for 41 s; jobs cancelled since then are spoken"
    )
    assert world.value("tts_cancellations_age_seconds") == 41.0
    world.seconds = 40.0
    assert world.source.problem() is None
