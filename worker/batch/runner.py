"""The run of a batch: jobs into the lane, a bounded number under way, and what became of them into the book."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.job import Job
from worker.batch.kafka_lane import BatchLane, ends_of, in_lane, open_lane
from worker.batch.line_status import LineStatus, line_states, next_job
from worker.batch.manifest import Entry, Sent, entry_of
from worker.batch.state import WritableBatchState
from worker.batch.voice_selection import VoicedLine, VoiceSelector
from worker.config.sections import KafkaSettings
from worker.lifecycle.clock import Clock
from worker.pricing.google_terms import list_price

WINDOW: Final = 500
"""Jobs under way at most. More would wait in the lane all the same, and a stop would leave more of them behind."""
_AT_ONCE: Final = 100
_WRITE_EVERY_S: Final = 5.0
# The manifest of 20,000 lines takes a quarter of a second: it is not to take more than this share of the time.
_WRITING_SHARE: Final = 0.05


@dataclass
class Tally:
    """What a run has come to so far: lines, and dollars at list price."""

    total: int
    done: int = 0
    cached: int = 0
    fallback: int = 0
    failed: int = 0
    dollars: float = 0.0

    @property
    def ended(self) -> int:
        """Lines that were heard of."""
        return self.done + self.failed

    def add(self, entry: Entry) -> None:
        """Counts a line that has ended."""
        self.done += entry.is_done
        self.failed += not entry.is_done
        self.cached += entry.cached
        self.fallback += entry.fallback
        self.dollars += list_price(entry.billed)


RunObserver = Callable[[Tally], None]
"""Is shown the tally whenever it has changed, and now and then."""


class BatchRunner:
    """Makes lines until all have ended, or it is stopped.

    Args:
        book: of the batch.
        casts: the script's lines.
        casting: knows how lines stand.
        wanted: which standings are to be made, at once or when the line's job under way has ended.
        stored: keys of takes that are known to be there.
        clock: for the pauses between two manifests.
        keep_others: the manifest keeps its entries of lines that aren't among the casts.
    """

    def __init__(
        self,
        book: WritableBatchState,
        casts: Sequence[VoicedLine],
        casting: VoiceSelector,
        *,
        wanted: Collection[LineStatus],
        stored: Collection[str],
        clock: Clock,
        keep_others: bool = False,
    ) -> None:
        self._book = book
        self._keep_others = keep_others
        self._casts = {cast.line.id: cast for cast in casts}
        self._casting = casting
        self._wanted = frozenset(wanted)
        self._clock = clock
        self._stopping = False
        self._stored = set(stored)
        # Lines whose take another job is making: they find it when that has ended, and nothing is paid for twice.
        self._behind: dict[str, list[VoicedLine]] = {}
        self._written_at = clock.monotonic()
        self._writing_s = 0.0
        to_make = [s for s in line_states(casts, book.entries, book.lines_under_way, casting) if s.then in self._wanted]
        self._queue = deque(each.cast for each in to_make if each.standing is not LineStatus.UNDER_WAY)
        # No others are made again, whatever their jobs come to: they were in no price that anybody said yes to.
        self._outdated = {each.cast.line.id: each.cast for each in to_make if each.standing is LineStatus.UNDER_WAY}
        self.tally = Tally(total=len(self._queue) + len(book.under_way))

    def stop(self) -> None:
        """Ends it soon; jobs that are under way are waited for when it is run again."""
        self._stopping = True

    async def run(self, lane: BatchLane, watch: RunObserver) -> None:
        """Sends, waits, notes.

        Args:
            lane: open, and read up to where the book says.
            watch: is shown the tally.

        Raises:
            KafkaError, UnavailableError, OSError: Kafka or the disk fails; run again, it goes on where it was.
        """
        watch(self.tally)
        while (self._queue or self._behind or self._book.under_way) and not self._stopping:
            await self._send(lane)
            await self._hear(lane)
            watch(self.tally)

    async def _send(self, lane: BatchLane) -> None:
        while self._queue and len(self._book.under_way) < WINDOW and not self._stopping:
            busy = {sent.key for sent in self._book.under_way.values()} - self._stored
            jobs: list[Job] = []
            notes: list[Sent] = []
            while self._queue and len(notes) < min(_AT_ONCE, WINDOW - len(self._book.under_way)):
                cast = self._queue.popleft()
                if cast.key in busy:
                    self._behind.setdefault(cast.key, []).append(cast)
                    continue
                if cast.key not in self._stored:
                    busy.add(cast.key)
                job, note = next_job(cast, self._book.entries.get(cast.line.id))
                jobs.append(job)
                notes.append(note)
            if notes:
                # Before they are sent: a command that is killed in between looks into the lane when it comes back.
                await asyncio.to_thread(self._book.sending, notes)
                await lane.send(jobs)

    async def _hear(self, lane: BatchLane) -> None:
        completions = await lane.completions(self._book.under_way)
        # Delivery is at least once: of two that came together the first counts.
        heard = {each.job_id: each for each in reversed(completions)}
        entries = [entry_of(self._book.under_way[job_id], completion) for job_id, completion in heard.items()]
        if not entries:
            return
        keys = {self._book.under_way[entry.job_id].key for entry in entries}
        await asyncio.to_thread(self._book.ended, entries, lane.positions)
        for entry in entries:
            self.tally.add(entry)
        self._stored |= {entry.key for entry in entries if entry.is_done}
        for key in keys:
            self._queue.extend(self._behind.pop(key, ()))
        self._send_again(entries)
        await self._write_sometimes()

    def _send_again(self, entries: Sequence[Entry]) -> None:
        """A line that has changed while its job was under way, before this run, is made as it is now."""
        before = [self._outdated.pop(entry.line) for entry in entries if entry.line in self._outdated]
        stands = line_states(before, self._book.entries, {}, self._casting)
        # A worker may have decided by then as this run does: that one isn't made again.
        again = [each.cast for each in stands if each.standing in self._wanted]
        self._queue.extend(again)
        self.tally.total += len(again)

    async def _write_sometimes(self) -> None:
        pause = max(_WRITE_EVERY_S, self._writing_s / _WRITING_SHARE)
        if self._clock.monotonic() - self._written_at < pause:
            return
        began = self._clock.monotonic()
        await asyncio.to_thread(self._book.write, self._casts, keep_others=self._keep_others)
        self._written_at = self._clock.monotonic()
        self._writing_s = self._written_at - began


async def speak(
    night: BatchRunner, book: WritableBatchState, settings: KafkaSettings, clock: Clock, watch: RunObserver
) -> None:
    """Opens the lane and runs a night in it.

    Raises:
        TopicError, KafkaError, UnavailableError, OSError: Kafka or the disk fails; run again, it goes on where it was.
    """
    if not book.under_way:
        await asyncio.to_thread(book.begin, await ends_of(settings))
    async with open_lane(settings, book.positions.completions, clock) as lane:
        await night.run(lane, watch)


async def catch_up(book: WritableBatchState, settings: KafkaSettings, clock: Clock) -> None:
    """Learns what became of the jobs of a run that was stopped or killed.

    Of those that nothing was heard of, the ones that never got into the lane are noted as unsent.

    Raises:
        KafkaError, UnavailableError, OSError: Kafka or the disk fails.
    """
    ends = (await ends_of(settings)).completions
    async with open_lane(settings, book.positions.completions, clock) as lane:
        completions = await lane.completions_to_end(book.under_way, ends)
        heard = {each.job_id: each for each in reversed(completions)}
        entries = [entry_of(book.under_way[job_id], completion) for job_id, completion in heard.items()]
        await asyncio.to_thread(book.ended, entries, lane.positions)
    if book.under_way:
        there = await in_lane(settings, book.positions.lane, book.under_way)
        lost = book.under_way.keys() - there
        if lost:
            await asyncio.to_thread(book.unsent, lost)
