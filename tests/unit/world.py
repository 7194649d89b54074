"""All parts around one pipeline, with stand-ins for Google, the store and time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from schemas.audio_stream import StreamEnd
from schemas.enums import (
    AudioEncoding,
    JobStatus,
    Lane,
    VoiceModel,
)
from schemas.revision import FULL_PERCENTAGE
from schemas.topics import RETRY_DELAYS
from tests.unit.makers import CATALOGUE, CHIRP, WAVENET, audio, job
from worker.jobs.audio_stream import StreamSink
from worker.jobs.cancellations import Cancellations
from worker.jobs.handler import Handler
from worker.jobs.outcome import Outcome
from worker.jobs.pipeline import Pipeline
from worker.jobs.shared_takes import SharedTakes
from worker.jobs.take_maker import TakeMaker
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Backoff, DependencyDownError, Outage
from worker.lifecycle.memory_budget import MemoryBudget
from worker.lifecycle.probed_dependency import ProbedDependency
from worker.observability.metrics import Metrics
from worker.rollout.current import CurrentRollout
from worker.rollout.state import RolloutState
from worker.speech.attempt import Attempter
from worker.speech.failures import CallFailedError, Failure, classify_failure
from worker.speech.health import google_probe
from worker.speech.latency_estimate import LatencyEstimate
from worker.speech.limits.circuit_breaker import CircuitBreaker, CircuitBreakerRules
from worker.speech.limits.permits import Permits
from worker.speech.limits.rate_limit import RateLimitRules, RateLimits
from worker.speech.limits.rate_limit_queue import RateLimitQueue
from worker.storage.errors import StorageError
from worker.storage.recent_takes import RecentTakes
from worker.storage.resilient import ResilientStore
from worker.storage.takes import StoredTake

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
WAV = {"encoding": "LINEAR16", "sample_rate": 24000}
SOUNDS = {CHIRP: audio(AudioEncoding.LINEAR16, 1.5), WAVENET: audio(AudioEncoding.LINEAR16, 2.0)}
ALL = RolloutState(enabled=True, percentage=FULL_PERCENTAGE, characters=None)
DENIED = "PERMISSION_DENIED"
NO_LIMITS = RateLimitRules({}, 0, 0.1)


class Studio:
    """Stands for Google: speaks in each model's own sound, or fails as `fails` says; moves the clock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.busy = 0
        self.fails: dict[VoiceModel, list[str | bytes]] = defaultdict(list)
        self.calls: list[VoiceModel] = []
        self.streams: list[list[bytes | str]] = []

    async def synthesize(self, _entry: Any, rendered: Any, _encoding: Any) -> bytes:
        voice_model = rendered.voice.voice_model
        self.calls.append(voice_model)
        # Longer than it takes to wake those who wait for the call before.
        self.busy += 1
        for _ in range(10):
            await asyncio.sleep(0)
        self.busy -= 1
        self.world.seconds += 3.0 if voice_model is CHIRP else 0.5
        answer = self.fails[voice_model].pop(0) if self.fails[voice_model] else SOUNDS[voice_model]
        if isinstance(answer, str):
            raise CallFailedError(classify_failure(answer, "as told"))
        return answer

    async def stream(self, rendered: Any, _encoding: Any) -> AsyncGenerator[bytes, None]:
        """Streams the next list of pieces as told; a text is the code of the failure there."""
        self.calls.append(rendered.voice.voice_model)
        for piece in self.streams.pop(0):
            self.world.seconds += 0.2
            if isinstance(piece, str):
                raise CallFailedError(classify_failure(piece, "as told"))
            yield piece


