"""The verbs that people have, on the command line and in the console."""

from __future__ import annotations

import pytest

from schemas.enums import Phase
from schemas.errors import RefusedError, UsageError
from tests.unit.rollouts import NOW
from worker.rollout.controller import stages
from worker.rollout.controller.verbs import PeoplesVerbs
from worker.rollout.log.codec import Provenance
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.parser import parse_plan
from worker.rollout.state import OFF, RolloutState
from worker.speech.catalogue_file import load_catalogue

NAMES = load_catalogue().names
VERBS = PeoplesVerbs(NAMES, lambda: NOW)
ANNA = Provenance("anna", "no calls")


def running(stage: str | None = None) -> RolloutState:
    name, text = read_plan_file("production")
    plan = parse_plan(text, name, NAMES).plan
    return stages.start(OFF, plan, NOW, text=text, day_s=86_400, stage=stage)


def test_an_answer_has_its_author_and_reason() -> None:
    (answer,) = VERBS.answer("no_complaints", ANNA, approved=True)(running()).run.approvals  # type: ignore[union-attr]
    assert (answer.name, answer.approved, answer.actor, answer.reason, answer.time) == (
        "no_complaints", True, "anna", "no calls", NOW,
    )  # fmt: skip


def test_a_plan_is_paused_resumed_promoted_and_stepped_back() -> None:
    state = running()
    paused = VERBS.pause()(state)
    assert paused.run is not None
    assert paused.run.phase is Phase.PAUSED
    assert VERBS.resume()(paused).run.phase is Phase.RUNNING  # type: ignore[union-attr]
    promoted = VERBS.promote()(state)
    assert (promoted.percentage, promoted.run.stage) == (5000, "50")  # type: ignore[union-attr]
    back = VERBS.step_back()(promoted)
    assert (back.percentage, back.run.stage, back.run.phase) == (1000, "10", Phase.WAITING)  # type: ignore[union-attr]
    assert VERBS.step_back()(running()).is_off
    assert VERBS.step_back("10")(running("100")).percentage == 1000


def test_off_and_an_exclusion_that_turns_chirp_off_pause_the_plan_and_another_does_not() -> None:
    off = VERBS.turn_off()(running())
    assert (off.is_off, off.run.phase) == (True, Phase.PAUSED)  # type: ignore[union-attr]
    without = VERBS.exclude("ghoul")(running())
    assert (without.excluded, without.run.phase) == ({"ghoul"}, Phase.RUNNING)  # type: ignore[union-attr]
    assert VERBS.include("ghoul")(without).excluded == frozenset()


@pytest.mark.parametrize("verb", [VERBS.exclude, VERBS.include])
def test_an_unknown_character_is_refused_before_anything_is_read(verb: object) -> None:
    with pytest.raises(UsageError, match="'nobody' is unknown; the characters are brotherhood_paladin, "):
        verb("nobody")  # type: ignore[operator]


@pytest.mark.parametrize("verb", [VERBS.pause(), VERBS.resume(), VERBS.promote(), VERBS.step_back()])
def test_without_a_plan_its_verbs_are_refused(verb: object) -> None:
    with pytest.raises(RefusedError, match="no plan runs"):
        verb(OFF)  # type: ignore[operator]


def test_the_time_is_read_each_time_that_a_verb_is_applied() -> None:
    times = iter([NOW, NOW.replace(hour=13)])
    verb = PeoplesVerbs(NAMES, lambda: next(times)).promote()
    first, second = verb(running()), verb(running())
    assert first.run is not None
    assert second.run is not None
    assert (first.run.since.hour, second.run.since.hour) == (12, 13)
    assert active_plan(first.run, NAMES).name == "production"
