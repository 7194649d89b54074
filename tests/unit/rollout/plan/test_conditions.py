"""What each measure of a gate or rule needs."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from worker.rollout.plan.conditions import Gate, Rule


def test_a_preference_has_a_margin_and_a_number_of_votes() -> None:
    gate = Gate.model_validate({"measure": "preference"})
    assert (gate.margin, gate.votes) == (0.45, 60)
    assert Gate.model_validate({"measure": "preference", "limit": 0.5, "votes": 20}).margin == 0.5


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"measure": "preference", "limit": 0.19}, "limit: a preference's is a share of votes from 0.2 to 0.6"),
        ({"measure": "preference", "limit": 0.61}, "limit: a preference's is a share of votes from 0.2 to 0.6"),
        ({"measure": "preference", "votes": 19}, "votes"),
        ({"measure": "complaint_rate"}, "limit: required for rates"),
        ({"measure": "complaint_rate", "limit": 10}, "limit: a rate's limit is a share between 0 and 1"),
        ({"measure": "complaints_against_control", "limit": 0.1}, "comparisons and cache_hit_rate have none"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Gate.model_validate(fields)


@pytest.mark.parametrize("limit", [0.2, 0.6])
def test_the_margins_ends_are_allowed(limit: float) -> None:
    assert Gate.model_validate({"measure": "preference", "limit": limit}).margin == limit


def test_a_complaint_rate_may_look_at_the_last_attempts_and_a_comparison_may_not() -> None:
    assert Rule.model_validate({"measure": "complaint_rate", "limit": 0.01, "last": 500}).last == 500
    with pytest.raises(ValidationError, match="last: only for rates and times"):
        Rule.model_validate({"measure": "complaints_against_control", "last": 500})
