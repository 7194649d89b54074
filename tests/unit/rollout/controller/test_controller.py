"""The controller's loop over stand-ins of Kafka: what it shows of itself while it can't read or write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiokafka.errors import KafkaError, KafkaTimeoutError
from prometheus_client import CollectorRegistry

from schemas.rollout_status import RolloutStatus
from tests.unit.makers import CATALOGUE
from tests.unit.rollouts import NOW, Topic, value
from worker.cli.views.rollout import history_rows, status_document, status_row
from worker.lifecycle.clock import Clock
from worker.rollout.controller import stages
from worker.rollout.controller.controller import Controller
from worker.rollout.controller.controller_parts import ControllerParts
from worker.rollout.controller.metrics import RolloutMetrics
from worker.rollout.controller.prometheus import PrometheusClient
from worker.rollout.controller.webhooks import RevisionHistory
from worker.rollout.description import describe
from worker.rollout.log.codec import Provenance, current_state, to_revision
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.plan.parser import parse_plan
from worker.rollout.state import OFF

PLAN = """
version: 1
name: one
stages: [{name: few, percentage: 10, characters: all, at_least: 1d, approvals: [{name: ok, question: "OK?"}]}]
"""


class Attempts:
    """A reader of attempts that has read everything, of which there is nothing."""

    caught_up = True

    def __init__(self, topic: Topic) -> None:
        self._topic = topic

    @property
    def read_to(self) -> Any:
        return NOW - timedelta(minutes=5)

    def unreadable_by_content(self) -> dict[str, int]:
        return {"attempts": 0, "feedback": 2}

    async def poll(self, wait_s: float) -> int:
        """To wait takes none of the test's own time."""
        self._topic.at += wait_s
        await asyncio.sleep(0)
        return 0


class World:
    """A controller that leads; what it reports may be refused, and so may what it writes."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.report_fails = False
        self.metrics = RolloutMetrics(CollectorRegistry())
        self.statuses: list[RolloutStatus] = []

    @asynccontextmanager
    async def _attempts(self, *_: Any) -> AsyncIterator[Any]:
        yield Attempts(self.topic)

    async def _report(self, status: RolloutStatus) -> None:
        if self.report_fails:
            raise KafkaTimeoutError("no answer")
        self.statuses.append(status)

    def controller(self, session: aiohttp.ClientSession, writer: Any = None) -> Controller:
        return Controller(
            ControllerParts(
                open_log=self.topic.open_log,
                open_attempts=self._attempts,
                create_writer=lambda _: writer,
                is_leader=lambda: True,
                prometheus=PrometheusClient(session, None, 1.0),
                report=self._report,
                history=RevisionHistory(),
                metrics=self.metrics,
                catalogue=CATALOGUE.names,
                clock=Clock(monotonic=lambda: self.topic.at, now=lambda: NOW),
                actor="controller 1",
                round_s=1.0,
            )
        )

    def leads(self) -> float | None:
        return self.metrics.registry.get_sample_value("tts_rollout_leads")


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(20_000):
        if holds():
            return
        await asyncio.sleep(0)
    pytest.fail("it never held")


@asynccontextmanager
async def running(world: World, writer: Any = None) -> AsyncIterator[Controller]:
    async with aiohttp.ClientSession() as session:
        controller = world.controller(session, writer)
        task = asyncio.create_task(controller.run())
        try:
            yield controller
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def topic_with_a_plan(text: str = PLAN) -> Topic:
    plan = parse_plan(text, "one.yaml", CATALOGUE.names).plan
    started = stages.start(OFF, plan, NOW, text=text, day_s=86_400.0)
    topic = Topic()
    topic.write(value(to_revision(OFF, started, Provenance("anna"), time=NOW, identity="1")))
    return topic


async def test_a_leader_that_works_says_so_with_stage_and_what_is_waited_for() -> None:
    world = World(topic_with_a_plan())
    async with running(world):
        await until(lambda: len(world.statuses) > 1)
        assert world.leads() == 1
        read = world.metrics.registry.get_sample_value
        assert read("tts_rollout_stage", {"plan": "one", "stage": "few"}) == 1
        assert read("tts_rollout_phase", {"phase": "running"}) == 1
        assert read("tts_rollout_waits_for", {"what": "approval", "which": "ok"}) == 1
        assert read("tts_rollout_waits_for", {"what": "time", "which": ""}) == 1


async def test_a_leader_without_a_plan_leads() -> None:
    world = World(Topic())
    async with running(world) as controller:
        await controller.ready.wait()
        assert world.leads() == 1


async def test_a_leader_that_can_t_write_its_status_doesn_t_lead_until_it_can() -> None:
    world = World(topic_with_a_plan())
    async with running(world):
        await until(lambda: bool(world.statuses))
        world.report_fails = True
        await until(lambda: world.leads() == 0)
        world.report_fails = False
        await until(lambda: world.leads() == 1)


async def test_a_leader_that_can_t_read_doesn_t_lead() -> None:
    world = World(topic_with_a_plan())
    async with running(world):
        await until(lambda: world.leads() == 1 and bool(world.statuses))
        world.topic.answers = False
        await until(lambda: world.leads() == 0)


async def test_a_leader_with_a_revision_that_kafka_refuses_doesn_t_lead_until_one_is_accepted() -> None:
    class Writer:
        refused = 0

        async def write(self, *_: Any) -> Any:
            self.refused += 1
            raise KafkaError("no permission to write")

    # The stage may last no time: the plan waits for a person.
    text = PLAN.replace("at_least: 1d", "at_least: 0s, at_most: 0s").replace(
        'approvals: [{name: ok, question: "OK?"}]', ""
    )
    writer = Writer()
    world = World(topic_with_a_plan(text))
    async with running(world, writer):
        await until(lambda: writer.refused > 0)
        for _ in range(100):
            await asyncio.sleep(0)
            assert world.leads() == 0


# Whoever can write to the topic can write anything


def forged(topic: Topic, **changes: Any) -> bytes:
    """A record that would change the topic's first revision, which runs a plan; `run__x` changes a field of the run."""
    record = json.loads(topic.records[0].value or b"")
    record |= {"revision": 2, "base": 1, "id": "forged", "actor": "somebody"}
    for name, changed in changes.items():
        part, field = (record["run"], name.removeprefix("run__")) if name.startswith("run__") else (record, name)
        part[field] = changed
    return json.dumps(record).encode()


