"""The rules of a query's criterion as tables (value or error, limit) → status."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.rollout.analysis.test_evaluate import criterion
from worker.rollout.analysis.evaluate_query import QueryResult, evaluate_query
from worker.rollout.analysis.verdict import Criterion, Status, Use

PASS, HOLD, FAIL, ERROR = Status.PASS, Status.HOLD, Status.FAIL, Status.ERROR


def query(use: Use, limit: float = 3, **fields: Any) -> Criterion:
    return criterion("query", limit, use=use, name="complaints", query="sum(complaints)", **fields)


@pytest.mark.parametrize(
    ("use", "above", "value", "status"),
    [
        ("gate", False, 2.9, PASS), ("gate", False, 3.0, FAIL), ("gate", False, 3.1, FAIL),
        ("gate", True, 2.9, FAIL), ("gate", True, 3.0, FAIL), ("gate", True, 3.1, PASS),
        ("at_once", None, 2.9, PASS), ("at_once", None, 3.0, PASS), ("at_once", None, 3.1, FAIL),
    ],
)  # fmt: skip
def test_a_query_at_its_limit_neither_passes_a_gate_nor_rolls_back(
    use: Use, above: bool | None, value: float, status: Status
) -> None:
    verdict = evaluate_query(query(use, **({} if above is None else {"above": above})), QueryResult(value))
    assert (verdict.status, verdict.value, verdict.limit) == (status, value, 3.0)
    assert verdict.message == f"{value:g}; limit 3"


def test_a_querys_limit_may_be_zero() -> None:
    for value, status in ((-0.1, PASS), (0.0, FAIL), (0.1, FAIL)):
        assert evaluate_query(query("gate", limit=0), QueryResult(value)).status is status


@pytest.mark.parametrize(
    ("allowed", "errors", "status", "message"),
    [
        (3, 1, HOLD, "down"), (3, 2, HOLD, "down, 2 times in a row"), (3, 3, HOLD, "down, 3 times in a row"),
        (3, 4, ERROR, "down, 4 times in a row"), (0, 1, ERROR, "down"), (1, 1, HOLD, "down"),
        (1, 2, ERROR, "down, 2 times in a row"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("use", ["gate", "at_once"])
def test_a_query_that_fails_more_often_in_a_row_than_allowed_is_an_error(
    use: Use, allowed: int, errors: int, status: Status, message: str
) -> None:
    verdict = evaluate_query(query(use, errors_allowed=allowed), QueryResult(None, "down", errors))
    assert (verdict.status, verdict.message, verdict.value) == (status, message, None)


@pytest.mark.parametrize("use", ["gate", "at_once"])
def test_a_query_without_data_follows_its_policy_and_one_that_has_not_run_holds(use: Use) -> None:
    for policy, status in (("hold", HOLD), ("pass", PASS), ("fail", FAIL)):
        verdict = evaluate_query(query(use, no_data=policy), QueryResult())
        assert (verdict.status, verdict.message, verdict.sample) == (status, "the query returns no data", 0)
        assert evaluate_query(query(use, no_data=policy), None).status is HOLD
