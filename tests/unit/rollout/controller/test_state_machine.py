"""What the controller does next: back by the rules in every phase, on only when nothing is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.enums import Phase
from schemas.revision import Approval
from tests.unit.plans import HOUR, PLAN, begun, judgement, run_of
from tests.unit.rollouts import NOW
from worker.rollout import changes
from worker.rollout.analysis.verdict import Evaluation, Status, Verdict
from worker.rollout.controller import manual_changes, stages
from worker.rollout.controller.state_machine import Stay, Step, Transition, next_step
from worker.rollout.state import RolloutState

SERVED = NOW + 2 * HOUR
PASSES = (
    judgement("gate", Status.PASS, window="stage"),
    judgement("gate", Status.PASS, window="last tenth"),
)
AT_ONCE = judgement("at_once")
STEP = (judgement("step"), judgement("step", window="1h"))


def answered(state: RolloutState, **answers: bool) -> RolloutState:
    for name, approved in answers.items():
        approval = Approval(name=name, approved=approved, actor="anna", time=NOW, reason="listened")
        state = manual_changes.answer(state, PLAN, approval)
    return state


def step_of(state: RolloutState, *rules: Verdict, now: Any = SERVED, frozen: str | None = None, **judged: Any) -> Step:
    return next_step(state, PLAN, Evaluation(**{"gates": PASSES, "rules": rules, **judged}), now, frozen)


def gone(step: Step, state: RolloutState) -> RolloutState:
    assert isinstance(step, Transition)
    return step.verb(state)


def missing(step: Step) -> tuple[str, ...]:
    assert isinstance(step, Stay)
    return step.why


def phases(name: str) -> list[RolloutState]:
    """One state of each phase, with Chirp on."""
    state = begun(name)
    done = replace(state, run=run_of(state).model_copy(update={"phase": Phase.DONE, "serving_since": None}))
    return [state, stages.pause(state, NOW), stages.wait(state, NOW), done]


def test_a_stage_that_is_served_passes_and_is_answered_is_promoted() -> None:
    state = answered(begun("3"), voice_quality=True, no_complaints=True)
    step = step_of(state)
    assert isinstance(step, Transition)
    assert (step.kind, step.evidence) == ("promoted", PASSES)
    assert run_of(step.verb(state)).stage == "4"


def test_a_rollout_that_was_turned_off_manually_is_not_promoted_to_a_stage_that_turns_it_on() -> None:
    off = changes.turn_off(answered(begun("3"), voice_quality=True, no_complaints=True))
    (why,) = missing(step_of(off))
    assert "turned off by hand: `rollout resume`" in why
    assert isinstance(step_of(begun("0")), Transition), "a stage that says off is no hand's doing"


def test_after_the_last_stage_the_plan_ends() -> None:
    step = step_of(begun("4"))
    assert isinstance(step, Transition)
    assert step.kind == "ended"
    after = step.verb(begun("4"))
    assert run_of(after).phase is Phase.DONE
    assert missing(step_of(after)) == ("the plan has ended; its roll-back rules still apply",)


def test_each_missing_condition_is_reported_in_a_sentence() -> None:
    state = answered(begun("3"), no_complaints=False)
    assert missing(step_of(state, now=NOW + HOUR, frozen="frozen: the weekend", braked=7)) == (
        "a worker's hand brake is on (CHIRP3_ENABLED=false): 7 attempts by it lately",
        "1.0 h of 2h served",
        "frozen: the weekend",
        'not answered: voice_quality, "Is the voice quality acceptable?" (`rollout approve voice_quality`)',
        'anna says no: no_complaints, "No complaints?" listened',
    )


@pytest.mark.parametrize("more", [{"now": NOW + HOUR}, {"frozen": "frozen: the weekend"}, {"braked": 1}])
def test_any_one_of_them_holds_the_promotion(more: dict[str, Any]) -> None:
    assert len(missing(step_of(begun("2"), **more))) == 1


@pytest.mark.parametrize("verdict", [Status.HOLD, Status.FAIL, Status.ERROR])
@pytest.mark.parametrize("window", ["stage", "last tenth"])
def test_a_gate_that_does_not_pass_over_both_times_holds_the_promotion(verdict: Status, window: str) -> None:
    other = next(each for each in PASSES if each.window != window)
    gates = (other, judgement("gate", verdict, window=window))
    assert missing(step_of(begun("2"), gates=gates)) == (f"error_rate ({window}): {verdict}, 12 %",)


def test_one_characters_gate_holds_the_promotion_by_name() -> None:
    gates = (*PASSES, judgement("gate", window="stage", character="ghoul"))
    assert missing(step_of(begun("2"), gates=gates)) == ("error_rate of ghoul (stage): fail, 12 %",)


def test_a_dry_run_decides_nothing() -> None:
    gates = (*PASSES, judgement("gate", dry_run=True))
    step = step_of(begun("2"), judgement("at_once", dry_run=True), gates=gates)
    assert isinstance(step, Transition)
    assert step.kind == "promoted"


def test_a_stage_without_chirp_is_promoted_by_time_and_answers_alone() -> None:
    state = begun("0")
    assert run_of(gone(step_of(state, gates=()), state)).stage == "1"


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.WAITING])
def test_a_plan_that_is_paused_or_waits_is_not_promoted(phase: Phase) -> None:
    held = {Phase.PAUSED: stages.pause, Phase.WAITING: stages.wait}[phase](begun("2"), SERVED)
    (why,) = missing(step_of(held, now=SERVED + 99 * HOUR))
    assert "`rollout resume`" in why


def test_time_does_not_go_on_while_the_plan_is_paused() -> None:
    paused = stages.pause(begun("2"), NOW + HOUR)
    resumed = stages.resume(paused, PLAN, NOW + 9 * HOUR)
    assert missing(step_of(resumed, now=NOW + 9 * HOUR)) == ("1.0 h of 2h served",)
    assert isinstance(step_of(resumed, now=NOW + 10 * HOUR), Transition)


def test_time_that_is_not_served_yet_is_never_shown_as_served() -> None:
    assert missing(step_of(begun("2"), now=NOW + 2 * HOUR - timedelta(minutes=1))) == ("1.9 h of 2h served",)
    assert missing(step_of(begun("2"), now=NOW + timedelta(seconds=59.9))) == ("59 s of 2h served",)


def test_a_stage_that_lasts_too_long_waits_once_and_exposure_stays() -> None:
    state = begun("3")
    assert isinstance(step_of(state, now=NOW + 4 * HOUR), Stay)
    late = NOW + 4 * HOUR + timedelta(seconds=1)
    step = step_of(state, now=late)
    assert isinstance(step, Transition)
    assert step.kind == "waits"
    assert "may last 4h" in step.why
    assert "voice_quality" in step.why
    after = step.verb(state)
    assert (after.enabled, after.percentage, run_of(after).phase) == (True, 2_500, Phase.WAITING)
    assert isinstance(step_of(after, now=late), Stay)


@pytest.mark.parametrize("state", phases("2"), ids=lambda state: run_of(state).phase)
@pytest.mark.parametrize("frozen", [None, "frozen: the weekend"])
def test_rules_count_in_every_phase_and_when_frozen(state: RolloutState, frozen: str | None) -> None:
    off = step_of(state, AT_ONCE, frozen=frozen)
    assert isinstance(off, Transition)
    assert (off.kind, off.evidence, off.why) == ("turned off", (AT_ONCE,), "error_rate (5m): 12 %")
    after = off.verb(state)
    assert (after.enabled, run_of(after).stage, run_of(after).phase) == (False, "2", Phase.WAITING)
    back = gone(step_of(state, *STEP, frozen=frozen), state)
    assert (back.percentage, run_of(back).stage, run_of(back).phase) == (1_000, "1", Phase.WAITING)


def test_what_is_off_goes_no_further_back() -> None:
    off = stages.turn_off_and_wait(begun("2"), NOW)
    assert isinstance(step_of(off, AT_ONCE, *STEP), Stay)


def test_at_once_comes_before_a_step_and_a_step_before_a_character() -> None:
    character = judgement("character", character="ghoul")
    fine = judgement("character", Status.PASS, character="raider")
    kinds = [step_of(begun("3"), *rules) for rules in (
        (fine, character, *STEP, AT_ONCE), (fine, character, *STEP), (fine, character)
    )]  # fmt: skip
    assert [each.kind for each in kinds if isinstance(each, Transition)] == [
        "turned off",
        "stepped back",
        "quarantined",
    ]


def test_a_step_takes_both_windows_of_a_rule() -> None:
    one = (judgement("step"), judgement("step", Status.HOLD, window="1h"))
    assert isinstance(step_of(begun("2"), *one, now=NOW), Stay)


def test_before_the_first_stage_with_chirp_a_step_back_is_off() -> None:
    state = begun("1")
    to_stage_without = gone(step_of(state, *STEP), state)
    assert (to_stage_without.enabled, run_of(to_stage_without).stage) == (False, "0")
    first = PLAN.model_copy(update={"stages": PLAN.stages[1:]})
    step = next_step(state, first, Evaluation(rules=STEP), NOW, None)
    assert isinstance(step, Transition)
    assert step.kind == "turned off"
    assert not step.verb(state).enabled


def test_one_bad_character_is_quarantined_and_the_others_go_on() -> None:
    state = begun("3")
    bad = judgement("character", character="ghoul")
    step = step_of(state, bad, judgement("character", Status.HOLD, character="pip_boy"))
    assert isinstance(step, Transition)
    assert (step.kind, step.evidence, step.why) == ("quarantined", (bad,), "error_rate of ghoul (5m): 12 %")
    after = step.verb(state)
    assert after.quarantined == {"ghoul": SERVED + 24 * HOUR}
    assert (after.percentage, run_of(after)) == (state.percentage, run_of(state))


@pytest.mark.parametrize("exposed", [("pip_boy",), ("pip_boy", "ghoul", "raider")])
def test_what_all_characters_have_is_not_one_characters_fault(exposed: tuple[str, ...]) -> None:
    state = begun("3")
    for out in {"ghoul", "raider"} - set(exposed):
        state = changes.exclude(state, out)
    step = step_of(state, *(judgement("character", character=name) for name in exposed))
    assert isinstance(step, Transition)
    assert step.kind == "stepped back"
    assert step.why.startswith("every character that gets Chirp")
    assert not step.verb(state).quarantined


def test_of_many_broken_rules_two_are_described_and_all_are_evidence() -> None:
    for count, more in ((1, ""), (2, ""), (3, "; and 1 more"), (5, "; and 3 more")):
        found = tuple(judgement("at_once", title=f"rule {number}") for number in range(count))
        step = step_of(begun("2"), *found)
        assert isinstance(step, Transition)
        assert step.why == "; ".join(f"rule {number} (5m): 12 %" for number in range(min(count, 2))) + more
        assert step.evidence == found


def test_a_step_is_made_of_whatever_is_there_by_then() -> None:
    judged_on = begun("3")
    step = step_of(judged_on, *STEP)
    meanwhile = changes.exclude(judged_on, "pip_boy")
    assert gone(step, meanwhile).excluded == {"pip_boy"}
