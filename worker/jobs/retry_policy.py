"""Retry policy: whether a failed job is retried, after which delay, or expires, or becomes a dead letter. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from schemas.completion import Problem
from schemas.enums import JobStatus
from schemas.topics import Delays, delay_seconds
from worker.jobs.outcome import History, Outcome, Retry

# Spreads jobs that failed together. Upwards only, since a retry is due no earlier than its delay.
JITTER: Final = 0.2
# In a retry topic the first record holds back those behind it until it is due.
LONGEST_JITTER_S: Final = 10.0


def next_outcome(
    outcome: Outcome, history: History, delays: Delays, now: datetime, random: Callable[[], float]
) -> Outcome:
    """What follows a job's outcome: a retry, `expired` if that would be after the deadline, or the outcome as it is.

    A failure that may pass is retried once for each of its lane's delays; after the last one it is a dead letter.

    Args:
        outcome: how this try ended.
        history: the job's, before this try.
        delays: each lane's retry delays, in their order.
        random: returns numbers from 0 to below 1, for the jitter.
    """
    completion = outcome.completion
    if completion is None:
        return Outcome(None, outcome.dead_letter, history=history)
    attempts = (*history.attempts, *completion.attempts)
    whole = completion.model_copy(update={"attempts": attempts}) if history.attempts else completion
    problem = outcome.dead_letter
    lane_delays = delays.get(completion.lane, ())
    if not outcome.retryable or problem is None or history.tries >= len(lane_delays):
        return Outcome(whole, problem, history=history)
    delay = lane_delays[history.tries]
    # Rounded up: a retry is due no earlier than its delay.
    due = int((now.timestamp() + delay_seconds(delay) + longest_jitter_s(delay) * random()) * 1000) + 1
    if outcome.deadline is not None and due > outcome.deadline.timestamp() * 1000:
        at = datetime.fromtimestamp(due / 1000, UTC).isoformat(timespec="milliseconds")
        message = f"the next try would be at {at}, after the deadline; the last failed: {problem.message}"
        expired = Problem(failure_class="expired", code="EXPIRED", message=message[:1000], field="deadline")
        return Outcome(whole.model_copy(update={"status": JobStatus.EXPIRED, "error": expired}), history=history)
    return Outcome(None, retry=Retry(delay, due, problem, whole), history=history)


def longest_jitter_s(delay: str) -> float:
    """By how much a retry may be due later than its delay, in seconds."""
    return min(JITTER * delay_seconds(delay), LONGEST_JITTER_S)
