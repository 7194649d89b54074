"""Which takes are looked at, and what is found, however many there are."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncGenerator
from random import Random
from typing import Any

import pytest

from schemas.enums import AudioEncoding
from tests.unit.makers import audio
from worker.audit.key_sample import KeySample
from worker.audit.take_inspection import CORRUPT, IMPLAUSIBLE
from worker.audit.takes_check import MISSING, UNKNOWN, TakesCheck
from worker.storage.errors import NotATakeError, StorageRefusedError, StorageUnavailableError, StoreUnusableError
from worker.storage.takes import StoredTake

SOUND = audio(AudioEncoding.OGG_OPUS, 0.5)


async def batches(count: int, size: int = 7) -> AsyncGenerator[list[str], None]:
    keys = [f"k{number}" for number in range(count)]
    for start in range(0, count, size):
        yield keys[start : start + size]


async def drawn(size: int | None, count: int, random: Random | None = None) -> tuple[list[str], KeySample]:
    drawing = KeySample(size, random or Random(1))
    return [key async for batch in drawing.draw(batches(count)) for key in batch], drawing


@pytest.mark.parametrize(("size", "count"), [(10, 1000), (10, 10), (10, 3), (1, 50), (10, 0)])
async def test_so_many_are_drawn_each_once_or_all_where_there_are_no_more(size: int, count: int) -> None:
    keys, drawing = await drawn(size, count)
    assert len(keys) == len(set(keys)) == min(size, count)
    assert drawing.seen == count


async def test_all_are_taken_in_their_batches() -> None:
    keys, drawing = await drawn(None, 1000)
    assert keys == [f"k{number}" for number in range(1000)]
    assert drawing.seen == 1000


async def test_each_key_is_drawn_as_often_as_any_other() -> None:
    random = Random(1)
    times: Counter[str] = Counter()
    for _ in range(3000):
        times.update((await drawn(5, 20, random))[0])
    # 750 each, with a standard deviation of 24.
    assert len(times) == 20
    assert all(abs(each - 750) < 5 * 24 for each in times.values())


class Store:
    """Takes by key; an error stands for what the store answers with."""

    def __init__(self, **takes: tuple[StoredTake, bytes] | Exception) -> None:
        self.takes = takes
        self.requested: list[str] = []

    async def fetch_whole(self, key: str) -> tuple[StoredTake, bytes] | None:
        self.requested.append(key)
        await asyncio.sleep(0)
        found = self.takes.get(key)
        if isinstance(found, Exception):
            raise found
        return found

    async def look_up(self, key: str) -> StoredTake | None:
        found = await self.fetch_whole(key)
        return found and found[0]


def stored(key: str, data: bytes = SOUND, seconds: float = 0.5) -> tuple[StoredTake, bytes]:
    sha256 = hashlib.sha256(SOUND).hexdigest()
    return StoredTake(key, len(data), sha256, seconds, AudioEncoding.OGG_OPUS, 24000, "v"), data


def checking(**takes: Any) -> tuple[TakesCheck, Store, list[tuple[int, int]]]:
    store: Any = Store(**takes)
    reported: list[tuple[int, int]] = []
    return TakesCheck(store, lambda done, total: reported.append((done, total)), sleep=_pass), store, reported


async def _pass(_: float) -> None:
    return


async def test_each_kind_of_fault_is_told_by_its_key() -> None:
    check, _, reported = checking(
        well=stored("well"),
        cut=stored("cut", SOUND[:-9]),
        long=stored("long", seconds=9.0),
        foreign=NotATakeError("foreign"),
    )
    await check.check_stored(["well", "cut", "long", "foreign", "deleted-meanwhile"])
    await check.check_referenced(["well", "gone"])
    assert {fault.key: fault.kind for fault in check.faults} == {
        "cut": CORRUPT,
        "long": IMPLAUSIBLE,
        "foreign": CORRUPT,
        "gone": MISSING,
    }
    assert check.counts == {CORRUPT: 2, IMPLAUSIBLE: 1, MISSING: 1}
    assert check.checked == 7
    assert reported == [*((number, 5) for number in range(1, 6)), (1, 2), (2, 2)]


async def test_a_key_that_was_told_often_is_asked_for_once() -> None:
    check, store, _ = checking(a=stored("a"))
    await check.check_referenced(["a"] * 50)
    assert store.requested == ["a"]


async def test_a_bucket_that_is_all_wrong_is_counted_whole_and_its_first_faults_kept() -> None:
    check, _, _ = checking()
    await check.check_referenced(f"k{number}" for number in range(5000))
    assert check.counts[MISSING] == 5000
    assert len(check.faults) == 1000


TIMED_OUT = StorageUnavailableError("no answer")


async def test_a_take_that_the_store_does_not_return_is_told_and_the_others_are_checked() -> None:
    check, store, _ = checking(bad=TIMED_OUT, closed=StorageRefusedError("403"), well=stored("well"))
    await check.check_stored(["bad", "closed", "well", *(f"k{number}" for number in range(100))])
    assert {fault.key: fault.kind for fault in check.faults} == {"bad": UNKNOWN, "closed": UNKNOWN}
    assert "couldn't be checked: no answer" in check.faults[-1].detail
    assert (check.checked, store.requested.count("bad"), store.requested.count("closed")) == (103, 3, 1)


async def test_a_store_that_answers_nothing_ends_the_check_and_is_no_fault_of_a_take() -> None:
    check, store, _ = checking(**{f"k{number}": TIMED_OUT for number in range(100)})
    with pytest.raises(StorageUnavailableError):
        await check.check_stored(f"k{number}" for number in range(100))
    assert len(set(store.requested)) < 20


async def test_a_store_that_refuses_everything_ends_the_check_at_once() -> None:
    check, store, _ = checking(**{f"k{number}": StoreUnusableError("keys") for number in range(100)})
    with pytest.raises(StoreUnusableError):
        await check.check_referenced(f"k{number}" for number in range(100))
    assert len(store.requested) <= 4
