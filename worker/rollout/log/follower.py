"""Keeps a worker's rollout state up to date with `tts.rollout`: reads it before the first job, then follows it live."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import structlog
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from worker.kafka.client.denial import describe_denial
from worker.kafka.client.topics import TopicError
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Sleep
from worker.observability.metrics import Metrics
from worker.rollout.current import CurrentRollout
from worker.rollout.description import describe
from worker.rollout.log.codec import Provenance, to_state
from worker.rollout.log.reader import RolloutLog
from worker.rollout.log.revisions import Accepted, Entry, Superseded, Unreadable
from worker.rollout.log.writer import RevisionWriter, SupersededError
from worker.rollout.state import OFF, RolloutState

_LONGEST_S = 2.0
# As long as the alert on `tts_rollout_state_age_seconds`.
_OLD_S = 30.0
_log = structlog.get_logger(__name__)

OpenLog = Callable[[], AbstractAsyncContextManager[RolloutLog]]
CreateWriter = Callable[[RolloutLog], RevisionWriter]


class Follower:
    """Follows the topic. While it can't be read, the last state stays in use.

    Args:
        open_log: opens the log at its beginning.
        create_writer: makes the writer that seeds an empty log.
        seed: the state from the environment's variables, written to an empty log.
        provenance: of the seed.
        current: kept up to date.
        catalogue: the keys of all characters.
        metrics: export the state's revision, percentage and age.
    """

    def __init__(
        self,
        *,
        open_log: OpenLog,
        create_writer: CreateWriter,
        seed: RolloutState,
        provenance: Provenance,
        current: CurrentRollout,
        catalogue: frozenset[str],
        metrics: Metrics,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._open_log = open_log
        self._create_writer = create_writer
        self._seed = seed
        self._provenance = provenance
        self._current = current
        self._catalogue = catalogue
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._answered_at = clock.monotonic()
        self._outage_logged = False
        self._unknown_base: int | None = None
        self.known = asyncio.Event()
        """Set once the topic has been read to its end for the first time."""

    def age_s(self) -> float:
        """Seconds since the state was last confirmed to be current."""
        return max(0.0, self._clock.monotonic() - self._answered_at)

    def problem(self) -> str | None:
        """Why this worker doesn't follow the rollout; None if it does, or hasn't read the topic yet."""
        if not self.known.is_set():
            return None
        revision = self._current.state.revision
        if self._unknown_base is not None:
            return (
                f"rollout: revision {self._unknown_base + 1} in the topic changes one that this worker doesn't know; "
                f"it stays at revision {revision}: update chirp-worker here, or see `rollout history`"
            )
        if (age_s := self.age_s()) > _OLD_S:
            return (
                f"rollout: the topic hasn't answered for {age_s:.0f} s; jobs are decided by revision {revision}, which "
                "may be old, until Kafka answers"
            )
        return None

    async def start(self) -> None:
        """Reads the topic to its end, and seeds it if it is empty.

        Raises:
            TopicError: the topic can't hold a rollout's log, or is empty and this login may not write it.
            KafkaError: Kafka doesn't answer.
        """
        async with self._open_log() as log:
            self._note_skipped(await log.read_to_end())
            if log.revisions.current is None:
                await self._seed_log(log)
            self._adopt(log)
        self.known.set()

    async def run(self) -> None:
        """Follows the topic until it is cancelled; retries all errors of Kafka."""
        retrying = AsyncRetrying(
            retry=retry_if_exception_type((KafkaError, OSError, TopicError)),
            wait=wait_random_exponential(multiplier=0.25, max=_LONGEST_S),
            sleep=self._sleep,
            before_sleep=self._log_outage,
        )
        await retrying(self._follow)

    async def _follow(self) -> None:
        async with self._open_log() as log:
            self._unknown_base = None
            self._note_skipped(await log.read_to_end())
            if log.revisions.revision < self._current.state.revision:
                _log.warning(
                    "rollout_went_back", was=self._current.state.revision, revision=log.revisions.revision,
                    detail="the topic was created again or lost records; its state counts",
                )  # fmt: skip
            while True:
                self._adopt(log)
                self._note_skipped(await log.poll())

    async def _seed_log(self, log: RolloutLog) -> None:
        # Several workers may start at once: the first one seeds the log, the others adopt its state.
        try:
            await self._create_writer(log).write(OFF, self._seed, self._provenance)
        except SupersededError as error:
            _log.info("rollout_seeded_by_another", by=error.winner.actor)
        except TopicAuthorizationFailedError as error:
            raise TopicError(
                f"the rollout's topic is empty, and {describe_denial(error)} to write it, as a worker should: "
                "make its first revision by `chirp-worker rollout seed`, with an operator's login"
            ) from None
        else:
            _log.info("rollout_seeded", rollout=self._seed.describe(self._catalogue))

    def _adopt(self, log: RolloutLog) -> None:
        self._answered_at = max(self._answered_at, log.answered_at)
        if self._outage_logged:
            _log.info("rollout_reachable", revision=log.revisions.revision)
            self._outage_logged = False
        revision = log.revisions.current
        # An empty topic has no state: keep the last one.
        if revision is None or (self.known.is_set() and revision.revision == self._current.state.revision):
            return
        self._current.adopt(to_state(revision))
        state = self._current.state
        self._metrics.set_rollout(state.revision, 0 if state.is_off else state.percent)
        now = self._clock.now()
        _log.info(
            "rollout",
            revision=state.revision,
            rollout=describe(state, self._catalogue, now),
            fallback=state.fallback,
            actor=revision.actor,
            reason=revision.reason,
        )

    def _log_outage(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if not self._outage_logged:
            self._outage_logged = True
            _log.warning(
                "rollout_unreachable",
                error=f"{type(error).__name__}: {error}",
                detail=f"continuing with revision {self._current.state.revision}; retrying until Kafka answers",
            )

    def _note_skipped(self, entries: list[Entry]) -> None:
        for entry in entries:
            if isinstance(entry, Unreadable):
                _log.warning("rollout_record_passed_over", why=entry.why)
            elif isinstance(entry, Superseded) and entry.winner is None:
                detail = "it changes a revision that this worker doesn't know; is this worker older than the writer?"
                _log.warning("rollout_record_passed_over", why=f"base {entry.revision.base}", detail=detail)
                self._unknown_base = entry.revision.base
            elif isinstance(entry, Accepted):
                self._unknown_base = None
