"""The preference gate as a table (votes → status), and its sentences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.opinions import vote
from tests.unit.rollout.analysis.test_evaluate import criterion
from tests.unit.rollout.analysis.test_stage_evaluation import judged, plan_of
from worker.rollout.analysis.evaluate_preference import evaluate_preference
from worker.rollout.analysis.preferences import Outcome, Preference, Votes
from worker.rollout.analysis.verdict import Status, Verdict

CHIRP, EQUAL, WAVENET = Outcome.CHIRP, Outcome.EQUAL, Outcome.WAVENET


def verdict(*outcomes: Outcome, limit: float | None = None, **fields: Any) -> Verdict:
    gate = criterion("preference", limit, **fields)
    preference = Preference(gate.condition.margin, 60)
    for each in outcomes:
        preference.add(each)
    return evaluate_preference(gate, preference)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([EQUAL] * 10, Status.HOLD),
        ([EQUAL] * 11, Status.PASS),
        ([WAVENET] * 13, Status.HOLD),
        ([WAVENET] * 14, Status.FAIL),
        ([CHIRP, WAVENET] * 30, Status.HOLD),
    ],
)
def test_it_passes_and_fails_by_what_is_shown(outcomes: list[Outcome], status: Status) -> None:
    found = verdict(*outcomes)
    good = sum(each is not WAVENET for each in outcomes)
    assert (found.status, found.value, found.limit, found.sample) == (status, good / len(outcomes), 0.45, len(outcomes))


def test_its_sentences() -> None:
    assert verdict(*[EQUAL] * 6, *[CHIRP] * 5, WAVENET).message == (
        "91.7% of 12 votes prefer Chirp or hear no difference (5 Chirp, 6 equal, 1 WaveNet); "
        "shown to be over 45.0% after 11 votes"
    )
    assert verdict(*[WAVENET] * 14).message.endswith("; WaveNet is shown to be preferred after 14 votes")
    assert verdict(CHIRP).message.endswith("; neither shown to be over 45.0% nor to be worse yet")
    assert verdict(CHIRP, limit=0.5).message.endswith("; neither shown to be over 50.0% nor to be worse yet")


@pytest.mark.parametrize(("policy", "status"), [("hold", Status.HOLD), ("pass", Status.PASS), ("fail", Status.FAIL)])
def test_without_votes_the_no_data_policy_decides(policy: str, status: Status) -> None:
    found = verdict(no_data=policy)
    assert (found.status, found.message, found.limit, found.sample) == (status, "no votes yet", 0.45, 0)
    # The plan's minimum sample is in attempts.
    assert verdict(*[EQUAL] * 11, sample=100).status is Status.PASS
    few = verdict(*[EQUAL] * 11, min_sample=12, no_data=policy)
    assert (few.status, few.message) == (status, "11 votes so far")
    assert verdict(*[EQUAL] * 12, min_sample=12).status is Status.PASS


def test_a_stage_needs_it_for_each_character_that_gets_chirp() -> None:
    votes = Votes()
    for number in range(11):
        votes.add(vote(number, "equal"))
        votes.add(vote(number, "wavenet", character="raider"))
    plan = plan_of(gates=[{"measure": "preference"}], roll_back={})
    gates = judged(plan, hears=("pip_boy", "ghoul"), votes=votes).gates
    found = {each.character: each.status for each in gates if each.title == "preference"}
    assert found == {"pip_boy": Status.PASS, "ghoul": Status.HOLD}
    assert {each.window for each in gates if each.title == "preference"} == {"votes"}
