"""Audit of takes: are the stored ones as their metadata says, and are those in the store that completions reference?"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from worker.audit.key_sample import KeySample
from worker.audit.take_inspection import CORRUPT, IMPLAUSIBLE, find_fault
from worker.lifecycle.dependency import Sleep
from worker.lifecycle.for_each import for_each
from worker.storage.errors import NotATakeError, StorageError
from worker.storage.many_requests import ManyRequests
from worker.storage.take_store import TakeStore

MISSING: Final = "missing"
UNKNOWN: Final = "unknown"
KINDS: Final = (MISSING, CORRUPT, IMPLAUSIBLE, UNKNOWN)
# Each take may be half an hour of audio in memory.
_AT_ONCE: Final = 4
# If everything in a bucket is wrong, the first faults are enough to see why.
_KEPT_FAULTS: Final = 1000

Progress = Callable[[int, int | None], None]
"""Reports how many of how many are done; None if the total isn't known yet."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one take; `kind` is one of `KINDS`."""

    kind: str
    key: str
    detail: str


class TakesCheck:
    """Checks takes, a few at once. One that the store doesn't return is `UNKNOWN`, and the others are checked.

    Attributes:
        counts: the faults by kind.
        faults: the first thousand of them.
        checked: how many takes were checked.
    """

    def __init__(self, store: TakeStore, progress: Progress, *, sleep: Sleep = asyncio.sleep) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[Fault] = []
        self.checked = 0
        self._store = store
        self._progress = progress
        self._requests = ManyRequests(sleep=sleep)

    async def check_stored(self, keys: Iterable[str]) -> None:
        """Fetches takes and compares each with its metadata; a take that was deleted meanwhile is no fault.

        Raises:
            StorageError: the store is down, or refuses everything.
        """
        await self._check_each(keys, self._inspect)

    async def check_referenced(self, keys: Iterable[str]) -> None:
        """Looks up takes that completions reference.

        Raises:
            StorageError: the store is down, or refuses everything.
        """
        await self._check_each(keys, self._look_up)

    async def _check_each(self, keys: Iterable[str], check: Callable[[str], Awaitable[Fault | None]]) -> None:
        distinct = list(dict.fromkeys(keys))
        done = 0

        async def check_one(key: str) -> None:
            nonlocal done
            try:
                fault = await check(key)
            except NotATakeError:
                fault = Fault(CORRUPT, key, "it has no take's metadata: the object comes from somewhere else")
            if fault is not None:
                self._add(fault)
            done += 1
            self.checked += 1
            self._progress(done, len(distinct))

        await for_each(distinct, check_one, at_once=_AT_ONCE)

    def _add(self, fault: Fault) -> None:
        self.counts[fault.kind] += 1
        if len(self.faults) < _KEPT_FAULTS:
            self.faults.append(fault)

    async def _inspect(self, key: str) -> Fault | None:
        found = await self._requests.send(lambda: self._store.fetch_whole(key))
        if isinstance(found, StorageError):
            return _unchecked(key, found)
        fault = None if found is None else await asyncio.to_thread(find_fault, *found)
        return None if fault is None else Fault(fault[0], key, fault[1])

    async def _look_up(self, key: str) -> Fault | None:
        found = await self._requests.send(lambda: self._store.look_up(key))
        if isinstance(found, StorageError):
            return _unchecked(key, found)
        return None if found else Fault(MISSING, key, "a completion references it, and it isn't in the store")


def _unchecked(key: str, error: StorageError) -> Fault:
    return Fault(UNKNOWN, key, f"it couldn't be checked: {error}")


async def check_takes(
    store: TakeStore,
    prefix: str,
    referenced: AsyncGenerator[list[str], None] | None,
    size: int | None,
    progress: Progress,
) -> dict[str, Any]:
    """Checks the takes in the store, and those that completions reference.

    Args:
        store: the bucket of the takes.
        prefix: what their keys begin with.
        referenced: the keys that completions reference, in batches; None to check the store alone.
        size: how many of each are checked; None for all.
        progress: reports how far the check is.

    Returns:
        How many takes there are, how many were checked, how many are at fault by kind; and the `faults`.
    """
    check = TakesCheck(store, progress)
    stored_sample, referenced_sample = KeySample(size, Random()), KeySample(size, Random())
    # All takes are checked while they are listed; a sample is drawn from the whole list.
    listed = store.keys(prefix) if size is None else _counted(store.keys(prefix), progress)
    async with aclosing(stored_sample.draw(listed)) as drawn:
        async for keys in drawn:
            await check.check_stored(keys)
    stored_checked = check.checked
    if referenced is not None:
        async with aclosing(referenced_sample.draw(referenced)) as drawn:
            async for keys in drawn:
                await check.check_referenced(keys)
    return {
        "stored": stored_sample.seen,
        "stored_checked": stored_checked,
        "referenced": referenced_sample.seen,
        "referenced_checked": check.checked - stored_checked,
        **{kind: check.counts[kind] for kind in KINDS},
        "faults": [{"fault": each.kind, "key": each.key, "detail": each.detail} for each in check.faults],
    }


async def _counted(batches: AsyncGenerator[list[str], None], progress: Progress) -> AsyncGenerator[list[str], None]:
    count = 0
    async with aclosing(batches):
        async for batch in batches:
            count += len(batch)
            progress(count, None)
            yield batch
