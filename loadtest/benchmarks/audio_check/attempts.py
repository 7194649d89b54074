"""Attempts as a worker makes them, at the emulator's voices in this process: no broker, no store, no server."""

from contextlib import nullcontext
from typing import Any

from prometheus_client import CollectorRegistry

from loadtest.benchmarks.audio_check.google import InProcessGoogle
from loadtest.emulator.settings import FaultKind
from loadtest.emulator.synthesizer import Synthesizer
from schemas.enums import AudioFault, Lane, VoiceModel
from worker.config.sections import AudioCheckSettings
from worker.lifecycle.clock import Clock
from worker.observability.metrics import Metrics
from worker.speech.attempt import AttemptEnd, Attempter
from worker.speech.audio_check import REJECT_ALL
from worker.speech.limits.permits import Permits
from worker.speech.limits.rate_limit import RateLimitRules, RateLimits
from worker.speech.limits.rate_limit_queue import RateLimitQueue
from worker.speech.render import Rendered


class EmulatedAttempts:
    """The attempts of one worker.

    Args:
        synthesizer: makes the audio.
        settings: which audio checks reject.
    """

    def __init__(self, synthesizer: Synthesizer, settings: AudioCheckSettings = REJECT_ALL) -> None:
        self._google = InProcessGoogle(synthesizer)
        self._metrics = Metrics(CollectorRegistry(), [])
        clock = Clock()
        google: Any = self._google
        self._attempter = Attempter(google, self._metrics, 0.0, clock, audio_checks=settings)
        queue = RateLimitQueue(RateLimits(RateLimitRules({}, 0, 0.0)), 0.0, self._metrics, clock)
        queue.set_share(1.0)
        self._permits = Permits(queue, {}, self._metrics, clock)

    async def attempt(self, rendered: Rendered, fault: FaultKind | None = None) -> AttemptEnd:
        """Speaks a line; with a fault, each answer to it is broken that way."""
        self._google.fault = fault
        voice_model = rendered.voice.voice_model
        async with self._permits.acquire(voice_model, Lane.DIALOGUE, nullcontext, may_skip=False) as permit:
            return await self._attempter.attempt(rendered, permit)

    def counted(self, voice_model: VoiceModel, action: str = "reject") -> dict[AudioFault, int]:
        """How often each check rejected, or warned; checks that didn't are left out."""
        counts = {}
        for check in AudioFault:
            labels = {"voice_model": voice_model.value, "check": check.value, "action": action}
            if count := self._metrics.registry.get_sample_value("tts_audio_faults_total", labels):
                counts[check] = int(count)
        return counts
