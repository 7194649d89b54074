"""The rollout's topic read, written and followed: who wins, who loses, and what happens while it is out of reach."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from structlog.testing import capture_logs

from schemas.errors import RefusedError
from tests.unit.makers import CATALOGUE
from tests.unit.rollouts import NOW, Record, Topic, revision, value
from worker.config.settings import load_settings
from worker.kafka.client.topics import TopicError
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.rollout.changes import Change, set_to, turn_off
from worker.rollout.current import CurrentRollout
from worker.rollout.log import writer as writing
from worker.rollout.log.codec import Provenance, current_state
from worker.rollout.log.follower import Follower
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.revisions import Accepted, Superseded, Unreadable
from worker.rollout.log.writer import RevisionWriter, SupersededError
from worker.rollout.state import OFF, RolloutState

ANNA = Provenance("anna", "since I say so")
ON = RolloutState(enabled=True, percentage=1_000, characters=None)


class World:
    """A topic, who writes to it and who follows it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.topic = Topic()
        self.clock = Clock(monotonic=lambda: self.topic.at, now=lambda: NOW)
        self.confirmed: list[Change] = []
        self.metrics = Metrics(CollectorRegistry(), CATALOGUE.names)
        monkeypatch.setattr(writing, "connect_producer", lambda _: Opened(self.topic))

    async def editor(self) -> RevisionWriter:
        log = self.topic.log()
        await log.read_to_end()
        return self.create_writer(log)

    def create_writer(self, log: Any) -> RevisionWriter:
        return RevisionWriter(log, load_settings({}).kafka, self.clock)

    async def change(self, verb: Any, expected: int | None = None) -> Change:
        return await (await self.editor()).change(verb, ANNA, self.confirmed.append, expected)

    def follower(self, current: CurrentRollout, seed: RolloutState = ON) -> Follower:
        return Follower(
            open_log=self.topic.open_log,
            create_writer=self.create_writer,
            seed=seed,
            provenance=Provenance("worker 1", "first start"),
            current=current,
            catalogue=CATALOGUE.names,
            metrics=self.metrics,
            clock=self.clock,
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.topic.at += seconds
        await asyncio.sleep(0)

    def gauge(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)


class Opened:
    def __init__(self, topic: Topic) -> None:
        self.topic = topic

    async def __aenter__(self) -> Topic:
        return self.topic

    async def __aexit__(self, *_: object) -> None:
        pass


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def following(follower: Follower, until: Any) -> None:
    """Lets a follower run until something is so."""
    task = asyncio.create_task(follower.run())
    try:
        async with asyncio.timeout(60):
            while not until():
                assert not task.done(), task
                await asyncio.sleep(0)
    finally:
        task.cancel()


async def read(log: RolloutLog, times: int) -> None:
    for _ in range(times):
        await log.poll()


async def test_the_log_is_read_to_its_end_and_on_from_there() -> None:
    topic = Topic()
    topic.write(value(revision(0)), b"rubbish")
    log = topic.log()
    assert [type(entry) for entry in await log.read_to_end()] == [Accepted, Unreadable]
    topic.write(value(revision(0, "late")))
    assert [type(entry) for entry in await log.poll()] == [Superseded]
    assert await log.poll() == []


async def test_a_record_that_aiokafka_cannot_decode_is_passed_over_and_its_neighbours_are_not() -> None:
    topic = Topic()
    topic.write(value(revision(0)))
    topic.records.append(Record(b"", readable=False))
    topic.write(value(revision(1, "two")))
    log = topic.log()
    await log.read_to_end()
    assert (log.revisions.revision, log.revisions.unreadable) == (2, 1)


async def test_a_broker_that_answers_without_records_keeps_the_state_fresh_and_a_silent_one_ends_the_reading() -> None:
    topic = Topic()
    log = topic.log()
    await read(log, times=100)
    assert log.answered_at == topic.at
    topic.answers = False
    with pytest.raises(KafkaTimeoutError, match="no answer for 10 s"):
        await read(log, times=100)
    assert 10 < topic.at - log.answered_at < 11.5


async def test_a_log_that_goes_back_must_be_read_anew() -> None:
    topic = Topic()
    topic.write(value(revision(0)))
    log = topic.log()
    await log.read_to_end()
    log._consumer.seek(None, 0)
    topic.records.clear()
    with pytest.raises(KafkaError, match="was at 1 and is at 0"):
        await log.poll()


async def test_a_log_whose_end_never_comes_is_not_waited_for_for_ever() -> None:
    log = Topic().log()
    with pytest.raises(KafkaTimeoutError, match="was not read"):
        await log.read_until(1)


async def test_a_change_is_the_next_revision_with_actor_and_reason(world: World) -> None:
    change = await world.change(partial(set_to, enabled=True, percentage=1_000))
    assert (change.before, change.after) == (OFF, replace(ON, revision=1))
    (kept,) = (await world.editor())._log.revisions.accepted
    assert (kept.actor, kept.reason, kept.time) == ("anna", "since I say so", NOW)
    assert [each.after for each in world.confirmed] == [ON]


async def test_a_change_that_changes_nothing_writes_nothing(world: World) -> None:
    assert (await world.change(turn_off)).is_noop
    assert world.topic.records == []


async def test_what_widens_and_is_overtaken_fails_and_names_the_winner(world: World) -> None:
    world.topic.before_send.append([value(revision(0, "other", "bert"))])
    with pytest.raises(SupersededError, match=r"bert made revision 1 at 2026-01-31T12:00:00\+00:00 \(since I say so\)"):
        await world.change(partial(set_to, enabled=True, percentage=5_000))
    assert current_state((await world.editor())._log.revisions).percentage == 1_000


async def test_what_widens_is_not_even_written_when_somebody_was_faster_while_it_was_confirmed(world: World) -> None:
    editor = await world.editor()

    def confirm(_: Change) -> None:
        world.topic.write(value(revision(0, "other", "bert")))

    with pytest.raises(SupersededError, match="bert"):
        await editor.change(partial(set_to, enabled=True, percentage=1), ANNA, confirm)
    assert len(world.topic.records) == 1


async def test_what_narrows_is_done_on_whatever_the_state_is_by_then(world: World) -> None:
    await world.change(partial(set_to, enabled=True, percentage=1_000))
    for number in range(3):
        faster = revision(1 + number, f"other-{number}", "bert", percentage=2_000 + number)
        world.topic.before_send.append([value(faster)])
    change = await world.change(turn_off)
    assert (change.after.enabled, change.after.percentage, change.after.revision) == (False, 2_002, 5)
    assert len(world.confirmed) == 1


async def test_what_narrowed_what_was_shown_and_would_widen_what_is_there_now_fails(world: World) -> None:
    await world.change(partial(set_to, enabled=True, percentage=5_000))
    world.topic.before_send.append([value(revision(1, "other", "bert", percentage=100))])
    with pytest.raises(SupersededError, match="bert"):
        await world.change(partial(set_to, percentage=2_000))


async def test_a_stale_revision_is_refused_with_who_changed_it_and_one_to_come_too(world: World) -> None:
    await world.change(partial(set_to, enabled=True))
    with pytest.raises(SupersededError, match="anna made revision 1"):
        await world.change(partial(set_to, percentage=100), expected=0)
    with pytest.raises(RefusedError, match="is at revision 1"):
        await world.change(partial(set_to, percentage=100), expected=2)
    assert (await world.change(partial(set_to, percentage=100), expected=1)).after.revision == 2


async def test_a_record_that_was_not_acknowledged_and_is_there_counts(world: World) -> None:
    editor = await world.editor()
    written: list[bytes] = []
    send = world.topic.send_and_wait

    async def lost_acknowledgement(topic: str, value: bytes, partition: int) -> Any:
        await send(topic, value, partition)
        written.append(value)
        raise KafkaTimeoutError

    world.topic.send_and_wait = lost_acknowledgement  # type: ignore[method-assign]
    assert (await editor.change(partial(set_to, enabled=True), ANNA, world.confirmed.append)).after.revision == 1
    assert len(written) == 1


async def test_a_record_that_was_not_acknowledged_and_is_not_there_fails(world: World) -> None:
    world.topic.fails.append(KafkaTimeoutError())
    with pytest.raises(KafkaTimeoutError):
        await world.change(partial(set_to, enabled=True))


@pytest.mark.parametrize("provenance", [Provenance(""), Provenance("a\x00"), Provenance("anna", "x" * 1001)])
async def test_an_author_that_cannot_be_written_is_refused(world: World, provenance: Provenance) -> None:
    with pytest.raises(ValidationError):
        await (await world.editor()).change(partial(set_to, enabled=True), provenance, world.confirmed.append)
    assert world.topic.records == []


async def test_two_writers_at_once_make_one_history(world: World) -> None:
    one, other = await world.editor(), await world.editor()
    await one.change(partial(set_to, enabled=True, percentage=10), ANNA, world.confirmed.append)
    with pytest.raises(SupersededError, match="anna"):
        await other.write(OFF, ON, Provenance("bert"))
    assert [each.actor for each in other._log.revisions.accepted] == ["anna"]


async def test_a_worker_adopts_what_the_topic_says_before_anything_else(world: World) -> None:
    world.topic.write(value(revision(0, percentage=2_500)))
    current = CurrentRollout()
    follower = world.follower(current)
    assert not follower.known.is_set()
    await follower.start()
    assert follower.known.is_set()
    assert current.state == replace(ON, percentage=2_500, revision=1)
    assert (world.gauge("tts_rollout_revision"), world.gauge("tts_rollout_percentage")) == (1, 25)
    assert len(world.topic.records) == 1


async def test_an_empty_topic_is_seeded_from_the_variables(world: World) -> None:
    current = CurrentRollout()
    await world.follower(current, ON).start()
    assert current.state == replace(ON, revision=1)
    (seeded,) = (await world.editor())._log.revisions.accepted
    assert (seeded.actor, seeded.reason) == ("worker 1", "first start")


async def test_who_seeds_too_late_adopts_what_the_first_one_wrote(world: World) -> None:
    world.topic.before_send.append([value(revision(0, "other", "worker 2", percentage=9))])
    current = CurrentRollout()
    await world.follower(current, ON).start()
    assert current.state.percentage == 9


async def test_a_change_reaches_the_jobs_that_begin_after_it(world: World) -> None:
    current = CurrentRollout()
    follower = world.follower(current)
    await follower.start()
    await world.change(turn_off)
    with capture_logs() as logs:
        await following(follower, lambda: current.state.revision == 2)
    assert not current.state.enabled
    assert world.gauge("tts_rollout_percentage") == 0
    (logged,) = (line for line in logs if line["event"] == "rollout")
    assert (logged["revision"], logged["actor"], logged["rollout"]) == (2, "anna", "Chirp is off: no user gets it")


async def test_the_hand_brake_wins_over_every_revision(world: World) -> None:
    current = CurrentRollout(OFF, braked=True)
    follower = world.follower(current)
    await follower.start()
    await world.change(partial(set_to, percentage=9_000))
    await following(follower, lambda: current.state.revision == 2)
    assert (current.state.braked, current.state.enabled, current.state.percentage) == (True, True, 9_000)
    assert world.gauge("tts_rollout_percentage") == 0


async def test_while_the_topic_is_out_of_reach_the_last_state_stays_its_age_grows_and_it_is_logged_once(
    world: World,
) -> None:
    current = CurrentRollout()
    follower = world.follower(current)
    world.metrics.track_rollout_age(follower.age_s)
    await follower.start()
    world.topic.opens = [KafkaConnectionError("gone"), OSError("gone"), TopicError("gone"), *[OSError("gone")] * 30]
    before = current.state
    with capture_logs() as logs:
        await following(follower, lambda: len(world.topic.opens) < 5)
        assert current.state is before
        assert (world.gauge("tts_rollout_state_age_seconds") or 0) > 5
        await world.change(turn_off)
        world.topic.opens.clear()
        await following(follower, lambda: current.state.revision == 2)
    assert follower.age_s() < 2
    assert [line["event"] for line in logs].count("rollout_unreachable") == 1
    assert [line["event"] for line in logs].count("rollout_reachable") == 1


async def test_a_worker_that_can_t_reach_the_topic_says_so_until_it_can(world: World) -> None:
    current = CurrentRollout()
    follower = world.follower(current)
    assert follower.problem() is None
    await follower.start()
    assert follower.problem() is None
    world.topic.at += 31
    assert follower.problem() == (
        "rollout: the topic hasn't answered for 31 s; jobs are decided by revision 1, which may be old, until Kafka "
        "answers"
    )
    await following(follower, lambda: follower.age_s() < 1)
    assert follower.problem() is None


async def test_a_worker_that_doesn_t_know_what_a_newer_one_wrote_says_so_until_it_follows_again(world: World) -> None:
    current = CurrentRollout()
    follower = world.follower(current)
    await follower.start()
    # The record of revision 2 can't be read, so that revision 3 changes one that isn't there.
    world.topic.write(b"a newer version", value(revision(2, "three")))
    await following(follower, lambda: follower.problem() is not None)
    assert follower.problem() == (
        "rollout: revision 3 in the topic changes one that this worker doesn't know; it stays at revision 1: update "
        "chirp-worker here, or see `rollout history`"
    )
    world.topic.write(value(revision(1, "two")))
    await following(follower, lambda: current.state.revision == 2)
    assert follower.problem() is None


async def test_a_topic_that_was_emptied_says_nothing_and_the_last_state_stays(world: World) -> None:
    current = CurrentRollout()
    follower = world.follower(current)
    await follower.start()
    world.topic.records.clear()
    opened = world.topic.opened
    with capture_logs() as logs:
        await following(follower, lambda: world.topic.at > 3 and world.topic.opened > opened)
    assert current.state.revision == 1
    assert "rollout_went_back" in [line["event"] for line in logs]


async def test_records_that_are_no_revisions_or_change_an_unknown_one_are_logged(world: World) -> None:
    world.topic.write(b"rubbish", value(revision(7)), value(revision(0)), value(revision(0, "late")))
    with capture_logs() as logs:
        await world.follower(CurrentRollout()).start()
    passed_over = [line for line in logs if line["event"] == "rollout_record_passed_over"]
    assert [line["why"] for line in passed_over] == [passed_over[0]["why"], "base 7"]
    assert "Invalid JSON" in passed_over[0]["why"]
