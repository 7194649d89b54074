"""What the rollout's page shows: the state, the plan's stages and questions, verdicts, characters, history."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from schemas.revision import Measurement
from schemas.rollout_status import RolloutStatus
from tests.unit.cli.views.test_status import judged, status
from tests.unit.rollout.controller.test_verbs import ANNA, NAMES, VERBS, running
from tests.unit.rollouts import HOUR, NOW
from worker.console.web.rollout.view import RolloutView, build_view, describe_change
from worker.rollout import changes
from worker.rollout.controller import stages
from worker.rollout.log.codec import Provenance, to_revision
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.plan.active import active_plan
from worker.rollout.state import OFF, RolloutState


def log_of(*states: tuple[RolloutState, Provenance]) -> RevisionLog:
    log, before = RevisionLog(), OFF
    for number, (state, by) in enumerate(states):
        revision = to_revision(before, state, by, time=NOW + number * HOUR, identity=str(number))
        log.add(revision.model_dump_json().encode())
        before = replace(state, revision=number + 1)
    return log


def view_of(*states: tuple[RolloutState, Provenance], rounds: tuple[RolloutStatus, ...] = ()) -> RolloutView:
    log = log_of(*states)
    run = log.current.run if log.current else None
    return build_view(log, rounds, active_plan(run, NAMES) if run else None, NAMES, NOW + HOUR)


def of_production(*verdicts: object, **more: object) -> RolloutStatus:
    return status(*verdicts, **{"plan": "production", "stage": "10", **more})  # type: ignore[arg-type]


def test_before_the_first_revision_chirp_is_off_and_nothing_is_missing() -> None:
    view = view_of()
    assert (view.state.is_off, view.revision, view.history, view.stages, view.questions) == (True, None, [], (), ())
    assert {each.state for each in view.characters} == {"wavenet"}


def test_the_plans_stages_are_done_current_and_next_and_its_questions_have_their_answers() -> None:
    promoted = VERBS.promote()(running())
    view = view_of((VERBS.answer("voice_quality", ANNA, approved=False)(promoted), ANNA))
    assert [(each.name, each.percent, each.place) for each in view.stages] == [
        ("10", 10, "done"), ("50", 50, "current"), ("100", 100, "next"),
    ]  # fmt: skip
    unanswered, answered = view.questions
    assert (unanswered.name, unanswered.answer) == ("no_complaints", None)
    assert answered.answer is not None
    assert (answered.answer.approved, answered.answer.reason) == (False, "no calls")
    assert view.served == HOUR


def test_listeners_votes_stand_beside_the_question_about_the_voices() -> None:
    says = "66.7% of 60 votes prefer Chirp or hear no difference"
    votes = {"window": "votes", "sample": 60, "says": says}
    voted = judged("gate", title="preference", character="ghoul").model_copy(update=votes)
    promoted = VERBS.promote()(running())
    view = view_of((promoted, ANNA), rounds=(of_production(voted, judged("gate", title="error_rate")),))
    assert {each.name: list(each.votes) for each in view.questions} == {"no_complaints": [], "voice_quality": [voted]}


def test_gates_rules_and_comparisons_are_apart_and_numbers_have_their_units() -> None:
    rounds = of_production(
        judged("gate", title="error_rate", value=0.0123, bound=0.02, limit=0.05),
        judged("gate", title="mean_time", value=1.5, limit=2),
        judged("step", title="slow_against_control", value=4.5, limit=9),
        judged("at_once", title="our query", value=1234.5),
        judged("character", title="error_rate", character="ghoul"),
    )
    view = view_of((running(), ANNA), rounds=(rounds,))
    assert [(each.value, each.bound, each.limit) for each in view.gates] == [
        ("1.23 %", "2.00 %", "5.00 %"), ("1.50 s", "", "2.00 s"),
    ]  # fmt: skip
    assert [each.judged.title for each in view.comparisons] == ["slow_against_control"]
    assert [each.value for each in view.rules] == ["1,234.50"]


def test_a_round_of_another_plan_is_not_shown_as_this_ones() -> None:
    view = view_of((running(), ANNA), rounds=(of_production(judged("gate"), plan="staging"),))
    assert (view.status, view.gates) == (None, [])
    assert view_of((changes.set_to(OFF, enabled=True), ANNA), rounds=(of_production(judged("gate")),)).gates == []


def test_a_controller_that_should_have_reported_is_overdue() -> None:
    old, new = (of_production(time=NOW + HOUR - timedelta(seconds=age)) for age in (31, 30))
    assert view_of((running(), ANNA), rounds=(old,)).overdue
    assert not view_of((running(), ANNA), rounds=(new,)).overdue


def test_each_character_has_its_state_and_its_worst_verdict() -> None:
    state = changes.quarantine(changes.exclude(running(), "ghoul"), "raider", NOW + 2 * HOUR)
    state = changes.quarantine(state, "pip_boy", NOW)
    verdicts = [judged("character", name, title=name, character="raider") for name in ("pass", "fail", "hold")]
    tiles = {each.name: each for each in view_of((state, ANNA), rounds=(of_production(*verdicts),)).characters}
    assert {tiles[name].state for name in ("ghoul", "raider", "pip_boy")} == {"excluded", "quarantined", "chirp"}
    assert tiles["raider"].until == NOW + 2 * HOUR
    assert tiles["pip_boy"].until is None
    assert tiles["raider"].worst is not None
    assert tiles["raider"].worst.title == "fail"
    listed = view_of((changes.set_to(OFF, enabled=True, percentage=1, characters=frozenset({"ghoul"})), ANNA))
    assert {each.state for each in listed.characters if each.name != "ghoul"} == {"not_listed"}


def test_the_history_is_newest_first_on_a_line_of_time_and_says_who_was_the_controller() -> None:
    measured = Provenance("controller a", "errors", (Measurement(gate="step error_rate 1h", verdict="fail"),))
    view = view_of((running(), ANNA), (VERBS.pause()(running()), ANNA), (VERBS.turn_off()(running()), measured))
    assert [(each.revision.revision, each.kind, each.at) for each in view.history] == [
        (3, "controller", 100), (2, "person", 50), (1, "person", 0),
    ]  # fmt: skip


def test_of_many_revisions_the_last_thirty_are_shown() -> None:
    view = view_of(*((changes.set_to(OFF, percentage=n), ANNA) for n in range(1, 41)))
    assert ([each.revision.revision for each in view.history], view.older) == (list(range(40, 10, -1)), 10)


def test_a_change_is_shown_before_and_after() -> None:
    shown = describe_change(running(), VERBS.promote()(running()), NAMES, NOW)
    assert (shown.before, shown.after) == (
        "10 % of users get Chirp for all 14 characters", "50 % of users get Chirp for all 14 characters",
    )  # fmt: skip
    assert ("percentage", "10 %", "50 %") in [
        (each, before, after) for each, before, after in shown.differences
    ] or shown.differences[0][0] == "Chirp"


def test_a_plan_that_waits_for_a_person_says_who_stopped_it_and_why() -> None:
    back = Provenance("controller a", "rolled_back: errors", (Measurement(gate="step error_rate 1h", verdict="fail"),))
    promoted = VERBS.promote()(running())
    assert promoted.run is not None
    waiting = stages.step_back(promoted, active_plan(promoted.run, NAMES), "10", NOW)
    excluded = changes.exclude(waiting, "ghoul")
    view = view_of((running(), ANNA), (waiting, back), (excluded, ANNA))
    assert view.stopped is not None
    assert (view.stopped.revision, view.stopped.reason) == (2, "rolled_back: errors")
    assert view_of((running(), ANNA), (waiting, back), (VERBS.resume()(waiting), ANNA)).stopped is None
