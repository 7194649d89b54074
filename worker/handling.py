"""The work on one record, from its bytes to its outcome: parse, run the pipeline, retry or not, count, log."""

import random

import structlog

from schemas.completion import Completion, Problem
from schemas.job import InvalidJob, Job, parse_job
from schemas.topics import Delays
from schemas.words import JobStatus, Lane
from worker.clock import Clock
from worker.kafka.retry import after, history_of
from worker.observability.metrics import Metrics
from worker.outcome import BAD_INPUT, Outcome, Pause, Record
from worker.pipeline import Pipeline

_log = structlog.get_logger(__name__)


class Handler:
    """Handles records; whatever a record holds, it ends in an outcome."""

    def __init__(
        self, pipeline: Pipeline, metrics: Metrics, clock: Clock, max_text_bytes: int, retry_delays: Delays
    ) -> None:
        self._pipeline = pipeline
        self._metrics = metrics
        self._clock = clock
        self._max_text_bytes = max_text_bytes
        self._retry_delays = retry_delays

    async def handle(self, record: Record, pause: Pause) -> Outcome:
        """Does a record's work; raises nothing but cancellation.

        Args:
            record: as it came.
            pause: sleeps for the seconds given, without a slot; a batch job that met the quota does so.
        """
        began = self._clock.now()
        history = history_of(record, began)
        waited = max(0.0, began.timestamp() - history.timestamp_ms / 1000)
        job: Job | None = None
        try:
            job = _job(record, self._max_text_bytes)
            outcome = await self._pipeline.run(job, record.lane, waited, pause)
        except InvalidJob as error:
            outcome = _rejected(error, record.lane)
        except Exception as error:  # noqa: BLE001
            # A fault of ours must not stop the others' jobs; the job is kept whole among the dead letters.
            _log.exception("job_crashed", job_id=job.job_id if job else None)
            # A message that isn't Unicode (a lone surrogate) couldn't be published.
            message = str(error)[:300].encode("utf-8", "backslashreplace").decode()
            problem = Problem(failure_class="internal", code=type(error).__name__, message=message)
            outcome = _crashed(job, record.lane, problem)
        outcome = after(outcome, history, self._retry_delays, self._clock.now(), random.random)
        self._report(record, outcome)
        return outcome

    def _report(self, record: Record, outcome: Outcome) -> None:
        completion, retry = outcome.completion, outcome.retry
        name = _named(outcome)
        self._metrics.count_job(record.lane, name, completion.timings if completion else None)
        fields: dict[str, object] = {
            "lane": record.lane.value,
            "outcome": name,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
        }
        if completion is not None:
            fields |= _described(completion)
        problem = retry.problem if retry is not None else outcome.dead_letter
        if problem is not None:
            fields |= {"error": problem.failure_class, "code": problem.code, "field": problem.field}
        if retry is not None:
            fields |= {"delay": retry.delay}
        _log.info("job", **fields)


def _named(outcome: Outcome) -> str:
    if outcome.retry is not None:
        return "retried"
    if outcome.rejected or outcome.completion is None:
        return "rejected"
    return outcome.completion.status.value


def _job(record: Record, max_text_bytes: int) -> Job:
    if record.unreadable is not None:
        raise InvalidJob("record", f"can't be read: {record.unreadable}")
    return parse_job(record.value, max_text_bytes=max_text_bytes)


def _described(completion: Completion) -> dict[str, object]:
    fields: dict[str, object] = {"job_id": completion.job_id, "character": completion.character}
    if completion.decision is not None:
        fields |= {
            "decision": completion.decision.voice_model.value,
            "reason": completion.decision.reason.value,
        }
    if completion.audio is not None and completion.voice_model is not None:
        fields |= {
            "voice_model": completion.voice_model.value,
            "fallback": completion.fallback,
            "cached": completion.audio.cached,
            "key": completion.audio.key,
        }
    if completion.timings is not None:
        fields["seconds"] = {name: round(value, 4) for name, value in completion.timings}
    return fields


def _rejected(error: InvalidJob, lane: Lane) -> Outcome:
    problem = Problem(failure_class=BAD_INPUT, code="INVALID_JOB", message=error.message[:1000], field=error.field)
    if error.job_id is None:
        return Outcome(None, problem)
    completion = Completion(job_id=error.job_id, status=JobStatus.FAILED, lane=lane, error=problem)
    return Outcome(completion, problem)


def _crashed(job: Job | None, lane: Lane, problem: Problem) -> Outcome:
    if job is None:
        return Outcome(None, problem)
    completion = Completion(
        job_id=job.job_id, status=JobStatus.FAILED, lane=lane, character=job.character, error=problem
    )
    return Outcome(completion, problem)