class Shelf:
    """Stands for the store: a dictionary, and in `fails` what each next look-up or upload raises."""

    bucket = "bucket"

    def __init__(self) -> None:
        self.takes: dict[str, StoredTake] = {}
        self.audio: dict[str, bytes] = {}
        self.keeps_audio = True
        self.looked_up: list[str] = []
        self.fails: dict[str, list[Exception]] = defaultdict(list)
        self.tries: list[str] = []
        self.first: StoredTake | None = None

    async def fetch(self, key: str) -> bytes:
        self._try("fetch")
        return self.audio[key]

    async def look_up(self, key: str) -> StoredTake | None:
        self._try("look_up")
        self.looked_up.append(key)
        return self.takes.get(key)

    async def store(self, take: StoredTake, audio: bytes) -> StoredTake:
        self._try("store")
        if self.keeps_audio:
            self.audio.setdefault(take.key, audio)
        return self.takes.setdefault(take.key, self.first or take)

    def _try(self, step: str) -> None:
        self.tries.append(step)
        if self.fails[step]:
            raise self.fails[step].pop(0)


class BucketProbes:
    """Answers as the world's list says, the last entry for ever; uploads may have a list of their own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.requested: list[str] = []

    async def look_up(self) -> None:
        self._answer("look_up", self._world.bucket)

    async def upload(self) -> None:
        self._answer("upload", self._world.uploads or self._world.bucket)

    def failed(self, error: StorageError, upload_bytes: int) -> None:
        pass

    def _answer(self, step: str, answers: list[Outage | None]) -> None:
        self.requested.append(step)
        outage = answers.pop(0) if len(answers) > 1 else answers[0]
        if outage:
            raise DependencyDownError(outage)


class Listener:
    """Stands for the topic that a job's stream goes to: the chunks and the ends, by the stream's id."""

    def __init__(self) -> None:
        self.chunks: dict[str, list[bytes]] = defaultdict(list)
        self.ends: dict[str, StreamEnd] = {}
        self.takes_all = True

    def new_id(self) -> str:
        return f"stream-{len(self.ends) + 1}"

    def open(self, _job: Any, stream_id: str) -> StreamSink:
        return ListenedStream(self, stream_id)


class ListenedStream:
    """One stream of the listener."""

    def __init__(self, listener: Listener, stream_id: str) -> None:
        self._listener = listener
        self._id = stream_id

    async def chunk(self, number: int, audio: bytes) -> None:
        assert self._id not in self._listener.ends
        self._listener.chunks[self._id].append(audio)
        assert number == len(self._listener.chunks[self._id])

    async def end(self, end: StreamEnd) -> bool:
        assert self._id not in self._listener.ends
        self._listener.ends[self._id] = end
        return self._listener.takes_all


class World:
    """All parts around one pipeline."""

    def __init__(
        self,
        state: RolloutState = ALL,
        probe: list[str | None] | None = None,
        bucket: list[Outage | None] | None = None,
        kept_bytes: int = 2**20,
        quota: RateLimitRules = NO_LIMITS,
    ) -> None:
        # The share is taken a while ago: nobody else has used any of it since.
        self.seconds = -100.0
        self.google = Studio(self)
        self.shelf = Shelf()
        self.listener = Listener()
        self.metrics = Metrics(CollectorRegistry(), CATALOGUE.names)
        self.clock = Clock(monotonic=lambda: self.seconds, now=lambda: NOW + timedelta(seconds=self.seconds))
        self.probe = probe or [None]
        self.probes = 0
        self.waits: list[float] = []
        self.bucket = bucket or [None]
        self.uploads: list[Outage | None] = []
        self.slept: list[float] = []
        pauses = Backoff(4, 4)
        trial = google_probe(self._trial, 0)
        self.watch = ProbedDependency("google", trial, pauses, self.metrics, self.clock, sleep=self.sleep)
        self.probes_of_s3 = BucketProbes(self)
        self.s3 = ProbedDependency("s3", self.probes_of_s3.look_up, pauses, self.metrics, self.clock, sleep=self.sleep)
        self.rollout = CurrentRollout(state)
        self.quota = RateLimitQueue(RateLimits(quota), 0.25, self.metrics, self.clock, call_later=self.later)
        self.quota.set_share(1.0)
        self.seconds = 0.0
        self.circuit = CircuitBreaker(CircuitBreakerRules(share=0.5, window_s=60.0, minimum=10, cool_down_s=5.0))
        self.latency = LatencyEstimate()
        self.memory = MemoryBudget(2**30)
        self.cancellations = Cancellations()
        store = ResilientStore(
            self.shelf,
            self.s3,
            self.probes_of_s3,
            recent=RecentTakes(100, 600.0),
            kept_bytes=kept_bytes,
            clock=self.clock,
            sleep=self.sleep,
        )
        maker = TakeMaker(
            permits=Permits(self.quota, {CHIRP: self.circuit}, self.metrics, self.clock),
            attempter=Attempter(self.google, self.metrics, 0.0, self.clock),
            store=store,
            latency=self.latency,
            metrics=self.metrics,
            clock=self.clock,
            memory=self.memory,
            cancellations=self.cancellations,
        )
        takes = SharedTakes(
            maker,
            catalogue=CATALOGUE,
            store=store,
            latency=self.latency,
            metrics=self.metrics,
            clock=self.clock,
            prefix="takes",
        )
        self.pipeline = Pipeline(
            catalogue=CATALOGUE,
            rollout=self.rollout,
            takes=takes,
            google=self.watch,
            bucket=self.shelf.bucket,
            clock=self.clock,
            metrics=self.metrics,
            open_sink=self.listener.open,
            new_id=self.listener.new_id,
        )
        self.handler = Handler(self.pipeline, self.metrics, self.clock, 50_000, RETRY_DELAYS)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    async def _trial(self) -> Failure | None:
        self.probes += 1
        code = self.probe.pop(0) if len(self.probe) > 1 else self.probe[0]
        return classify_failure(code, "no") if code else None

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.Handle:
        """The clock goes on when the loop has nothing better to do."""
        handle: asyncio.Handle

        def pass_time() -> None:
            if handle.cancelled():
                return
            if self.google.busy:
                asyncio.get_running_loop().call_soon(pass_time)
                return
            self.seconds += seconds
            call()

        handle = asyncio.get_running_loop().call_soon(pass_time)
        return handle

    @contextmanager
    def waiting(self) -> Iterator[None]:
        began = self.seconds
        yield
        self.waits.append(self.seconds - began)

    async def run(self, lane: Lane = Lane.DIALOGUE, **changes: Any) -> Outcome:
        (outcome,) = await self.run_all({**changes}, lane=lane)
        return outcome

    async def run_all(self, *jobs: dict[str, Any], lane: Lane = Lane.DIALOGUE) -> list[Outcome]:
        """Jobs side by side."""
        probing = [asyncio.create_task(watch.run()) for watch in (self.watch, self.s3)]
        running = [self.pipeline.run(job(**{"audio": WAV, **each}), lane, 0.25, self.waiting) for each in jobs]
        try:
            async with asyncio.timeout(60):
                return list(await asyncio.gather(*running))
        finally:
            for task in probing:
                task.cancel()

    def count(self, name: str, **labels: Any) -> float:
        return sum(
            sample.value
            for family in self.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def counted(self) -> dict[str, float]:
        """What the plan's four queries are made of."""
        return {
            f"{voice_model.value} {status}": number
            for voice_model in VoiceModel
            for status in ("success", "error")
            if (number := self.count("tts_synthesis_total", voice_model=voice_model, status=status))
        } | ({"fallback": number} if (number := self.count("tts_chirp3_fallback_total")) else {})


def spoke(outcome: Outcome) -> Any:
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.DONE, outcome.completion.error
    assert outcome.dead_letter is None
    return outcome.completion


def failed(outcome: Outcome, *, retryable: bool = False) -> Any:
    assert outcome.completion is not None
    assert outcome.completion.status is JobStatus.FAILED
    assert outcome.retryable is retryable
    assert outcome.completion.audio is None
    assert outcome.dead_letter == outcome.completion.error
    return outcome.completion
