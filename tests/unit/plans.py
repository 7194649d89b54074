"""What the tests of running plans share: a plan of the staging plan's shape, its states, judgements."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from schemas.revision import Approval, PlanRun
from tests.unit.rollouts import NOW
from worker.rollout.analysis.verdict import Status, Use, Verdict
from worker.rollout.controller import stages
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState

HOUR = timedelta(hours=1)
BEFORE = RolloutState(enabled=False, percentage=0, characters=None)


def stage(name: str, percentage: float, characters: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "percentage": percentage, "characters": characters, "at_least": "2h", **more}


PLAN = Plan.model_validate(
    {
        "version": 1,
        "name": "small",
        "roll_back": {"quarantine": "1d"},
        "stages": [
            stage("0", 0, "all", enabled=False),
            stage("1", 10, ["pip_boy"]),
            stage("2", 50, ["pip_boy"]),
            stage(
                "3",
                25,
                ["pip_boy", "ghoul", "raider"],
                at_most="4h",
                approvals=[
                    {"name": "voice_quality", "question": "Is the voice quality acceptable?"},
                    {"name": "no_complaints", "question": "No complaints?"},
                ],
            ),
            stage("4", 50, "all"),
        ],
    }
)


def begun(name: str, state: RolloutState = BEFORE, plan: Plan = PLAN) -> RolloutState:
    return stages.start(state, plan, NOW, text="its file", day_s=86_400, stage=name)


def run_of(state: RolloutState) -> PlanRun:
    assert state.run is not None
    return state.run


def approval(name: str = "voice_quality", *, approved: bool = True, actor: str = "anna") -> Approval:
    return Approval(name=name, approved=approved, actor=actor, time=NOW)


def judgement(use: Use, verdict: Status = Status.FAIL, **more: Any) -> Verdict:
    return Verdict(**{"use": use, "title": "error_rate", "window": "5m", "status": verdict, "wording": "12 %", **more})