HEX = "0x" + "f" * 5000
FORGED: list[dict[str, Any]] = [
    *(
        {"run__text": PLAN.replace(was, becomes)}
        for was, becomes in (("name: one", f"name: {HEX}"), ("1d", HEX), ("1d", "1:30"))
    ),
    *(
        {"run__text": text}
        for text in (
            "",
            "[" * 10_000,
            "a: &a [*a]",
            "\x00",
            "2026-02-31",
            "!!python/name:os.system 1",
            "- 1",
            "!!bool maybe",
            "!!timestamp x",
            "a: 1\n" * 100_000,
        )
    ),
    {"run__stage": "nowhere"},
    {"run__day_s": 1.0},
    *({"run__day_s": number} for number in (1e-300, 1e308)),
    *({"run__since": time} for time in ("0001-01-01T00:00:00Z", "2000-01-01T00:00:00Z", "2199-12-31T00:00:00Z")),
    {"run__serving_since": "2000-01-01T00:00:00Z", "run__served_s": 1e9},
    {"run__serving_since": "2199-12-31T00:00:00Z"},
    {"run__stage_revision": 2**53 - 1},
    {"run": None},
    {"percentage": 10_000, "characters": None, "salt": "\u202e" * 1000},
    {"quarantined": {"nobody": "2199-12-31T00:00:00Z"}, "excluded": ["nobody"], "characters": []},
    {"time": "2199-12-31T23:59:59-14:00"},
]


@pytest.mark.parametrize("changes", FORGED, ids=lambda changes: str(changes)[:60])
async def test_no_record_of_the_topic_ends_the_controller_and_it_goes_on_with_the_next_good_one(
    changes: dict[str, Any],
) -> None:
    topic = topic_with_a_plan()
    topic.write(forged(topic, **changes))
    accepted = 2 if _is_taken(topic) else 1
    world = World(topic)
    async with running(world) as controller:
        await controller.ready.wait()
        good = json.loads(topic.records[0].value or b"") | {"base": accepted, "revision": accepted + 1, "id": "good"}
        topic.write(json.dumps(good).encode())
        await until(lambda: bool(world.statuses) and world.statuses[-1].revision == accepted + 1)


def _is_taken(topic: Topic) -> bool:
    log = RevisionLog()
    for record in topic.records:
        log.add(record.value)
    return log.revision > 1


@pytest.mark.parametrize("changes", FORGED, ids=lambda changes: str(changes)[:60])
def test_no_record_of_the_topic_stops_a_worker_or_a_command(changes: dict[str, Any]) -> None:
    topic = topic_with_a_plan()
    log = RevisionLog()
    for each in (topic.records[0].value, forged(topic, **changes)):
        log.add(each)
    state = current_state(log)
    assert describe(state, CATALOGUE.names, NOW)
    assert state.exposed_characters(CATALOGUE.names, NOW) is not None
    assert history_rows(log.accepted)
    assert status_row(log, CATALOGUE.names, NOW)
    assert status_document(log, CATALOGUE.names, NOW, 5)
