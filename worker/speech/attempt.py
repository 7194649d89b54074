"""One attempt: one voice model tried for one line, its quick retry included."""

import asyncio
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from schemas.completion import Attempt
from schemas.words import AttemptResult, AudioEncoding, FailureClass
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.audio_check import BadAudioError, check_audio
from worker.speech.failures import NOT_CALLED, CallFailedError, Failure, bad_audio
from worker.speech.google import Google
from worker.speech.joining import join
from worker.speech.limits.permits import Permit
from worker.speech.render import Rendered

_PARTS_AT_ONCE: Final = 4
"""Calls under way for one long text: 50,000 bytes take some three calls' time, not eleven, and crowd nobody out."""


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Spoken:
    """Checked audio, whole: `duration_s` in seconds."""

    audio: bytes
    duration_s: float


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ended, and its entry for the completion."""

    entry: Attempt
    outcome: Spoken | Failure


class Attempter:
    """Makes attempts. `retry_after_s` is the wait before the quick retry, jittered upwards by a quarter."""

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
        """Speaks a line with its voice; never raises for what Google does.

        Args:
            rendered: the line.
            permit: to ask the voice model; without one the attempt fails and makes no call.
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
            permit.ended(failure)
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
            return checked(await self._call(rendered, 0, rendered.encoding, calls), rendered)
        # In a task of its own: a task group (of Python 3.11) leaves the task that it failed in cancelled for good, and
        # aiohttp would take that for the job's own cancellation in the middle of a later upload.
        parts = await asyncio.create_task(self._parts(rendered, calls))
        return await asyncio.to_thread(_joined, parts, rendered)

    async def _parts(self, rendered: Rendered, calls: "_Calls") -> list[bytes]:
        """The parts of a long text as LINEAR16, in order; the first that fails ends the others."""
        waiting = iter(range(len(rendered.inputs)))
        parts: dict[int, bytes] = {}

        async def speak_one_after_the_other() -> None:
            for index in waiting:
                parts[index] = await self._call(rendered, index, AudioEncoding.LINEAR16, calls)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_PARTS_AT_ONCE):
                    group.create_task(speak_one_after_the_other())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        return [parts[index] for index in sorted(parts)]

    async def _call(self, rendered: Rendered, index: int, encoding: AudioEncoding, calls: "_Calls") -> bytes:
        """One call, and the quick retry. Tenacity's objects would cost a job a tenth of a millisecond."""
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
            # Without quota for the retry the call's own failure stands.
            raise (failed if error.failure.code == NOT_CALLED else error) from None

    async def _call_within_quota(
        self, rendered: Rendered, index: int, encoding: AudioEncoding, calls: "_Calls"
    ) -> bytes:
        """One call once there is quota for it; where Google says that there is none, a batch job waits for more."""
        while True:
            if (refusal := await calls.permit.take()) is not None:
                raise CallFailedError(refusal)
            # Of each call its own: a late refusal of one part says nothing of what the others have asked since.
            asked_at = calls.permit.now
            try:
                return await self._call_once(rendered, index, encoding, calls)
            except CallFailedError as error:
                if error.failure.failure_class is not FailureClass.QUOTA or not calls.permit.refused(asked_at):
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
        # Google bills what it answers, whether the audio is any good or not: the input's characters, tags included.
        calls.billed_characters += len(entry.content)
        return audio


def checked(audio: bytes, rendered: Rendered) -> Spoken:
    """The audio of a rendered job, checked.

    Raises:
        BadAudioError: it can't be used.
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


def _joined(parts: list[bytes], rendered: Rendered) -> Spoken:
    return checked(join(parts, rendered.encoding, rendered.sample_rate), rendered)


@dataclass
class _Calls:
    """What an attempt has asked of Google; `seconds` in which at least one call, or its quick retry, was under way."""

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
