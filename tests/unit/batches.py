"""Helpers for tests of batches: lines, planned lines, completions, and a lane that answers at once."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiokafka.errors import KafkaError

from schemas.completion import Audio, Completion, DecisionTaken, Problem
from schemas.enums import AudioEncoding, DecisionReason, JobStatus, Lane, VoiceModel
from schemas.job import Job
from tests.unit.makers import CATALOGUE, job
from worker.batch.backlog import Backlog
from worker.batch.scripts.model import Line, Place
from worker.batch.voice_selection import PlannedLine, VoicePreference, VoiceSelector
from worker.rollout.state import RolloutState

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
COLUMNS = {"job_id": "A (job_id)", "character": "B (character)", "text": "C (text)"}
HALF = RolloutState(enabled=True, percentage=5000, characters=None)


def line(line_id: str = "line-1", *, scene: str | None = None, **fields: Any) -> Line:
    number = int("".join(filter(str.isdigit, line_id)) or 1)
    return Line(job(job_id=line_id, **fields), scene, Place("script.csv", number + 1), COLUMNS)


def selector(state: RolloutState = HALF) -> VoiceSelector:
    return VoiceSelector(CATALOGUE, state, NOW, "takes")


def plan(*lines: Line, state: RolloutState = HALF, **preference: Any) -> list[PlannedLine]:
    return list(selector(state).select(lines, VoicePreference(**preference)))


@dataclass
class InstantLane:
    """A lane that completes its jobs when the next completions are read; `fails` chooses the jobs that fail."""

    key_of: Callable[[str], str]
    fails: Callable[[Job], bool] = lambda _: False
    sent: list[Job] = field(default_factory=list)
    most_in_flight: int = 0
    positions: dict[int, int] = field(default_factory=lambda: {0: 0})
    backlogs: list[Backlog | Exception] = field(default_factory=list)
    _pending: list[Job] = field(default_factory=list)

    async def send(self, jobs: Sequence[Job]) -> None:
        self.sent += jobs
        self._pending += jobs
        self.most_in_flight = max(self.most_in_flight, len(self._pending))

    async def completions(self, job_ids: Container[str]) -> list[Completion]:
        self.positions = {0: self.positions[0] + len(self._pending)}
        ended, self._pending = self._pending, []
        return [self.completion(each) for each in ended if each.job_id in job_ids]

    async def backlog(self, _lane_begin: Mapping[int, int]) -> Backlog:
        answer = self.backlogs.pop(0) if self.backlogs else KafkaError("says nothing")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def completion(self, each: Job) -> Completion:
        return done(each.job_id, self.key_of(each.job_id)) if not self.fails(each) else failed(each.job_id)


def done(job_id: str, key: str, **changes: Any) -> Completion:
    model = VoiceModel.CHIRP3_HD if "/chirp3-hd/" in key else VoiceModel.WAVENET
    audio = Audio(
        uri=f"s3://tts-audio/{key}",
        bucket="tts-audio",
        key=key,
        bytes=5,
        duration_s=1.5,
        encoding=AudioEncoding.OGG_OPUS,
        sample_rate=24000,
        sha256="0" * 64,
        cached=False,
    )
    decision = DecisionTaken(voice_model=model, reason=DecisionReason.OUTSIDE, bucket=1, revision=0, percentage=50.0)
    made = Completion(
        job_id=job_id,
        status=JobStatus.DONE,
        lane=Lane.BATCH,
        audio=audio,
        decision=decision,
        voice_model=model,
        voice="v",
    )
    return made.model_copy(update=changes)


def failed(job_id: str) -> Completion:
    problem = Problem(failure_class="transient", code="UNAVAILABLE", message="try later")
    return Completion(job_id=job_id, status=JobStatus.FAILED, lane=Lane.BATCH, error=problem)
