"""Counts of the calls by result, and a log of the most recent ones."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from loadtest.emulator.settings import VoiceModel

LOGGED_CALLS = 1000

CalledModel = VoiceModel | Literal["unknown"]


class CallCounts(BaseModel):
    """Counts since the start or since the last reset."""

    model_config = ConfigDict(frozen=True)

    calls: dict[CalledModel, dict[str, int]]
    """Finished calls by voice model, then by gRPC status name; `unknown` counts voices of neither voice model."""
    total: int
    billed_characters: dict[Literal["total"] | CalledModel, int]
    """Input characters of calls answered with OK, including markup and tags."""
    in_flight: int
    highest_in_flight: int

    def count(self, voice_model: CalledModel, code: str = "OK") -> int:
        """Returns the number of calls of one voice model that ended with `code`."""
        return self.calls.get(voice_model, {}).get(code, 0)


class LoggedCall(BaseModel):
    """One finished call."""

    model_config = ConfigDict(frozen=True)

    time: float
    """Arrival, in seconds since 1970."""
    voice: str
    input: str
    code: str
    seconds: float
    fault: str | None
    """The kind of the fault that applied."""
    first_audio: float | None
    """When a stream's first audio was sent, in seconds since 1970; null for a call with one answer, or with none."""


@dataclass
class Call:
    """One call while it is answered; its handler fills in what it learns.

    Attributes:
        arrived: in seconds since 1970.
        began: by the monotonic clock, in seconds.
        code: the gRPC status name of its answer.
        fault: the kind of the fault that applies.
        first_audio: as `LoggedCall.first_audio`.
    """

    arrived: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)
    model: CalledModel = "unknown"
    voice: str = ""
    text: str = ""
    code: str = "UNKNOWN"
    fault: str | None = None
    first_audio: float | None = None


class Calls:
    """The calls of one emulator."""

    def __init__(self) -> None:
        self._in_flight = 0
        self.clear()

    def clear(self) -> None:
        """Resets counts and log. Calls in flight are counted when they end."""
        self._codes: Counter[tuple[CalledModel, str]] = Counter()
        self._billed: Counter[CalledModel] = Counter()
        self._log: deque[tuple[float, str, str, str, float, str | None, float | None]] = deque(maxlen=LOGGED_CALLS)
        self._highest_in_flight = self._in_flight

    @contextmanager
    def record(self) -> Iterator[Call]:
        """Counts a call from its arrival to the end of the block, whatever its result."""
        self._in_flight += 1
        self._highest_in_flight = max(self._highest_in_flight, self._in_flight)
        call = Call()
        try:
            yield call
        finally:
            self._in_flight -= 1
            self._count(call)

    def _count(self, call: Call) -> None:
        self._codes[call.model, call.code] += 1
        if call.code == "OK":
            self._billed[call.model] += len(call.text)
        seconds = time.monotonic() - call.began
        self._log.append((call.arrived, call.voice, call.text, call.code, seconds, call.fault, call.first_audio))

    def counts(self) -> CallCounts:
        """Returns the current counts."""
        calls: dict[CalledModel, dict[str, int]] = {}
        for (model, code), number in self._codes.items():
            calls.setdefault(model, {})[code] = number
        return CallCounts(
            calls=calls,
            total=self._codes.total(),
            billed_characters={"total": self._billed.total(), **self._billed},
            in_flight=self._in_flight,
            highest_in_flight=self._highest_in_flight,
        )

    def log(self, last: int) -> list[LoggedCall]:
        """Returns the last finished calls, oldest first."""
        newest = list(self._log)[-last:] if last > 0 else []
        return [
            LoggedCall(
                time=arrived, voice=voice, input=text, code=code, seconds=seconds, fault=fault, first_audio=first_audio
            )
            for arrived, voice, text, code, seconds, fault, first_audio in newest
        ]
