"""A history of a rollout that tests go on with."""

from __future__ import annotations

from typing import Any

from schemas.revision import Measurement, Revision
from tests.unit.makers import CATALOGUE
from tests.unit.rollouts import NOW
from worker.rollout.controller import stages
from worker.rollout.log.codec import Provenance, to_revision
from worker.rollout.plan.parser import parse_plan
from worker.rollout.state import RolloutState

PLAN = """
version: 1
name: rehearsal
stages:
  - {name: few, percentage: 10, characters: all, at_least: 1d, tell: [team],
     approvals: [{name: no_complaints, question: "No complaints?"}]}
  - {name: everybody, percentage: 100, characters: all, at_least: 1d, tell: [team, players]}
"""
OFF = RolloutState(enabled=False, percentage=0, characters=None)
RUN = parse_plan(PLAN, "rehearsal.yaml", CATALOGUE.names).plan


class Story:
    """A history that tests go on with; `values` are its records."""

    def __init__(self) -> None:
        self.state = OFF
        self.revisions: list[Revision] = []

    def then(self, verb: Any, *arguments: Any, actor: str = "controller 1", reason: str = "", **named: Any) -> Revision:
        after = verb(self.state, *arguments, **named)
        measured = (Measurement(gate="error_rate", value=0.2, limit=0.1, sample=500, verdict="fail"),)
        made = to_revision(
            self.state,
            after,
            Provenance(actor, reason, measured),
            time=NOW,
            identity=f"{actor}-{len(self.revisions)}",
        )
        self.revisions.append(made)
        self.state = RolloutState(**{**after.__dict__, "revision": made.revision})
        return made

    def start(self) -> Revision:
        return self.then(stages.start, RUN, NOW, text=PLAN, day_s=86_400.0, actor="anna", reason="let's go")
