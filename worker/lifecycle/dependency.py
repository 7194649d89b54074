"""Dependency health: retried with back-off, logged once per outage, not once per job."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential, wait_random

from schemas.errors import UnavailableError
from worker.lifecycle.clock import Clock

UNREACHABLE: Final = "unreachable"
REFUSED: Final = "refused"
Sleep = Callable[[float], Awaitable[None]]
"""Sleeps for a number of seconds."""
T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outage:
    """Why a dependency is down.

    Attributes:
        reason: one word, such as `unreachable`; a new reason during the same outage is logged too.
        what: for /readyz and the log, such as "S3: bucket takes is unreachable".
        message: the error message of the dependency or of its client library.
        advice: what an operator can do about it.
    """

    reason: str
    what: str
    message: str
    advice: str


class DependencyDownError(UnavailableError):
    """A dependency can't serve any job; `outage` has the reason."""

    def __init__(self, outage: Outage) -> None:
        super().__init__(f"{outage.what}: {outage.message}")
        self.outage = outage


OutageClassifier = Callable[[Exception], Outage | None]
"""Returns the outage that an error is a sign of; None for an error that waiting doesn't solve."""


def classify_outage(error: Exception) -> Outage | None:
    """The outage of a `DependencyDownError`; None for any other error."""
    return error.outage if isinstance(error, DependencyDownError) else None


class OutageMetrics(Protocol):
    """Where a dependency exports whether it is down."""

    def set_down(self, dependency: str, reason: str | None) -> None:
        """Sets the reason of an outage; None while the dependency is up."""


@dataclass(frozen=True)
class Backoff:
    """Exponential back-off in seconds: `first`, doubled up to `longest`, plus jitter of up to a quarter of `first`."""

    first: float
    longest: float


class Dependency:
    """The state of one dependency, up or down, for intake, the log, the metrics and /readyz.

    Args:
        name: the value of its metric's label `dependency`.
        consequence: what an outage means, for the log.
    """

    def __init__(
        self,
        name: str,
        backoff: Backoff,
        metrics: OutageMetrics,
        clock: Clock,
        *,
        sleep: Sleep = asyncio.sleep,
        consequence: str = "The worker takes no jobs",
    ) -> None:
        self.name = name
        self._consequence = consequence
        self._backoff = backoff
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._outage: Outage | None = None
        self._logged_reasons: set[str] = set()
        self._down_since = 0.0
        self._ended_outages = 0

    @property
    def is_up(self) -> bool:
        """False during an outage."""
        return self._outage is None

    @property
    def waits_for(self) -> str | None:
        """The line for /readyz during an outage; None while it is up."""
        if self._outage is None:
            return None
        return f"{self._outage.what}: {self._outage.advice}; trying again until it works"

    @property
    def ended_outages(self) -> int:
        """The number of outages that have ended; if it has changed, the dependency was down in between."""
        return self._ended_outages

    def mark_down(self, outage: Outage) -> None:
        """Marks the dependency as down; logs once per outage, and once more for each new reason."""
        if self.is_up:
            self._down_since = self._clock.monotonic()
        self._outage = outage
        self._metrics.set_down(self.name, outage.reason)
        if outage.reason not in self._logged_reasons:
            self._logged_reasons.add(outage.reason)
            detail = f"{outage.what}: {outage.advice}. {self._consequence} until it works again"
            _log.error(
                "dependency_down",
                dependency=self.name,
                reason=outage.reason,
                message=outage.message,
                detail=detail,
            )

    def mark_up(self) -> None:
        """Marks the dependency as up; logs the end of an outage and its length."""
        if self.is_up:
            return
        self._outage = None
        self._logged_reasons.clear()
        self._ended_outages += 1
        self._metrics.set_down(self.name, None)
        seconds = round(self._clock.monotonic() - self._down_since, 1)
        _log.info("dependency_up", dependency=self.name, seconds=seconds, detail="it works again")

    async def wait_until_up(
        self, attempt: Callable[[], Awaitable[T]], classify: OutageClassifier = classify_outage
    ) -> T:
        """Runs the attempt at once, and again with back-off for as long as the dependency is down.

        Args:
            attempt: a call that needs the dependency.
            classify: separates outages, which are waited out, from other errors, which are raised.

        Returns:
            The attempt's result.

        Raises:
            Exception: the attempt's error, if `classify` returns None for it. The state of the dependency is unchanged.
        """

        def is_outage(error: BaseException) -> bool:
            return isinstance(error, Exception) and classify(error) is not None

        def mark_down(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            outage = classify(error) if isinstance(error, Exception) else None
            if outage is not None:
                self.mark_down(outage)

        async def try_once() -> T:
            # Tenacity awaits the result of an `async def` function only, not of other callables that return awaitables.
            return await attempt()

        retrying = AsyncRetrying(
            retry=retry_if_exception(is_outage),
            wait=wait_exponential(multiplier=self._backoff.first, max=self._backoff.longest)
            + wait_random(0, self._backoff.first / 4),
            sleep=self._sleep,
            before_sleep=mark_down,
        )
        result: T = await retrying(try_once)
        self.mark_up()
        return result


class DependencyGate:
    """Open while all dependencies are up: intake takes no jobs that can't be done."""

    def __init__(self, *dependencies: Dependency) -> None:
        self._dependencies = dependencies

    @property
    def is_open(self) -> bool:
        """False while at least one dependency is down."""
        return all(each.is_up for each in self._dependencies)

    @property
    def waits_for(self) -> list[str]:
        """The lines for /readyz: one for each dependency that is down."""
        return [reason for each in self._dependencies if (reason := each.waits_for)]
