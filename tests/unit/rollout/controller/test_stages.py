"""A plan's steps on the state: each does what the plan says, and no way back ever adds a user or a character."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.enums import Phase
from schemas.errors import RefusedError
from schemas.revision import FULL_PERCENTAGE
from tests.unit.plans import BEFORE, HOUR, PLAN, approval, begun, judgement, run_of
from tests.unit.rollouts import CHARACTERS, NOW, TIMES, exposed, names, states
from worker.rollout import changes
from worker.rollout.analysis.verdict import Evaluation, Verdict
from worker.rollout.changes import ALL, Change, widens
from worker.rollout.controller import manual_changes, stages
from worker.rollout.controller.plan_run import require_run, time_served
from worker.rollout.controller.state_machine import Transition, next_step
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState

STAGES = [each.name for each in PLAN.stages]
QUESTIONS = ("voice_quality", "no_complaints")
LATER = [time for time in TIMES if time >= NOW]


def test_a_plan_starts_at_its_first_stage_and_what_is_out_stays_out() -> None:
    before = RolloutState(
        enabled=True, percentage=FULL_PERCENTAGE, characters=None, excluded=frozenset({"ghoul"}),
        quarantined={"raider": NOW + HOUR}, fallback=False, salt="s", revision=6,
    )  # fmt: skip
    after = stages.start(before, PLAN, NOW, text="its file", day_s=60)
    assert (after.enabled, after.percentage, after.characters, after.fallback) == (False, 0, None, True)
    assert (after.excluded, after.quarantined, after.salt) == (before.excluded, before.quarantined, "s")
    run = run_of(after)
    assert (run.plan, run.text, run.day_s, run.stage, run.phase) == ("small", "its file", 60, "0", Phase.RUNNING)
    assert (run.since, run.serving_since, run.served_s, run.stage_revision) == (NOW, NOW, 0, 7)


def test_a_plan_may_start_at_a_later_stage() -> None:
    after = begun("3")
    assert (after.enabled, after.percentage, after.characters) == (True, 2_500, PLAN.stage("3").characters)


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.PAUSED])
def test_another_plan_is_not_started_over_one_that_runs_until_it_is_stopped(phase: Phase) -> None:
    state = begun("2")
    state = stages.pause(state, NOW) if phase is Phase.PAUSED else state
    with pytest.raises(RefusedError, match=f"is {phase} in stage 2; `rollout stop`"):
        begun("1", state)
    stopped = stages.stop(state)
    assert exposed(stopped, NOW) == exposed(state, NOW)
    assert run_of(begun("1", stopped)).stage == "1"


def test_a_plan_that_rolled_back_may_be_started_anew() -> None:
    assert run_of(begun("1", stages.turn_off_and_wait(begun("2"), NOW))).phase is Phase.RUNNING


def test_a_promotion_begins_the_next_stage_as_the_plan_says_and_its_questions_are_open() -> None:
    state = replace(manual_changes.answer(begun("3"), PLAN, approval()), revision=8)
    after = stages.promote(state, PLAN, NOW + HOUR)
    assert (after.percentage, after.characters) == (5_000, None)
    run = run_of(after)
    assert (run.stage, run.since, run.served_s, run.stage_revision) == ("4", NOW + HOUR, 0, 9)
    assert run.approvals == ()


def test_after_the_last_stage_the_plan_has_ended_and_exposure_stays() -> None:
    state = begun("4")
    after = stages.promote(state, PLAN, NOW + HOUR)
    assert run_of(after).phase is Phase.DONE
    assert exposed(after, NOW) == exposed(state, NOW)
    for verb in (stages.promote, stages.resume):
        with pytest.raises(RefusedError, match="has ended"):
            verb(after, PLAN, NOW)
    with pytest.raises(RefusedError, match="done"):
        stages.pause(after, NOW)


def test_back_to_a_stage_with_a_higher_percentage_for_fewer_keeps_the_lower_one() -> None:
    after = stages.step_back(begun("3"), PLAN, "2", NOW + HOUR)
    assert (after.enabled, after.percentage, after.characters) == (True, 2_500, frozenset({"pip_boy"}))
    run = run_of(after)
    assert (run.stage, run.phase, run.serving_since, run.since) == ("2", Phase.WAITING, None, NOW + HOUR)


def test_back_to_a_stage_none_of_whose_characters_is_listed_now_turns_chirp_off() -> None:
    state = changes.set_to(begun("3"), characters=frozenset({"ghoul"}))
    after = stages.step_back(state, PLAN, "2", NOW)
    assert not after.enabled
    assert after.characters is not None


def test_back_to_a_stage_without_chirp_turns_it_off() -> None:
    assert not stages.step_back(begun("1"), PLAN, "0", NOW).enabled


def test_nothing_goes_back_to_a_later_stage_or_to_one_that_is_not_there() -> None:
    with pytest.raises(RefusedError, match="stage 4 comes after 3"):
        stages.step_back(begun("3"), PLAN, "4", NOW)
    with pytest.raises(RefusedError, match="plan small has 0, 1, 2, 3, 4"):
        stages.step_back(begun("3"), PLAN, "5", NOW)


def test_going_back_gives_a_fallback_that_was_turned_off_manually_back() -> None:
    assert stages.step_back(changes.set_to(begun("3"), fallback=False), PLAN, "2", NOW).fallback


def test_a_pause_stops_the_time_and_a_resume_goes_on_with_what_was_served() -> None:
    state = begun("2")
    paused = stages.pause(state, NOW + HOUR)
    assert exposed(paused, NOW) == exposed(state, NOW)
    assert time_served(run_of(paused), NOW + 9 * HOUR) == HOUR
    assert Change(paused, stages.pause(paused, NOW + 2 * HOUR), NOW).is_noop
    resumed = stages.resume(paused, PLAN, NOW + 5 * HOUR)
    assert time_served(run_of(resumed), NOW + 6 * HOUR) == 2 * HOUR
    assert run_of(resumed).stage_revision == run_of(state).stage_revision


def test_who_waited_begins_the_stage_again_as_the_plan_says() -> None:
    waiting = stages.step_back(begun("3"), PLAN, "2", NOW + HOUR)
    after = stages.resume(waiting, PLAN, NOW + 5 * HOUR)
    assert (after.percentage, run_of(after).phase) == (5_000, Phase.RUNNING)
    assert (run_of(after).since, time_served(run_of(after), NOW + 6 * HOUR)) == (NOW + 5 * HOUR, HOUR)
    assert Change(waiting, after, NOW).needs_confirmation


def test_without_a_plan_its_verbs_say_how_one_is_started() -> None:
    for verb in (
        stages.stop,
        partial(stages.pause, now=NOW),
        partial(stages.wait, now=NOW),
        partial(stages.turn_off_and_wait, now=NOW),
        partial(stages.promote, plan=PLAN, now=NOW),
        partial(stages.resume, plan=PLAN, now=NOW),
        partial(stages.step_back, plan=PLAN, name="1", now=NOW),
        partial(manual_changes.answer, plan=PLAN, approval=approval()),
    ):
        with pytest.raises(RefusedError, match="no plan runs; `chirp-worker rollout start PLAN`"):
            verb(BEFORE)


def test_excluded_quarantined_and_unlisted_characters_are_not_exposed() -> None:
    state = begun("3")
    catalogue = frozenset({"pip_boy", "ghoul", "raider", "codsworth"})
    assert state.exposed_characters(catalogue, NOW) == {"pip_boy", "ghoul", "raider"}
    out = changes.quarantine(changes.exclude(state, "ghoul"), "raider", NOW + HOUR)
    assert out.exposed_characters(catalogue, NOW) == {"pip_boy"}
    assert out.exposed_characters(catalogue, NOW + HOUR) == {"pip_boy", "raider"}
    assert begun("4").exposed_characters(catalogue, NOW) == catalogue
    for nobody in (changes.turn_off(state), replace(state, percentage=0)):
        assert nobody.exposed_characters(catalogue, NOW) == frozenset()


# A stage's exposure is drawn too: what holds for PLAN alone might be its numbers' doing.
plan_stages = st.builds(
    lambda percentage, characters, enabled, fallback: {
        "percentage": percentage,
        "characters": sorted(characters) or "all",
        "enabled": enabled,
        "fallback": fallback,
    },
    st.sampled_from([0, 0.01, 10, 50, 99.99, 100]),
    names,
    st.booleans(),
    st.booleans(),
)
plans = st.lists(plan_stages, min_size=len(STAGES), max_size=len(STAGES)).map(
    lambda drawn: Plan.model_validate(
        {
            "version": 1,
            "name": "drawn",
            "stages": [
                {
                    "name": name,
                    "at_least": "1h",
                    "at_most": "2h",
                    "approvals": [{"name": each, "question": "?"} for each in QUESTIONS],
                    **each,
                }
                for name, each in zip(STAGES, drawn, strict=True)
            ],
        }
    )
)
Verb = tuple[str, Any]
one = st.sampled_from(CHARACTERS)
rules = st.lists(
    st.builds(
        lambda use, character, window: judgement(
            use, character=character if use == "character" else None, window=window
        ),
        st.sampled_from(["at_once", "step", "character"]),
        one,
        st.sampled_from(["5m", "1h"]),
    ),
    min_size=1,
    max_size=4,
)
narrowing: st.SearchStrategy[Verb] = st.one_of(
    st.tuples(st.just("off"), st.none()),
    st.tuples(st.just("exclude"), one),
    st.tuples(st.just("quarantine"), st.tuples(one, st.sampled_from(TIMES))),
    st.tuples(st.just("back_to"), st.sampled_from(STAGES)),
    st.tuples(st.just("turn_off_and_wait"), st.none()),
    st.tuples(st.just("wait"), st.none()),
    st.tuples(st.just("pause"), st.none()),
    st.tuples(st.just("stop"), st.none()),
    st.tuples(st.just("reject"), st.sampled_from(QUESTIONS)),
    st.tuples(st.just("set less"), st.integers(0, FULL_PERCENTAGE)),
    st.tuples(st.just("unlist"), one),
    st.tuples(st.just("controller"), rules),
)
other: st.SearchStrategy[Verb] = st.one_of(
    st.tuples(st.just("start"), st.sampled_from(STAGES)),
    st.tuples(st.just("promote"), st.none()),
    st.tuples(st.just("resume"), st.none()),
    st.tuples(st.just("approve"), st.sampled_from(QUESTIONS)),
    st.tuples(st.just("include"), one),
    st.tuples(
        st.just("set"),
        st.fixed_dictionaries(
            {},
            optional={
                "enabled": st.booleans(),
                "percentage": st.integers(0, FULL_PERCENTAGE),
                "characters": names | st.just(ALL),
                "fallback": st.booleans(),
            },
        ),
    ),
)


def done(state: RolloutState, plan: Plan, verb: Verb) -> RolloutState:
    """What a verb makes of a state; a verb that is refused changes nothing."""
    name, what = verb
    try:
        return _done(state, plan, name, what)
    except RefusedError:
        return state


def _done(state: RolloutState, plan: Plan, name: str, what: Any) -> RolloutState:
    listed = frozenset(CHARACTERS) if state.characters is None else state.characters
    manual = {
        "off": changes.turn_off,
        "set": lambda state: changes.set_to(state, **what),
        "set less": lambda state: changes.set_to(state, percentage=min(what, state.percentage)),
        "unlist": lambda state: changes.set_to(state, characters=listed - {what}),
    }
    if name in manual:
        return manual_changes.pause_on_manual_change(state, manual[name](state), NOW)
    verbs: dict[str, Any] = {
        "exclude": lambda: changes.exclude(state, what),
        "include": lambda: changes.include(state, what, NOW),
        "quarantine": lambda: changes.quarantine(state, *what),
        "back_to": lambda: stages.step_back(state, plan, what, NOW),
        "turn_off_and_wait": lambda: stages.turn_off_and_wait(state, NOW),
        "wait": lambda: stages.wait(state, NOW),
        "pause": lambda: stages.pause(state, NOW),
        "stop": lambda: stages.stop(state),
        "approve": lambda: manual_changes.answer(state, plan, approval(what)),
        "reject": lambda: manual_changes.answer(state, plan, approval(what, approved=False)),
        "start": lambda: stages.start(state, plan, NOW, text="", day_s=1, stage=what),
        "promote": lambda: stages.promote(state, plan, NOW),
        "resume": lambda: stages.resume(state, plan, NOW),
        "controller": lambda: _controlled(state, plan, what),
    }
    after: RolloutState = verbs[name]()
    return after


def _controlled(state: RolloutState, plan: Plan, failed: list[Verdict]) -> RolloutState:
    require_run(state)
    step = next_step(state, plan, Evaluation(rules=tuple(failed)), NOW, None)
    return step.verb(state) if isinstance(step, Transition) else state


@settings(max_examples=400, deadline=None)
@given(states, plans, st.lists(narrowing | other, max_size=8), st.lists(narrowing, min_size=1, max_size=5))
def test_nothing_that_narrows_adds_a_user_or_a_character_whatever_was_done_before(
    state: RolloutState, plan: Plan, earlier: list[Verb], steps: list[Verb]
) -> None:
    state = done(state, plan, ("start", "2"))
    for verb in earlier:
        state = done(state, plan, verb)
    for verb in steps:
        after = done(state, plan, verb)
        assert not Change(state, after, NOW).needs_confirmation, verb
        for at in LATER:
            assert exposed(after, at) <= exposed(state, at), verb
        state = after


@settings(max_examples=300, deadline=None)
@given(states, plans, st.lists(narrowing | other, min_size=1, max_size=8))
def test_whatever_verb_adds_somebody_is_known_to_widen(state: RolloutState, plan: Plan, steps: list[Verb]) -> None:
    for verb in steps:
        after = done(state, plan, verb)
        if any(exposed(after, at) - exposed(state, at) for at in LATER):
            assert widens(state, after, NOW), verb
        state = after
