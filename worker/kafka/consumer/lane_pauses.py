"""Pauses a lane of invalid records, instead of sending them all to the dead letters.

The idea is that of Arroyo's DLQ limit.
"""

import structlog

from schemas.enums import Lane
from worker.jobs.outcome import Outcome
from worker.kafka.client.topics import Source
from worker.kafka.consumer.bad_input import BadInput, BadInputLimit
from worker.kafka.consumer.record import Record
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics

_log = structlog.get_logger(__name__)

_Place = tuple[str, int, int]


def _place(record: Record) -> _Place:
    return record.topic, record.partition, record.offset


class LanePauses:
    """The lanes of one worker and their pauses."""

    def __init__(self, limit: BadInputLimit, metrics: Metrics, clock: Clock) -> None:
        self._bad_input = {lane: BadInput(limit) for lane in Lane}
        self._limit = limit
        self._metrics = metrics
        self._clock = clock
        self._probes: dict[Lane, set[_Place]] = {lane: set() for lane in Lane}

    def allow(self, source: Source) -> bool:
        """Whether a source may be read. Retries continue while their lane is paused: they were valid jobs."""
        return source.delay is not None or not self._bad_input[source.lane].paused

    @property
    def paused(self) -> list[Lane]:
        """The lanes that are paused because of invalid records."""
        return [lane for lane in Lane if self._bad_input[lane].paused]

    def to_probe(self, lane: Lane) -> bool:
        """Whether the lane is paused and a probe of one record is due."""
        return self._bad_input[lane].may_probe(self._clock.monotonic())

    def probed(self, record: Record) -> None:
        """Records that a probe of a paused lane was taken, and schedules the next one."""
        self._bad_input[record.lane].probed(self._clock.monotonic())
        self._probes[record.lane].add(_place(record))

    def ended(self, record: Record, outcome: Outcome) -> None:
        """Records whether a record was a valid job. Records of retry topics don't count: they were valid before."""
        if record.delay is not None:
            return
        bad_input, probes = self._bad_input[record.lane], self._probes[record.lane]
        # A record taken before the pause doesn't end it. Those still running are valid jobs: invalid ones end at once.
        if bad_input.paused and _place(record) not in probes:
            return
        probes.discard(_place(record))
        if bad_input.noted(bad=outcome.rejected, now=self._clock.monotonic()):
            self._record_change(record.lane)

    def resume(self, lane: Lane) -> bool:
        """Ends a lane's pause.

        Returns:
            Whether the lane was paused.
        """
        resumed = self._bad_input[lane].resume()
        if resumed:
            self._record_change(lane)
        return resumed

    def _record_change(self, lane: Lane) -> None:
        paused = self._bad_input[lane].paused
        self._probes[lane].clear()
        self._metrics.lane_paused.labels(lane).set(paused)
        if paused:
            _log.error(
                "lane_paused",
                lane=lane.value,
                detail=f"at least {self._limit.share:.0%} of its last {self._limit.window} records were invalid: "
                f"check their producer and this worker's version. One record every {self._limit.probe_s:g} s is tried; "
                f"`chirp-worker lane resume {lane.value}` ends the pause",
            )
        else:
            _log.warning("lane_resumed", lane=lane.value)
