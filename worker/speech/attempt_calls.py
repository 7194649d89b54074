"""The calls of one attempt: each within the quota, with a quick retry, and what they cost together."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from schemas.enums import AudioEncoding, FailureClass
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.failures import NOT_CALLED, CallFailedError, not_permitted
from worker.speech.google import Google
from worker.speech.limits.concurrency_limit import SLOW_SHARE
from worker.speech.limits.permits import Permit
from worker.speech.render import Input, Rendered


class AttemptCalls:
    """The calls of one attempt, some of them side by side.

    Args:
        quick_retry_s: the seconds before a quick retry.
        timeout_s: the timeout of a call by the characters of its input, in seconds.

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
    ) -> None:
        self._rendered = rendered
        self._permit = permit
        self._google = google
        self._metrics = metrics
        self._clock = clock
        self._quick_retry_s = quick_retry_s
        self._timeout_s = timeout_s
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
        try:
            return await self._within_quota(entry, encoding)
        except CallFailedError as error:
            if not error.failure.quickly_retried:
                raise
            failed = error
        with self._under_way():
            await asyncio.sleep(self._quick_retry_s())
        try:
            return await self._within_quota(entry, encoding)
        except CallFailedError as error:
            # Without quota for the retry, the failure of the first call stands.
            raise (failed if error.failure.code == NOT_CALLED else error) from None

    async def _within_quota(self, entry: Input, encoding: AudioEncoding) -> bytes:
        """One call once there is quota for it. If Google refuses it for want of quota, a batch job waits for more."""
        while True:
            if (refusal := await self._permit.take()) is not None:
                raise CallFailedError(not_permitted(refusal))
            # Each call has its own time: a late refusal of one part says nothing about later requests of the others.
            requested_at = self._permit.now
            try:
                return await self._call(entry, encoding)
            except CallFailedError as error:
                is_refusal = error.failure.failure_class is FailureClass.QUOTA
                if not is_refusal or not self._permit.record_refusal(requested_at):
                    raise

    async def _call(self, entry: Input, encoding: AudioEncoding) -> bytes:
        voice_model = self._rendered.voice.voice_model
        self.made += 1
        try:
            slow_after_s = SLOW_SHARE * self._timeout_s(len(entry.content))
            with self._under_way(), self._permit.under_way(slow_after_s):
                audio = await self._google.synthesize(entry, self._rendered, encoding)
        except CallFailedError as error:
            self._metrics.count_call(voice_model, error.failure.code)
            raise
        self._metrics.count_call(voice_model, "OK")
        # Google bills each answer by the characters of its input, tags included, whether the audio is usable or not.
        self.billed_characters += len(entry.content)
        return audio

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
