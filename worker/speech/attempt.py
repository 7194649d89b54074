"""One attempt: one voice model tried for one line, its quick retry included."""

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from schemas.completion import Attempt
from schemas.words import AttemptResult, AudioEncoding
from worker.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.audio import BadAudio, check_audio, join
from worker.speech.failures import Failure, bad_audio
from worker.speech.google import CallFailed, Google
from worker.speech.render import Rendered


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Spoken:
    """Checked audio, whole: `duration_s` in seconds."""

    audio: bytes
    duration_s: float


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ended: `spoken` or `failure`, and its entry for the completion."""

    entry: Attempt
    spoken: Spoken | None
    failure: Failure | None


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

    async def attempt(self, rendered: Rendered) -> AttemptEnd:
        """Speaks a line with its voice; never raises for what Google does."""
        started = self._clock.monotonic()
        calls = _Calls()
        spoken: Spoken | None = None
        failure: Failure | None = None
        try:
            spoken = await self._speak(rendered, calls)
        except CallFailed as error:
            failure = error.failure
        except BadAudio as error:
            failure = bad_audio(str(error))
        entry = Attempt(
            id=self._new_id(),
            voice_model=rendered.voice.voice_model,
            voice=rendered.voice.name,
            result=AttemptResult.SUCCESS if spoken else AttemptResult.ERROR,
            failure_class=failure.failure_class if failure else None,
            code=failure.code if failure else "OK",
            message=failure.message if failure else None,
            calls=calls.made,
            seconds=self._clock.monotonic() - started,
            billed_characters=calls.billed_characters,
            ended_at=self._clock.now(),
        )
        return AttemptEnd(entry, spoken, failure)

    async def _speak(self, rendered: Rendered, calls: "_Calls") -> Spoken:
        if len(rendered.inputs) == 1:
            audio = await self._call(rendered, 0, rendered.encoding, calls)
        else:
            # The parts come as LINEAR16 and are encoded once. A joint may be heard; a seamless one is later work.
            parts = [
                await self._call(rendered, index, AudioEncoding.LINEAR16, calls)
                for index in range(len(rendered.inputs))
            ]
            audio = await asyncio.to_thread(join, parts, rendered.encoding, rendered.sample_rate)
        duration = check_audio(
            audio,
            encoding=rendered.encoding,
            sample_rate=rendered.sample_rate,
            spoken_units=rendered.spoken_units,
            speaking_rate=rendered.speaking_rate,
            pause_seconds=rendered.pause_seconds,
        )
        return Spoken(audio, duration)

    async def _call(self, rendered: Rendered, index: int, encoding: AudioEncoding, calls: "_Calls") -> bytes:
        """One call, and the quick retry. Tenacity's objects would cost a job a tenth of a millisecond."""
        try:
            return await self._call_once(rendered, index, encoding, calls)
        except CallFailed as error:
            if not error.failure.quickly_retried:
                raise
        await asyncio.sleep(self._jitter(1, 1.25) * self._retry_after_s)
        return await self._call_once(rendered, index, encoding, calls)

    async def _call_once(self, rendered: Rendered, index: int, encoding: AudioEncoding, calls: "_Calls") -> bytes:
        entry = rendered.inputs[index]
        calls.made += 1
        try:
            audio = await self._google.synthesize(entry, rendered, encoding)
        except CallFailed as error:
            self._metrics.count_call(rendered.voice.voice_model, error.failure.code)
            raise
        self._metrics.count_call(rendered.voice.voice_model, "OK")
        # Google bills what it answers, whether the audio is any good or not: the input's characters, tags included.
        calls.billed_characters += len(entry.content)
        return audio


@dataclass
class _Calls:
    made: int = 0
    billed_characters: int = 0
