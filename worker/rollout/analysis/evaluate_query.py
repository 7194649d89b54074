"""Evaluates a criterion by the result of its Prometheus query. Pure."""

from dataclasses import dataclass

from worker.rollout.analysis.verdict import Criterion, Status, Verdict
from worker.rollout.plan.conditions import Condition, Gate


@dataclass(frozen=True)
class QueryResult:
    """The result of a Prometheus query in this round.

    Attributes:
        value: one finite number; None without data.
        error: what went wrong, if anything.
        consecutive_errors: including this round's.
    """

    value: float | None = None
    error: str | None = None
    consecutive_errors: int = 0


def evaluate_query(criterion: Criterion, result: QueryResult | None) -> Verdict:
    """Evaluate the result of a Prometheus query; an error never rolls back."""
    condition = criterion.condition
    if result is None:
        return criterion.verdict(Status.HOLD, "the query hasn't run yet")
    if result.error is not None:
        status = Status.ERROR if result.consecutive_errors > condition.errors_allowed else Status.HOLD
        times = f", {result.consecutive_errors} times in a row" if result.consecutive_errors > 1 else ""
        return criterion.verdict(status, f"{result.error}{times}")
    if result.value is None:
        return criterion.no_data_verdict("the query returns no data")
    value, limit = result.value, condition.limit or 0.0
    status = Status.PASS if _query_passes(condition, value, limit) else Status.FAIL
    shown_limit, shown_value = _query_texts(value, limit)
    return criterion.verdict(status, f"{shown_value}; limit {shown_limit}", value=value)


def _query_texts(value: float, limit: float) -> tuple[str, str]:
    """Write limit and value as short as shows their order."""
    texts = f"{limit:g}", f"{value:g}"
    return texts if (texts[0] == texts[1]) == (limit == value) else (repr(limit), repr(value))


def _query_passes(condition: Condition, value: float, limit: float) -> bool:
    if isinstance(condition, Gate):
        return value > limit if condition.above else value < limit
    # At the limit nothing changes: a rule fails only above it, a gate passes only below it.
    return value <= limit
