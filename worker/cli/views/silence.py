"""A sentence about a batch that hears nothing: what Kafka knows about it, and what to do. Pure."""

from worker.batch.backlog import Backlog


def describe_silence(silent_s: float, backlog: Backlog | None) -> str:
    """Why no completion may have arrived for a number of seconds; `backlog` is None if Kafka doesn't say it."""
    heard = f"no completion for {silent_s:.0f} s"
    if backlog is None:
        return f"{heard}: is a worker running?"
    return f"{heard}: {', '.join(_reasons(backlog))}"


def _reasons(backlog: Backlog) -> list[str]:
    reasons = []
    if backlog.workers == 0:
        reasons.append(f"no worker is in the group {backlog.group}; start one, or set KAFKA_GROUP_ID to its group")
    elif backlog.workers:
        reasons.append(f"{_count(backlog.workers, 'worker')} in the group {backlog.group}")
    if backlog.before:
        reasons.append(f"{_count(backlog.before, 'job')} before yours")
    if backlog.retries:
        by_delay = ", ".join(f"{count:,} after {delay}" for delay, count in sorted(backlog.retries.items()))
        reasons.append(f"{_count(sum(backlog.retries.values()), 'job')} waiting for a retry ({by_delay})")
    if backlog.behind:
        reasons.append(f"{_count(backlog.behind, 'job')} of yours and of later batches not done")
    return reasons or ["all jobs are done, so their completions are late"]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
