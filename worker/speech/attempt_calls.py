"""The calls of one attempt: each within the quota, with a quick retry, and what they cost together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import TypeVar

from schemas.enums import AudioEncoding, FailureClass
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.failures import NOT_CALLED, CallFailedError, not_permitted
from worker.speech.google import Google
from worker.speech.limits.concurrency_limit import SLOW_SHARE
from worker.speech.limits.permits import Permit
from worker.speech.render import Input, Rendered

T = TypeVar("T")
Answered = Callable[[], None]
"""Called with a stream's first audio."""
TakeAudio = Callable[[bytes], Awaitable[None]]
"""Takes the next piece of a stream's audio."""


class AttemptCalls:
    """The calls of one attempt, some of them side by side.

    Args:
        quick_retry_s: the seconds before a quick retry.
        timeout_s: the timeout of a call by the characters of its input, in seconds.
        stream_first_s: the timeout of a stream's first audio, in seconds.

    Attributes:
        made: how many requests were made.
        billed_characters: what Google bills for them.
        seconds: the time during which at least one of them, or its quick retry, was under way.
    """

    def __init__(
        self,
        rendered: Rendered,
        permit: Permit,
        google: Google,
        *,
        metrics: Metrics,
        clock: Clock,
        quick_retry_s: Callable[[], float],
        timeout_s: Callable[[int], float],
        stream_first_s: float,
    ) -> None:
        self._rendered = rendered
        self._permit = permit
        self._google = google
        self._metrics = metrics
        self._clock = clock
        self._quick_retry_s = quick_retry_s
        self._timeout_s = timeout_s
        self._stream_first_s = stream_first_s
        self._busy = 0
        self._busy_since = 0.0
        self.made = 0
        self.billed_characters = 0
        self.seconds = 0.0

    async def speak(self, entry: Input, encoding: AudioEncoding) -> bytes:
        """One input, with a quick retry. Tenacity isn't used: its objects would cost a job a tenth of a millisecond.

        Raises:
            CallFailedError: Google didn't give its audio, or the quota didn't allow the call.
        """

        async def call(_answered: Answered) -> bytes:
            return await self._google.synthesize(entry, self._rendered, encoding)

        audio = await self._with_retry(call, self._timeout_s(len(entry.content)))
        # Google bills each answer by the characters of its input, tags included, whether the audio is usable or not.
        self.billed_characters += len(entry.content)
        return audio

    async def stream(self, encoding: AudioEncoding, take: TakeAudio) -> None:
        """The whole line in one stream, with a quick retry if nothing of it was taken.

        Args:
            take: takes each piece of audio as it comes.

        Raises:
            CallFailedError: Google didn't give its audio, or not all of it; or the quota didn't allow the call.
        """
        has_begun = False

        async def call(answered: Answered) -> None:
            nonlocal has_begun
            async with aclosing(self._google.stream(self._rendered, encoding)) as pieces:
                async for piece in pieces:
                    if not has_begun:
                        has_begun = True
                        answered()
                        self.billed_characters += sum(len(each.content) for each in self._rendered.inputs)
                    await take(piece)

        await self._with_retry(call, self._stream_first_s, may_retry=lambda: not has_begun)

    async def _with_retry(
        self, call: Callable[[Answered], Awaitable[T]], timeout_s: float, may_retry: Callable[[], bool] = lambda: True
    ) -> T:
        try:
            return await self._within_quota(call, timeout_s)
        except CallFailedError as error:
            if not error.failure.quickly_retried or not may_retry():
                raise
            failed = error
        with self._under_way():
            await asyncio.sleep(self._quick_retry_s())
        try:
            return await self._within_quota(call, timeout_s)
        except CallFailedError as error:
            # Without quota for the retry, the failure of the first call stands.
            raise (failed if error.failure.code == NOT_CALLED else error) from None

    async def _within_quota(self, call: Callable[[Answered], Awaitable[T]], timeout_s: float) -> T:
        """One call once there is quota for it. If Google refuses it for want of quota, a batch job waits for more."""
        while True:
            if (refusal := await self._permit.take()) is not None:
                raise CallFailedError(not_permitted(refusal))
            # Each call has its own time: a late refusal of one part says nothing about later requests of the others.
            requested_at = self._permit.now
            try:
                return await self._call(call, timeout_s)
            except CallFailedError as error:
                is_refusal = error.failure.failure_class is FailureClass.QUOTA
                if not is_refusal or not self._permit.record_refusal(requested_at):
                    raise

    async def _call(self, call: Callable[[Answered], Awaitable[T]], timeout_s: float) -> T:
        voice_model = self._rendered.voice.voice_model
        self.made += 1
        try:
            with self._under_way(), self._permit.under_way(SLOW_SHARE * timeout_s) as answered:
                result = await call(answered)
        except CallFailedError as error:
            self._metrics.count_call(voice_model, error.failure.code)
            raise
        self._metrics.count_call(voice_model, "OK")
        return result

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        if self._busy == 0:
            self._busy_since = self._clock.monotonic()
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            if self._busy == 0:
                self.seconds += self._clock.monotonic() - self._busy_since
