"""Retries: what follows a failure, and the headers in which a job takes its history along. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from pydantic import TypeAdapter, ValidationError

from schemas import headers as names
from schemas.completion import Attempt, Problem
from schemas.headers import Headers, header_number, header_text, without_headers
from schemas.topics import Delays, delay_seconds
from schemas.words import JobStatus
from worker.jobs.outcome import History, Outcome, Record, Retry

# Jobs that failed together come back spread; upwards only, since a retry is due no earlier than its delay.
JITTER: Final = 0.2
# In a retry topic the first record holds back those behind it until it is due.
LONGEST_JITTER_S: Final = 10.0
_ATTEMPTS: Final = TypeAdapter(tuple[Attempt, ...])


def history_of(record: Record, now: datetime) -> History:
    """What a record of a retry topic tells of its job; headers that can't be read are as if they weren't there.

    Args:
        record: of a lane or of a retry topic.
        now: when it is seen.
    """
    topic = header_text(record.headers, names.RETRY_TOPIC)
    partition = header_number(record.headers, names.RETRY_PARTITION)
    offset = header_number(record.headers, names.RETRY_OFFSET)
    # In a lane's own topic the headers are the producer's, whatever they are called.
    if record.delay is None or topic is None or partition is None or offset is None:
        return History(record.topic, record.partition, record.offset, record.timestamp_ms, now.isoformat())
    timestamp = header_number(record.headers, names.RETRY_TIMESTAMP_MS)
    return History(
        topic,
        partition,
        offset,
        record.timestamp_ms if timestamp is None else timestamp,
        header_text(record.headers, names.RETRY_FIRST_SEEN) or now.isoformat(),
        header_number(record.headers, names.RETRY_TRIES) or 1,
        _attempts(header_text(record.headers, names.RETRY_ATTEMPTS)),
    )


def due_ms(record: Record, delay: str) -> int:
    """When a record of the retry topic of `delay` is due, in ms since 1970; never later than its jitter allows."""
    longest = int(1000 * (delay_seconds(delay) + _jitter_s(delay)))
    told = header_number(record.headers, names.RETRY_DUE_MS)
    # The record is a moment younger than the time that its header was made of.
    return min(told, record.timestamp_ms + longest) if told is not None else record.timestamp_ms + longest


def next_outcome(
    outcome: Outcome, history: History, delays: Delays, now: datetime, random: Callable[[], float]
) -> Outcome:
    """What follows a job's outcome: a retry, `expired` where that would be too late, or the outcome as it is.

    Args:
        outcome: of this try.
        history: of the job, before this try.
        delays: of each lane's retries.
        now: the time.
        random: gives numbers from 0 to below 1, for the jitter.
    """
    completion = outcome.completion
    if completion is None:
        return Outcome(None, outcome.dead_letter, history=history)
    attempts = (*history.attempts, *completion.attempts)
    whole = completion.model_copy(update={"attempts": attempts}) if history.attempts else completion
    problem = outcome.dead_letter
    of_lane = delays.get(completion.lane, ())
    if not outcome.retryable or problem is None or history.tries >= len(of_lane):
        return Outcome(whole, problem, history=history)
    delay = of_lane[history.tries]
    # Rounded up: a retry is due no earlier than its delay.
    due = int((now.timestamp() + delay_seconds(delay) + _jitter_s(delay) * random()) * 1000) + 1
    if outcome.deadline is not None and due > outcome.deadline.timestamp() * 1000:
        told = datetime.fromtimestamp(due / 1000, UTC).isoformat(timespec="milliseconds")
        message = f"the next try would be at {told}, after the deadline; the last failed: {problem.message}"
        expired = Problem(failure_class="expired", code="EXPIRED", message=message[:1000], field="deadline")
        return Outcome(whole.model_copy(update={"status": JobStatus.EXPIRED, "error": expired}), history=history)
    return Outcome(None, retry=Retry(delay, due, problem, whole), history=history)


def retry_headers(record: Record, history: History, retry: Retry) -> Headers:
    """The headers of a retry record: the producer's own, and the job's history."""
    problem = retry.problem
    told = {
        names.RETRY_DUE_MS: str(retry.due_ms),
        names.RETRY_TRIES: str(history.tries + 1),
        names.RETRY_FIRST_SEEN: history.first_seen,
        names.RETRY_TOPIC: history.topic,
        names.RETRY_PARTITION: str(history.partition),
        names.RETRY_OFFSET: str(history.offset),
        names.RETRY_TIMESTAMP_MS: str(history.timestamp_ms),
        names.RETRY_ERROR_CLASS: problem.failure_class,
        names.RETRY_ERROR_CODE: problem.code,
        names.RETRY_ERROR_MESSAGE: problem.message,
        names.RETRY_ATTEMPTS: attempts_json(retry.failed.attempts),
    }
    return [*without_headers(record.headers, names.RETRY_HEADERS), *encoded(told)]


def attempts_json(attempts: tuple[Attempt, ...]) -> str:
    """Attempts as the header's JSON array."""
    return _ATTEMPTS.dump_json(attempts, exclude_none=True).decode()


def encoded(told: dict[str, str]) -> Headers:
    """Header values as bytes; what isn't Unicode (a lone surrogate) is escaped."""
    return [(name, value.encode("utf-8", "backslashreplace")) for name, value in told.items()]


def _jitter_s(delay: str) -> float:
    return min(JITTER * delay_seconds(delay), LONGEST_JITTER_S)


def _attempts(text: str | None) -> tuple[Attempt, ...]:
    try:
        return _ATTEMPTS.validate_json(text or "[]")
    except ValidationError:
        return ()
