"""What the worker depends on and may be down: waited for with back-off, told once, never once a job."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential, wait_random

from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics

UNREACHABLE: Final = "unreachable"
REFUSED: Final = "refused"
Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outage:
    """Why a dependency is down.

    Attributes:
        reason: one word, such as `unreachable`; a new one in the same outage is logged too.
        what: for /readyz and the log, such as "S3: bucket takes is unreachable".
        message: the dependency's or the client library's own words.
        advice: what a person does about it.
    """

    reason: str
    what: str
    message: str
    advice: str


class DependencyDownError(Exception):
    """A dependency can't do anything for anybody; `outage` says why."""

    def __init__(self, outage: Outage) -> None:
        super().__init__(f"{outage.what}: {outage.message}")
        self.outage = outage


OutageOf = Callable[[Exception], Outage | None]
"""What an error says about the whole dependency; None for an error that waiting doesn't mend."""


def outage_of(error: Exception) -> Outage | None:
    """The outage of a `DependencyDownError`; any other error is none."""
    return error.outage if isinstance(error, DependencyDownError) else None


@dataclass(frozen=True)
class Backoff:
    """Back-off between tries, in seconds: `first`, doubled to `longest`, and up to a quarter of `first` at random."""

    first: float
    longest: float


class Dependency:
    """Whether one dependency is up, in the log, in the metrics and for /readyz.

    Args:
        name: its label in the metrics: one of `metrics.DEPENDENCIES`.
        pauses: the back-off while it is down.
        metrics: where its gauge is.
        clock: tells how long an outage lasted.
        sleep: sleeps for some seconds.
    """

    def __init__(
        self, name: str, pauses: Backoff, metrics: Metrics, clock: Clock, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.name = name
        self._pauses = pauses
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._outage: Outage | None = None
        self._told: set[str] = set()
        self._since = 0.0
        self._ended = 0

    @property
    def is_up(self) -> bool:
        """False while it is known to be down."""
        return self._outage is None

    @property
    def waits_for(self) -> str | None:
        """What /readyz says while it is down."""
        return f"{self._outage.what}; trying again until it works" if self._outage else None

    @property
    def ended_outages(self) -> int:
        """How many outages have ended; another number than before says that it was down in between."""
        return self._ended

    def went_down(self, outage: Outage) -> None:
        """Notes that it is down; says so once an outage, and once more for each new reason."""
        if self.is_up:
            self._since = self._clock.monotonic()
        self._outage = outage
        self._metrics.set_down(self.name, outage.reason)
        if outage.reason not in self._told:
            self._told.add(outage.reason)
            detail = f"{outage.what}: {outage.advice}. Taking no jobs until it works again"
            _log.error(
                "dependency_down",
                dependency=self.name,
                reason=outage.reason,
                message=outage.message,
                detail=detail,
            )

    def came_up(self) -> None:
        """Notes that it works; says so if it was down."""
        if self.is_up:
            return
        self._outage = None
        self._told.clear()
        self._ended += 1
        self._metrics.set_down(self.name, None)
        seconds = round(self._clock.monotonic() - self._since, 1)
        _log.info("dependency_up", dependency=self.name, seconds=seconds, detail="it works again; taking jobs")

    async def wait_until_up(self, attempt: Callable[[], Awaitable[T]], outage_of: OutageOf = outage_of) -> T:
        """Tries at once, and with back-off again for as long as the dependency is down.

        Args:
            attempt: what needs the dependency.
            outage_of: tells an outage, which is waited out, from other errors, which are raised.

        Returns:
            What the attempt returned.

        Raises:
            Exception: the attempt's own, where `outage_of` says None. The dependency's state stays as it was.
        """

        def is_outage(error: BaseException) -> bool:
            return isinstance(error, Exception) and outage_of(error) is not None

        def told(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            outage = outage_of(error) if isinstance(error, Exception) else None
            if outage is not None:
                self.went_down(outage)

        async def try_once() -> T:
            # Tenacity awaits what is written with `async def`, no other callable that returns an awaitable.
            return await attempt()

        retrying = AsyncRetrying(
            retry=retry_if_exception(is_outage),
            wait=wait_exponential(multiplier=self._pauses.first, max=self._pauses.longest)
            + wait_random(0, self._pauses.first / 4),
            sleep=self._sleep,
            before_sleep=told,
        )
        result: T = await retrying(try_once)
        self.came_up()
        return result


class Gate:
    """Open while all dependencies are up: intake takes no jobs that couldn't be done."""

    def __init__(self, *dependencies: Dependency) -> None:
        self._dependencies = dependencies

    @property
    def is_allowed(self) -> bool:
        """False while one of them is down."""
        return all(each.is_up for each in self._dependencies)

    @property
    def waits_for(self) -> list[str]:
        """What /readyz says: one line for each that is down."""
        return [reason for each in self._dependencies if (reason := each.waits_for)]
