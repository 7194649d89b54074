"""The feed holds what the topics say, tells who waits of each change, and goes on after an outage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from aiokafka.errors import KafkaError

from schemas.rollout_status import RolloutStatus
from tests.unit.cli.views.test_status import status
from tests.unit.console.web.rollout.test_view import log_of
from tests.unit.rollout.controller.test_verbs import ANNA, running
from tests.unit.rollouts import HOUR, NOW
from worker.console.web.rollout.feed import RolloutFeed
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.revisions import Entry, RevisionLog, Unreadable


class Log:
    """A log whose next records a test hands over; an error is raised in their place."""

    def __init__(self, revisions: RevisionLog) -> None:
        self.revisions = revisions
        self.next: asyncio.Queue[list[Entry] | KafkaError] = asyncio.Queue()

    async def read_to_end(self) -> list[Entry]:
        return []

    async def poll(self) -> list[Entry]:
        got = await self.next.get()
        if isinstance(got, KafkaError):
            raise got
        return got


class Topics:
    def __init__(self) -> None:
        self.log = Log(log_of((running(), ANNA)))
        self.rounds: asyncio.Queue[list[RolloutStatus]] = asyncio.Queue()
        self.opened = 0

    @asynccontextmanager
    async def open_log(self) -> AsyncIterator[RolloutLog]:
        self.opened += 1
        yield cast("Any", self.log)

    async def follow(self) -> AsyncGenerator[list[RolloutStatus], None]:
        while True:
            yield await self.rounds.get()


@asynccontextmanager
async def running_feed(topics: Topics) -> AsyncIterator[RolloutFeed]:
    async def no_pause(_seconds: float) -> None:
        await asyncio.sleep(0)

    feed = RolloutFeed(topics.open_log, topics.follow, no_pause)
    task = asyncio.create_task(feed.run())
    async with asyncio.timeout(30):
        await feed.wait_for_revision(1, 30)
        yield feed
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_revision_and_a_round_wake_whoever_waits() -> None:
    topics = Topics()
    async with running_feed(topics) as feed:
        for change in (
            lambda: topics.log.next.put_nowait([Unreadable("x")]),
            lambda: topics.rounds.put_nowait([status()]),
        ):
            waiting = asyncio.create_task(feed.wait_for_change(feed.version, 30))
            await asyncio.sleep(0)
            change()
            assert await waiting
        assert feed.last_round == status()


async def test_an_empty_answer_of_kafka_is_no_change() -> None:
    topics = Topics()
    async with running_feed(topics) as feed:
        before = feed.version
        topics.log.next.put_nowait([])
        topics.rounds.put_nowait([])
        topics.log.next.put_nowait([Unreadable("x")])
        assert await feed.wait_for_change(before, 30)
        assert feed.version == before + 1


async def test_after_an_outage_the_log_is_read_again_and_known_rounds_count_once() -> None:
    topics = Topics()
    async with running_feed(topics) as feed:
        first, second = status(), status(time=NOW + HOUR)
        topics.rounds.put_nowait([first])
        while feed.last_round is None:
            await asyncio.sleep(0)
        topics.log.next.put_nowait(KafkaError("gone"))
        while topics.opened < 2:
            await asyncio.sleep(0)
        assert feed.revisions is topics.log.revisions
        topics.rounds.put_nowait([second])
        while len(feed.rounds) < 2:
            await asyncio.sleep(0)
        assert list(feed.rounds) == [first, second]


async def test_what_is_old_is_said_until_kafka_answers_again() -> None:
    topics = Topics()
    answered = asyncio.Event()

    @asynccontextmanager
    async def open_late() -> AsyncIterator[RolloutLog]:
        if not answered.is_set():
            raise KafkaError("no broker")
        yield cast("Any", topics.log)

    feed = RolloutFeed(open_late, topics.follow, lambda _seconds: asyncio.sleep(0))
    task = asyncio.create_task(feed.run())
    async with asyncio.timeout(30):
        while feed.problem is None:
            await asyncio.sleep(0)
        assert feed.problem == "KafkaError: no broker"
        answered.set()
        while feed.problem is not None:
            await asyncio.sleep(0)
    assert feed.revisions is not None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_closed_feed_ends_all_waits() -> None:
    feed = RolloutFeed(Topics().open_log, Topics().follow)
    waiting = [asyncio.create_task(feed.wait_for_change(feed.version, 60)) for _ in range(3)]
    await asyncio.sleep(0)
    feed.close()
    async with asyncio.timeout(30):
        assert await asyncio.gather(*waiting) == [False, False, False]
    assert not await feed.wait_for_change(feed.version, 60)
