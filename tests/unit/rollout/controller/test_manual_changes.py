"""Changes by people while a plan runs: they pause it, so that it doesn't undo them; and answers to its questions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.enums import Phase
from schemas.errors import RefusedError
from tests.unit.plans import BEFORE, HOUR, PLAN, approval, begun, run_of
from tests.unit.rollouts import NOW
from worker.rollout import changes
from worker.rollout.changes import Change
from worker.rollout.controller import manual_changes, stages


def test_a_manual_change_pauses_the_plan_and_a_resume_undoes_it() -> None:
    state = begun("2")
    by_hand = manual_changes.pause_on_manual_change(state, changes.set_to(state, percentage=100), NOW + HOUR)
    assert (by_hand.percentage, run_of(by_hand).phase) == (100, Phase.PAUSED)
    after = stages.resume(by_hand, PLAN, NOW + HOUR)
    assert (after.percentage, run_of(after).phase) == (5_000, Phase.RUNNING)
    assert Change(by_hand, after, NOW).needs_confirmation


def test_turning_chirp_off_pauses_the_plan_and_setting_present_values_does_not() -> None:
    state = begun("2")
    off = manual_changes.turn_off_and_pause(state, NOW + HOUR)
    assert (off.enabled, run_of(off).phase, run_of(off).served_s) == (False, Phase.PAUSED, 3600)
    assert manual_changes.pause_on_manual_change(state, changes.set_to(state, percentage=5_000), NOW) == state
    waiting = stages.wait(state, NOW)
    assert run_of(manual_changes.turn_off_and_pause(waiting, NOW)).phase is Phase.WAITING
    assert manual_changes.turn_off_and_pause(BEFORE, NOW) == replace(BEFORE, enabled=False)


def test_turning_chirp_off_while_it_is_off_keeps_the_plan_from_turning_it_on() -> None:
    for state in (begun("0"), changes.turn_off(begun("2"))):
        assert not state.enabled
        assert run_of(manual_changes.turn_off_and_pause(state, NOW)).phase is Phase.PAUSED


def test_an_exclusion_pauses_the_plan_only_where_it_turns_chirp_off() -> None:
    state = begun("3")
    some = manual_changes.pause_on_manual_change(state, changes.exclude(state, "pip_boy"), NOW)
    assert (some.enabled, run_of(some).phase) == (True, Phase.RUNNING)
    alone = begun("2")
    last = manual_changes.pause_on_manual_change(alone, changes.exclude(alone, "pip_boy"), NOW)
    assert (last.enabled, run_of(last).phase) == (False, Phase.PAUSED)


def test_without_a_plan_a_manual_change_is_applied_as_it_is() -> None:
    assert manual_changes.pause_on_manual_change(BEFORE, changes.set_to(BEFORE, percentage=1), NOW) == replace(
        BEFORE, percentage=1
    )


def test_the_last_answer_counts_and_repeating_it_changes_nothing() -> None:
    yes = manual_changes.answer(begun("3"), PLAN, approval())
    assert manual_changes.answer(yes, PLAN, approval()) == yes
    no = manual_changes.answer(yes, PLAN, approval(approved=False, actor="bert"))
    assert [(each.name, each.approved, each.actor) for each in run_of(no).approvals] == [
        ("voice_quality", False, "bert")
    ]
    assert run_of(manual_changes.answer(no, PLAN, approval())).approvals[0].approved


def test_an_unknown_question_is_refused_with_the_questions_of_the_stage() -> None:
    with pytest.raises(RefusedError, match="'stable': the questions of stage 3 are voice_quality, no_complaints"):
        manual_changes.answer(begun("3"), PLAN, approval("stable"))
    with pytest.raises(RefusedError, match="the questions of stage 1 are none"):
        manual_changes.answer(begun("1"), PLAN, approval())


def test_an_answer_that_would_be_lost_is_refused() -> None:
    with pytest.raises(RefusedError, match="`rollout resume` begins stage 3 again"):
        manual_changes.answer(stages.wait(begun("3"), NOW), PLAN, approval())
    with pytest.raises(RefusedError, match="has ended"):
        manual_changes.answer(stages.promote(begun("4"), PLAN, NOW), PLAN, approval())
