"""One attempt: one voice model speaks one line, in one call or in several."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from math import inf

from schemas.completion import Attempt
from schemas.enums import AttemptResult, AudioEncoding, FailureClass
from worker.config.sections import AudioCheckSettings
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER, Tracer
from worker.speech.attempt_calls import AttemptCalls
from worker.speech.audio_check import REJECT_ALL, AudioCheck
from worker.speech.audio_format import BadAudioError
from worker.speech.audio_join import AudioJoin
from worker.speech.failures import CallFailedError, Failure, bad_audio
from worker.speech.google import Google
from worker.speech.limits.permits import Permit
from worker.speech.line_parts import speak_parts
from worker.speech.render import Rendered
from worker.speech.streamed_audio import StreamedFile, stream_encoding

Hear = Callable[[bytes], Awaitable[None]]
"""Takes the next piece of a line's audio; all of them together are a file in the line's encoding."""


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
        audio_checks: which audio checks reject.
        timeout_s: the timeout of a call by the characters of its input, in seconds: Google is slow after half of it.
        stream_first_s: that of a stream's first audio, in seconds, likewise.
    """

    def __init__(
        self,
        google: Google,
        metrics: Metrics,
        retry_after_s: float,
        clock: Clock,
        *,
        audio_checks: AudioCheckSettings = REJECT_ALL,
        timeout_s: Callable[[int], float] = lambda _: inf,
        stream_first_s: float = inf,
        new_id: Callable[[], str] = _new_id,
        jitter: Callable[[float, float], float] = random.uniform,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._google = google
        self._metrics = metrics
        self._clock = clock
        self._audio_check = AudioCheck(audio_checks, metrics)
        self._new_id = new_id
        self._jitter = jitter
        self._retry_after_s = retry_after_s
        self._timeout_s = timeout_s
        self._stream_first_s = stream_first_s

    async def attempt(self, rendered: Rendered, permit: Permit, hear: Hear | None = None) -> AttemptEnd:
        """Speaks a line with its voice; a failure of Google is a result, not an exception.

        Args:
            rendered: the line.
            permit: if it was refused, the attempt fails without a call.
            hear: hears the line's audio while it is made, where Google can stream it, unchecked.
        """
        calls = AttemptCalls(
            rendered,
            permit,
            self._google,
            metrics=self._metrics,
            clock=self._clock,
            quick_retry_s=self._quick_retry_s,
            timeout_s=self._timeout_s,
            stream_first_s=self._stream_first_s,
        )
        outcome: Spoken | Failure
        try:
            outcome = await self._streamed(rendered, calls, hear) or await self._speak(rendered, calls)
        except CallFailedError as error:
            outcome = error.failure
        except BadAudioError as error:
            outcome = bad_audio(str(error))
            self._metrics.count_audio_fault(rendered.voice.voice_model, error.fault, "reject")
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

    async def _streamed(self, rendered: Rendered, calls: AttemptCalls, hear: Hear | None) -> Spoken | None:
        """The line by a stream; None if nobody wants it so, or Google doesn't stream this one."""
        encoding = None if hear is None else stream_encoding(rendered)
        if hear is None or encoding is None:
            return None
        file = StreamedFile(rendered.encoding, rendered.sample_rate)

        async def take(piece: bytes) -> None:
            await hear(file.add(piece))

        try:
            await calls.stream(encoding, take)
        except CallFailedError as error:
            # What a stream refuses, a call may speak: a sentence that is too long is split, and streams know
            # pronunciations in fewer languages.
            if error.failure.failure_class is not FailureClass.INVALID or not file.is_empty:
                raise
            return None
        return await self._checked(file.whole(), rendered)

    async def _speak(self, rendered: Rendered, calls: AttemptCalls) -> Spoken:
        refusal = None
        if len(rendered.inputs) == 1 and rendered.encoding is not AudioEncoding.PCM:
            try:
                return await self._checked(await calls.speak(rendered.inputs[0], rendered.encoding), rendered)
            except CallFailedError as error:
                if not error.failure.too_long:
                    raise
                refusal = error
        # Chirp refuses PCM, which is LINEAR16 without its header: a line in PCM is made of its parts, even of one.
        return await self._checked(await _join(rendered, calls, refusal), rendered)

    async def _checked(self, audio: bytes, rendered: Rendered) -> Spoken:
        with self._tracer.stage("audio check", voice_model=rendered.voice.voice_model, bytes=len(audio)):
            try:
                return Spoken(audio, await self._audio_check.check(audio, rendered))
            except BadAudioError as error:
                self._tracer.note(outcome=error.fault)
                self._tracer.fail(FailureClass.BAD_AUDIO)
                raise

    def _quick_retry_s(self) -> float:
        return self._jitter(1, 1.25) * self._retry_after_s


async def _join(rendered: Rendered, calls: AttemptCalls, refusal: CallFailedError | None) -> bytes:
    """Speaks a line in parts, each of which is added to the line's file, on a thread, as soon as its turn comes."""
    join = AudioJoin(rendered.encoding, rendered.sample_rate)

    async def add(part: bytes) -> None:
        await asyncio.to_thread(join.add, part)

    try:
        await speak_parts(rendered.inputs, calls, add, refusal)
        return await asyncio.to_thread(join.finish)
    except BaseException:
        # After a cancellation a part may still be written.
        await asyncio.to_thread(join.close)
        raise
