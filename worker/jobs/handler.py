"""Handles one received job, from its bytes to its outcome: parse, run the pipeline, retry or not, count, log."""

import asyncio
import random

import structlog

from schemas.completion import Completion, Problem
from schemas.enums import JobStatus, Lane
from schemas.job import Job
from schemas.parsing import InvalidJobError, check_lane, parse_job
from schemas.topics import Delays
from worker.jobs.outcome import BAD_INPUT, Outcome, ReceivedJob
from worker.jobs.pipeline import Pipeline
from worker.jobs.retry_policy import next_outcome
from worker.lifecycle.clock import Clock
from worker.lifecycle.interruptible_wait import InterruptibleWait
from worker.observability.metrics import Metrics
from worker.observability.tracing.tracer import NO_TRACER, Tracer

_log = structlog.get_logger(__name__)


class Handler:
    """Handles received jobs: each ends in an outcome, whatever its content."""

    def __init__(
        self,
        pipeline: Pipeline,
        metrics: Metrics,
        clock: Clock,
        max_text_bytes: int,
        retry_delays: Delays,
        *,
        reply_topics: frozenset[str] = frozenset(),
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._tracer = tracer
        self._pipeline = pipeline
        self._metrics = metrics
        self._clock = clock
        self._max_text_bytes = max_text_bytes
        self._retry_delays = retry_delays
        self._reply_topics = reply_topics

    async def handle(self, received: ReceivedJob, waiting: InterruptibleWait) -> Outcome:
        """Runs a job. Raises nothing but its cancellation.

        Args:
            waiting: entered while a batch job waits for quota, or for another job that makes the same take.
        """
        history = received.history
        waited = max(0.0, self._clock.now().timestamp() - history.timestamp_ms / 1000)
        job: Job | None = None
        try:
            job = self._parse(received)
            outcome = await self._pipeline.run(job, received.lane, waited, waiting)
        except InvalidJobError as error:
            reply_topic = error.reply_topic if job is None else job.reply_topic
            outcome = _rejected(error, received.lane, reply_topic if reply_topic in self._reply_topics else None)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            # A bug of this worker, or a cancellation raised by a library, must neither stop other jobs nor lose this
            # one: it becomes a dead letter with its full content.
            _log.exception("job_crashed", job_id=job.job_id if job else None)
            # A message with a lone surrogate isn't valid Unicode and can't be published.
            message = str(error)[:300].encode("utf-8", "backslashreplace").decode()
            problem = Problem(failure_class="internal", code=type(error).__name__, message=message)
            outcome = _crashed(job, received.lane, problem)
        outcome = next_outcome(outcome, history, self._retry_delays, self._clock.now(), random.random)
        self._report(received, outcome)
        return outcome

    def _parse(self, received: ReceivedJob) -> Job:
        if received.unreadable is not None:
            raise InvalidJobError("record", f"can't be read: {received.unreadable}")
        job = parse_job(received.content, max_text_bytes=self._max_text_bytes)
        if job.reply_topic is not None and job.reply_topic not in self._reply_topics:
            allowed = ", ".join(sorted(self._reply_topics)) or "none"
            message = f"{job.reply_topic!r} is no topic to reply to; allowed is (REPLY_TOPICS): {allowed}"
            raise InvalidJobError("reply_topic", message, job.job_id)
        check_lane(job, received.lane)
        return job

    def _report(self, received: ReceivedJob, outcome: Outcome) -> None:
        completion, retry = outcome.completion, outcome.retry
        name = _named(outcome)
        self._metrics.count_job(received.lane, name, completion.timings if completion else None)
        if outcome.dead_letter is not None:
            self._metrics.count_dead_letter(received.lane, outcome.dead_letter.failure_class)
        fields: dict[str, object] = {
            "lane": received.lane.value,
            "outcome": name,
            **received.log_fields,
        }
        if completion is not None:
            fields |= _described(completion)
        problem = retry.problem if retry is not None else outcome.dead_letter
        if problem is not None:
            fields |= {"error": problem.failure_class, "code": problem.code, "field": problem.field}
        if retry is not None:
            fields |= {"delay": retry.delay}
        self._trace(outcome, name)
        _log.info("job", **fields)

    def _trace(self, outcome: Outcome, name: str) -> None:
        retry = outcome.retry
        completion = outcome.completion if retry is None else retry.failed
        if completion is None:
            self._tracer.note(outcome=name)
        else:
            self._tracer.note(
                outcome=name,
                job_id=completion.job_id,
                character=completion.character,
                voice_model=completion.voice_model,
                fallback=completion.fallback,
                retry_delay=None if retry is None else retry.delay,
            )
        problem = outcome.dead_letter if retry is None else retry.problem
        if problem is not None:
            self._tracer.fail(problem.failure_class)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _named(outcome: Outcome) -> str:
    if outcome.retry is not None:
        return "retried"
    if outcome.rejected or outcome.completion is None:
        return "rejected"
    return outcome.completion.status.value


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


def _rejected(error: InvalidJobError, lane: Lane, reply_topic: str | None) -> Outcome:
    problem = Problem(failure_class=BAD_INPUT, code="INVALID_JOB", message=error.message[:1000], field=error.field)
    if error.job_id is None:
        return Outcome(None, problem)
    completion = Completion(
        job_id=error.job_id, status=JobStatus.FAILED, lane=lane, reply_topic=reply_topic, error=problem
    )
    return Outcome(completion, problem)


def _crashed(job: Job | None, lane: Lane, problem: Problem) -> Outcome:
    if job is None:
        return Outcome(None, problem)
    completion = Completion(
        job_id=job.job_id,
        status=JobStatus.FAILED,
        lane=lane,
        character=job.character,
        reply_topic=job.reply_topic,
        error=problem,
    )
    return Outcome(completion, problem)
