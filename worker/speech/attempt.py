"""One attempt: one voice model speaks one line, with a quick retry of each call."""

import asyncio
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from schemas.completion import Attempt
from schemas.enums import AttemptResult, AudioEncoding, FailureClass
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.audio_check import BadAudioError, check_audio
from worker.speech.audio_join import join_parts
from worker.speech.failures import NOT_CALLED, CallFailedError, Failure, bad_audio, not_permitted
from worker.speech.google import Google
from worker.speech.limits.permits import Permit
from worker.speech.render import Rendered

_PARTS_AT_ONCE: Final = 4
"""Calls under way for one long text: 50,000 bytes take the time of some three calls, not of eleven, and leave room."""


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Spoken:
    """Whole audio that has passed the audio check."""

    audio: bytes
    duration_s: float


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ended, and its entry for the completion."""

    entry: Attempt
    outcome: Spoken | Failure


class Attempter:
    """Makes attempts.

    Args:
        retry_after_s: seconds before the quick retry; a jitter adds up to a quarter.
    """

    def __init__(
        self,
        google: Google,
        metrics: Metrics,
        retry_after_s: float,
        clock: Clock,
        *,
        new_id: Callable[[], str] = _new_id,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._google = google
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id
        self._jitter = jitter
        self._retry_after_s = retry_after_s

    async def attempt(self, rendered: Rendered, permit: Permit) -> AttemptEnd:
        """Speaks a line with its voice; a failure of Google is a result, not an exception.

        Args:
            rendered: the line.
            permit: if it was refused, the attempt fails without a call.
        """
        calls = _Calls(permit, self._clock)
        outcome: Spoken | Failure
        try:
            outcome = await self._speak(rendered, calls)
        except CallFailedError as error:
            outcome = error.failure
        except BadAudioError as error:
            outcome = bad_audio(str(error))
        failure = outcome if isinstance(outcome, Failure) else None
        if calls.made:
            permit.record(failure.failure_class if failure else None)
        entry = Attempt(
            id=self._new_id(),
            voice_model=rendered.voice.voice_model,
            voice=rendered.voice.name,
            result=AttemptResult.ERROR if failure else AttemptResult.SUCCESS,
            failure_class=failure.failure_class if failure else None,
            code=failure.code if failure else "OK",
            message=failure.message if failure else None,
            calls=calls.made,
            seconds=calls.seconds,
            billed_characters=calls.billed_characters,
            ended_at=self._clock.now(),
        )
        return AttemptEnd(entry, outcome)

    async def _speak(self, rendered: Rendered, calls: "_Calls") -> Spoken:
        if len(rendered.inputs) == 1:
            return check_spoken(await self._call(rendered, 0, rendered.encoding, calls), rendered)
        # In a task of its own: after a task group of Python 3.11 has failed, its task counts as cancelled for good, and
        # aiohttp would take that for the job's own cancellation in the middle of a later upload.
        parts = await asyncio.create_task(self._parts(rendered, calls))
        return await asyncio.to_thread(_join, parts, rendered)

    async def _parts(self, rendered: Rendered, calls: "_Calls") -> list[bytes]:
        """The parts of a long text as LINEAR16, in order; the first failure cancels the other calls."""
        pending = iter(range(len(rendered.inputs)))
        parts: dict[int, bytes] = {}

        async def speak_in_turn() -> None:
            for index in pending:
                parts[index] = await self._call(rendered, index, AudioEncoding.LINEAR16, calls)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_PARTS_AT_ONCE):
                    group.create_task(speak_in_turn())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [parts[index] for index in sorted(parts)]

    async def _call(self, rendered: Rendered, index: int, encoding: AudioEncoding, calls: "_Calls") -> bytes:
        """One call and its quick retry. Tenacity isn't used: its objects would cost a job a tenth of a millisecond."""
        try:
            return await self._call_within_quota(rendered, index, encoding, calls)
        except CallFailedError as error:
            if not error.failure.quickly_retried:
                raise
            failed = error
        with calls.under_way():
            await asyncio.sleep(self._jitter(1, 1.25) * self._retry_after_s)
        try:
            return await self._call_within_quota(rendered, index, encoding, calls)
        except CallFailedError as error:
            # Without quota for the retry, the failure of the first call stands.
            raise (failed if error.failure.code == NOT_CALLED else error) from None

    async def _call_within_quota(
        self, rendered: Rendered, index: int, encoding: AudioEncoding, calls: "_Calls"
    ) -> bytes:
        """One call once there is quota for it. If Google refuses it for want of quota, a batch job waits for more."""
        while True:
            if (refusal := await calls.permit.take()) is not None:
                raise CallFailedError(not_permitted(refusal))
            # Each call has its own time: a late refusal of one part says nothing about later requests of the others.
            requested_at = calls.permit.now
            try:
                return await self._call_once(rendered, index, encoding, calls)
            except CallFailedError as error:
                is_refusal = error.failure.failure_class is FailureClass.QUOTA
                if not is_refusal or not calls.permit.record_refusal(requested_at):
                    raise

    async def _call_once(self, rendered: Rendered, index: int, encoding: AudioEncoding, calls: "_Calls") -> bytes:
        entry = rendered.inputs[index]
        calls.made += 1
        try:
            with calls.under_way():
                audio = await self._google.synthesize(entry, rendered, encoding)
        except CallFailedError as error:
            self._metrics.count_call(rendered.voice.voice_model, error.failure.code)
            raise
        self._metrics.count_call(rendered.voice.voice_model, "OK")
        # Google bills each answer by the characters of its input, tags included, whether the audio is usable or not.
        calls.billed_characters += len(entry.content)
        return audio


def check_spoken(audio: bytes, rendered: Rendered) -> Spoken:
    """Checks the audio of a whole line.

    Raises:
        BadAudioError: the audio can't be used.
    """
    duration = check_audio(
        audio,
        encoding=rendered.encoding,
        sample_rate=rendered.sample_rate,
        spoken_units=rendered.spoken_units,
        speaking_rate=rendered.speaking_rate,
        pause_seconds=rendered.pause_seconds,
    )
    return Spoken(audio, duration)


def _join(parts: list[bytes], rendered: Rendered) -> Spoken:
    return check_spoken(join_parts(parts, rendered.encoding, rendered.sample_rate), rendered)


@dataclass
class _Calls:
    """The calls of one attempt; `seconds` during which at least one of them, or its quick retry, was under way."""

    permit: Permit
    clock: Clock
    made: int = 0
    billed_characters: int = 0
    seconds: float = 0.0
    _busy: int = 0
    _busy_since: float = 0.0

    @contextmanager
    def under_way(self) -> Iterator[None]:
        if self._busy == 0:
            self._busy_since = self.clock.monotonic()
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            if self._busy == 0:
                self.seconds += self.clock.monotonic() - self._busy_since
