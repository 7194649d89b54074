"""Keeps a worker at the rollout that `tts.rollout` says: reads it before the first job, and follows it live."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog
from aiokafka.errors import KafkaError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from worker.kafka.client.topics import TopicError
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Sleep
from worker.observability.metrics import Metrics
from worker.rollout.current import CurrentRollout
from worker.rollout.description import described
from worker.rollout.log.codec import state_of
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.revisions import Entry, Superseded, Unreadable
from worker.rollout.log.writer import Author, RevisionWriter, SupersededError
from worker.rollout.state import OFF, RolloutState

_LONGEST_S = 2.0
_log = structlog.get_logger(__name__)

OpenLog = Callable[[], AbstractAsyncContextManager[RolloutLog]]
EditorOf = Callable[[RolloutLog], RevisionWriter]


class Follower:
    """Follows the topic; while it can't be read, the last state stays.

    Args:
        open_log: opens the log at its beginning.
        editor_of: seeds an empty log.
        seed: the state that the variables say.
        author: who seeds.
        current: is kept up to date.
        catalogue: the keys of all characters.
        metrics: show revision, percentage and age of the state.
        clock: of the age.
        sleep: sleeps for some seconds.
    """

    def __init__(
        self,
        *,
        open_log: OpenLog,
        editor_of: EditorOf,
        seed: RolloutState,
        author: Author,
        current: CurrentRollout,
        catalogue: frozenset[str],
        metrics: Metrics,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._open_log = open_log
        self._editor_of = editor_of
        self._seed = seed
        self._author = author
        self._current = current
        self._catalogue = catalogue
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._heard_at = clock.monotonic()
        self._told = False
        self.known = asyncio.Event()
        """Set once the topic was read to its end for the first time."""

    def age_s(self) -> float:
        """How long ago the state was known to be the current one, in seconds."""
        return max(0.0, self._clock.monotonic() - self._heard_at)

    async def start(self) -> None:
        """Reads the topic to its end, and seeds it if it is empty.

        Raises:
            TopicError: the topic can't hold a rollout.
            KafkaError: Kafka doesn't answer.
        """
        async with self._open_log() as log:
            _tell(await log.read_to_end())
            if log.fold.current is None:
                await self._seed_log(log)
            self._adopt(log)
        self.known.set()

    async def run(self) -> None:
        """Follows the topic until it is cancelled, whatever happens to it."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError, TopicError)),
            wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_S),
            sleep=self._sleep,
            before_sleep=self._tell_outage,
        )
        await retrying(self._follow)

    async def _follow(self) -> None:
        async with self._open_log() as log:
            await log.read_to_end()
            if log.fold.revision < self._current.state.revision:
                _log.warning(
                    "rollout_went_back", was=self._current.state.revision, revision=log.fold.revision,
                    detail="the topic was made anew or lost records; what it says counts",
                )  # fmt: skip
            while True:
                self._adopt(log)
                _tell(await log.more())

    async def _seed_log(self, log: RolloutLog) -> None:
        # Several workers start at once: the first seeds, the others find that they were overtaken and adopt it.
        try:
            await self._editor_of(log).write(OFF, self._seed, self._author)
        except SupersededError as error:
            _log.info("rollout_seeded_by_another", by=error.winner.actor)
        else:
            _log.info("rollout_seeded", rollout=self._seed.describe(self._catalogue))

    def _adopt(self, log: RolloutLog) -> None:
        self._heard_at = max(self._heard_at, log.heard_at)
        if self._told:
            _log.info("rollout_reachable", revision=log.fold.revision)
            self._told = False
        revision = log.fold.current
        # An empty topic says nothing: the last state stays.
        if revision is None or (self.known.is_set() and revision.revision == self._current.state.revision):
            return
        self._current.adopt(state_of(revision))
        state = self._current.state
        self._metrics.set_rollout(state.revision, 0 if state.is_off else state.percent)
        now = self._clock.now()
        _log.info(
            "rollout",
            revision=state.revision,
            rollout=described(state, self._catalogue, now),
            fallback=state.fallback,
            actor=revision.actor,
            reason=revision.reason,
        )

    def _tell_outage(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not self._told:
            self._told = True
            _log.warning(
                "rollout_unreachable",
                error=f"{type(error).__name__}: {error}",
                detail=f"going on with revision {self._current.state.revision}; trying again until it works",
            )


def _tell(entries: list[Entry]) -> None:
    for entry in entries:
        if isinstance(entry, Unreadable):
            _log.warning("rollout_record_passed_over", why=entry.why)
        elif isinstance(entry, Superseded) and entry.winner is None:
            detail = "it changes a revision that this worker never saw; is it older than who wrote it?"
            _log.warning("rollout_record_passed_over", why=f"base {entry.revision.base}", detail=detail)
