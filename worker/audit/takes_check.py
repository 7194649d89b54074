"""Checks takes: what is stored against its own metadata, and what completions tell against the store."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final

from worker.audit.take_inspection import CORRUPT, IMPLAUSIBLE, find_fault
from worker.cli import terminal as console
from worker.config.settings import Settings
from worker.kafka.scan.find_takes import referenced_takes
from worker.storage.client import connect_store
from worker.storage.errors import NotATakeError
from worker.storage.take_store import TakeStore

MISSING: Final = "missing"
KINDS: Final = (MISSING, CORRUPT, IMPLAUSIBLE)
# Each may be a whole half hour in memory.
_AT_ONCE: Final = 4
_CONNECTIONS: Final = 8
# Of a bucket that is all wrong the first ones tell enough.
_KEPT_FAULTS: Final = 1000


@dataclass(frozen=True)
class Fault:
    """What is wrong with one take; `kind` is one of `KINDS`."""

    kind: str
    key: str
    detail: str


class KeySample:
    """Draws some of many keys, each as likely as any other, however many come; or takes all.

    Args:
        size: how many; None for all.
        random: draws.

    Attributes:
        seen: how many came.
    """

    def __init__(self, size: int | None, random: Random) -> None:
        self.seen = 0
        self._size = size
        self._random = random

    async def of(self, batches: AsyncGenerator[list[str], None]) -> AsyncGenerator[list[str], None]:
        """The keys that were drawn, at the end, or all as they come; a key that came twice may stand there twice."""
        drawn: list[str] = []
        async with aclosing(batches):
            async for batch in batches:
                if self._size is None:
                    self.seen += len(batch)
                    yield batch
                else:
                    self._draw(batch, drawn, self._size)
        if drawn:
            yield drawn

    def _draw(self, batch: list[str], drawn: list[str], size: int) -> None:
        for key in batch:
            self.seen += 1
            if len(drawn) < size:
                drawn.append(key)
            elif (place := self._random.randrange(self.seen)) < size:
                drawn[place] = key


class TakesCheck:
    """Looks at takes, a few at once.

    Args:
        store: where they are.
        progress: is told how many of a group are looked at, and how many it has.

    Attributes:
        counts: the faults by kind.
        faults: the first thousand of them.
        checked: how many takes were looked at.
    """

    def __init__(self, store: TakeStore, progress: Callable[[int, int], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: list[Fault] = []
        self.checked = 0
        self._store = store
        self._progress = progress

    async def stored(self, keys: Iterable[str]) -> None:
        """Fetches takes and holds each against its metadata; one that was deleted meanwhile is none.

        Raises:
            StorageError: the store doesn't give them.
        """
        await self._each(keys, self._inspect)

    async def told(self, keys: Iterable[str]) -> None:
        """Asks for takes that completions tell of.

        Raises:
            StorageError: the store doesn't answer.
        """
        await self._each(keys, self._ask)

    async def _each(self, keys: Iterable[str], look_at: Callable[[str], Awaitable[Fault | None]]) -> None:
        distinct = list(dict.fromkeys(keys))
        waiting, done = iter(distinct), 0

        async def one_after_the_other() -> None:
            nonlocal done
            for key in waiting:
                try:
                    fault = await look_at(key)
                except NotATakeError:
                    fault = Fault(CORRUPT, key, "it has no take's metadata: somebody else put it there")
                if fault is not None:
                    self._note(fault)
                done += 1
                self.checked += 1
                self._progress(done, len(distinct))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(one_after_the_other())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    def _note(self, fault: Fault) -> None:
        self.counts[fault.kind] += 1
        if len(self.faults) < _KEPT_FAULTS:
            self.faults.append(fault)

    async def _inspect(self, key: str) -> Fault | None:
        found = await self._store.fetch_whole(key)
        wrong = None if found is None else await asyncio.to_thread(find_fault, *found)
        return None if wrong is None else Fault(wrong[0], key, wrong[1])

    async def _ask(self, key: str) -> Fault | None:
        if await self._store.look_up(key) is not None:
            return None
        return Fault(MISSING, key, "a completion tells of it, and it isn't in the store")


async def check_takes(
    settings: Settings, size: int | None, since: datetime | None, *, stored_only: bool
) -> dict[str, Any]:
    """Looks at what is stored, and at what completions tell of.

    Args:
        settings: of the deployment.
        size: how many of each; None for all.
        since: of the completions; None for all of them.
        stored_only: Kafka isn't asked.

    Returns:
        How many there are, were looked at, and are at fault by kind; and the `faults`.
    """
    storage = settings.storage
    prefix = f"{storage.prefix}/" if storage.prefix else ""
    of_stored, of_told = KeySample(size, Random()), KeySample(size, Random())
    async with connect_store(storage, _CONNECTIONS) as store:
        with console.progress("checking the takes") as progress:
            check = TakesCheck(store, progress)
            # All are looked at as they are listed; a sample is drawn from the whole list.
            listed = store.keys(prefix) if size is None else _counted(store.keys(prefix), progress)
            async with aclosing(of_stored.of(listed)) as drawn:
                async for keys in drawn:
                    await check.stored(keys)
            stored_checked = check.checked
            if not stored_only:
                told = referenced_takes(settings.kafka, store.bucket, prefix, since, progress)
                async with aclosing(of_told.of(told)) as drawn:
                    async for keys in drawn:
                        await check.told(keys)
    return {
        "stored": of_stored.seen,
        "stored_checked": stored_checked,
        "told": of_told.seen,
        "told_checked": check.checked - stored_checked,
        **{kind: check.counts[kind] for kind in KINDS},
        "faults": [{"fault": each.kind, "key": each.key, "detail": each.detail} for each in check.faults],
    }


async def _counted(
    batches: AsyncGenerator[list[str], None], progress: Callable[[int, None], None]
) -> AsyncGenerator[list[str], None]:
    count = 0
    async with aclosing(batches):
        async for batch in batches:
            count += len(batch)
            progress(count, None)
            yield batch
