"""A take that many ask for at once is made once, whoever of them fails, is cancelled, or can't wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from schemas.completion import Attempt
from schemas.enums import AttemptResult, AudioEncoding, FailureClass
from tests.unit.makers import CHIRP
from tests.unit.world import NOW
from worker.jobs.single_flight import SingleFlight, StillInFlightError
from worker.jobs.take_result import FailedAttempt, Taken, TakeResult, is_transient
from worker.speech.failures import Failure
from worker.storage.errors import StorageUnavailableError
from worker.storage.takes import StoredTake

TAKE = Taken(StoredTake("k", 7, "ff", 1.0, AudioEncoding.LINEAR16, 24000, "v"), cached=False)


def failing(failure_class: FailureClass) -> FailedAttempt:
    attempt = Attempt(
        id="a",
        voice_model=CHIRP,
        voice="v",
        result=AttemptResult.ERROR,
        failure_class=failure_class,
        code="X",
        calls=1,
        seconds=0.1,
        billed_characters=0,
        ended_at=NOW,
    )
    return FailedAttempt(Failure(failure_class, "X", "no"), attempt)


async def let_others_run() -> None:
    """So many turns of the loop that all other tasks have come to where they wait, on a busy machine too."""
    for _ in range(20):
        await asyncio.sleep(0)


class Desk:
    """Jobs that ask for one take; each makes when `go` is set, and what comes of it stands in `results` in turn."""

    def __init__(self, *results: TakeResult | RuntimeError) -> None:
        self.flights: SingleFlight[TakeResult] = SingleFlight(is_transient)
        self.results = list(results)
        self.go = asyncio.Event()
        self.makers: list[int] = []

    def ask(self, number: int, patience_s: float | None = None) -> asyncio.Task[Any]:
        async def make() -> TakeResult:
            self.makers.append(number)
            await self.go.wait()
            await asyncio.sleep(0)
            result = self.results.pop(0)
            if isinstance(result, RuntimeError):
                raise result
            return result

        return asyncio.create_task(self.flights.run("k", make, patience_s=patience_s))

    async def all(self, count: int) -> list[Any]:
        requested = [self.ask(number) for number in range(count)]
        await asyncio.sleep(0)
        self.go.set()
        return await asyncio.gather(*requested)


async def test_a_hundred_that_ask_at_once_get_what_one_of_them_made() -> None:
    desk = Desk(TAKE)
    assert await desk.all(100) == [(TAKE, True), *[(TAKE, False)] * 99]
    assert desk.makers == [0]


async def test_those_that_wait_say_so_and_the_one_that_makes_it_does_not() -> None:
    desk = Desk(TAKE)
    waits: list[str] = []

    @contextmanager
    def waiting() -> Iterator[None]:
        waits.append("begins")
        yield
        waits.append("ends")

    first = desk.ask(0)
    await asyncio.sleep(0)
    second = asyncio.create_task(desk.flights.run("k", desk.go.wait, patience_s=None, waiting=waiting))
    await asyncio.sleep(0)
    assert waits == ["begins"]
    desk.go.set()
    assert [await first, await second] == [(TAKE, True), (TAKE, False)]
    assert waits == ["begins", "ends"]


async def test_who_asks_later_makes_it_anew() -> None:
    desk = Desk(TAKE, TAKE)
    await desk.all(2)
    await desk.all(2)
    assert desk.makers == [0, 0]


async def test_another_take_waits_for_nobody() -> None:
    desk = Desk(TAKE)
    first = desk.ask(0)
    await asyncio.sleep(0)

    async def make() -> TakeResult:
        return TAKE

    assert await desk.flights.run("another", make, patience_s=None) == (TAKE, True)
    desk.go.set()
    await first


@pytest.mark.parametrize("failure_class", [FailureClass.TRANSIENT, FailureClass.BAD_AUDIO])
async def test_bad_luck_is_tried_once_more_by_one_of_those_that_wait_and_then_shared(failure_class: Any) -> None:
    bad = failing(failure_class)
    desk = Desk(bad, bad)
    assert await desk.all(100) == [(bad, True), (bad, True), *[(bad, False)] * 98]
    assert desk.makers == [0, 1]
    lucky = Desk(bad, TAKE)
    assert [made for made, _ in await lucky.all(100)] == [bad, *[TAKE] * 99]


@pytest.mark.parametrize(
    "failure_class", [FailureClass.INVALID, FailureClass.TIMEOUT, FailureClass.QUOTA, FailureClass.DENIED]
)
async def test_what_another_call_would_meet_too_or_wait_as_long_for_is_shared_at_once(failure_class: Any) -> None:
    bad = failing(failure_class)
    desk = Desk(bad)
    assert await desk.all(100) == [(bad, True), *[(bad, False)] * 99]


async def test_the_stores_failure_is_shared() -> None:
    down = StorageUnavailableError("no")
    assert await Desk(down).all(3) == [(down, True), (down, False), (down, False)]


async def test_when_the_maker_is_cancelled_the_next_makes_it_and_the_others_wait_for_that() -> None:
    desk = Desk(TAKE)
    requested = [desk.ask(number) for number in range(5)]
    await asyncio.sleep(0)
    requested[0].cancel()
    await let_others_run()
    assert desk.makers == [0, 1]
    desk.go.set()
    assert await asyncio.gather(*requested[1:]) == [(TAKE, True), *[(TAKE, False)] * 3]
    assert requested[0].cancelled()


async def test_when_one_that_waits_is_cancelled_nobody_else_notices() -> None:
    desk = Desk(TAKE)
    requested = [desk.ask(number) for number in range(3)]
    await asyncio.sleep(0)
    requested[1].cancel()
    await asyncio.sleep(0)
    desk.go.set()
    assert await requested[0] == (TAKE, True)
    assert await requested[2] == (TAKE, False)
    assert requested[1].cancelled()


async def test_when_all_are_cancelled_at_once_nothing_is_made_and_nothing_is_left() -> None:
    desk = Desk(TAKE)
    requested = [desk.ask(number) for number in range(5)]
    await asyncio.sleep(0)
    for task in requested:
        task.cancel()
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*requested, return_exceptions=True)
    )
    assert desk.makers == [0]
    desk.go.set()
    assert await desk.ask(9) == (TAKE, True)


async def test_an_error_of_the_maker_is_its_own_and_the_next_makes_it() -> None:
    desk = Desk(RuntimeError("mine"), TAKE)
    requested = [desk.ask(number) for number in range(3)]
    desk.go.set()
    first, *others = await asyncio.gather(*requested, return_exceptions=True)
    assert isinstance(first, RuntimeError)
    assert others == [(TAKE, True), (TAKE, False)]


async def test_who_can_not_wait_any_more_leaves_and_the_others_stay() -> None:
    desk = Desk(TAKE)
    maker, impatient, patient = desk.ask(0), desk.ask(1, 0.01), desk.ask(2, 60)
    with pytest.raises(StillInFlightError):
        await impatient
    desk.go.set()
    assert await asyncio.gather(maker, patient) == [(TAKE, True), (TAKE, False)]


async def test_patience_is_for_waiting_and_not_for_making() -> None:
    desk = Desk(TAKE)
    mine = desk.ask(0, 0.0)
    await let_others_run()
    desk.go.set()
    assert await mine == (TAKE, True)
