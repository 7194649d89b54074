"""The ways on that a person is shown: each works, and there are none while the plan goes on by itself."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.plans import PLAN, begun
from tests.unit.rollouts import NOW
from worker.rollout import changes
from worker.rollout.controller import stages
from worker.rollout.controller.ways_on import ways_on


def test_a_plan_that_runs_needs_nobody() -> None:
    assert ways_on(begun("3"), PLAN, NOW) == ()


def test_after_a_step_back_all_ways_are_shown() -> None:
    back = stages.step_back(begun("3"), PLAN, "2", NOW)
    assert ways_on(back, PLAN, NOW) == (
        "`rollout resume` begins stage 2 (50 %) again",
        "`rollout rollback` goes back to stage 1 (10 %), at most what users get now, and waits",
        "`rollout promote` begins stage 3 (25 %), whatever the gates say",
        "`rollout off` turns Chirp off",
        "`rollout stop` ends the plan; users keep what they get now",
    )


def test_in_the_first_stage_a_roll_back_turns_chirp_off_and_in_the_last_there_is_no_promotion() -> None:
    first = ways_on(stages.pause(begun("0"), NOW), PLAN, NOW)
    assert first[:2] == (
        "`rollout resume` continues stage 0 (Chirp off)",
        "`rollout promote` begins stage 1 (10 %), whatever the gates say",
    )
    last = ways_on(stages.wait(begun("4"), NOW), PLAN, NOW)
    assert not [way for way in last if "promote" in way]
    off = ways_on(stages.turn_off_and_wait(begun("4"), NOW), PLAN, NOW)
    assert not [way for way in off if "rollout off" in way]


def test_a_quarantine_may_be_ended_while_it_lasts() -> None:
    state = changes.quarantine(begun("3"), "ghoul", NOW + timedelta(hours=1))
    assert ways_on(state, PLAN, NOW) == ("`rollout include ghoul` ends its quarantine",)
    assert ways_on(state, PLAN, NOW + timedelta(hours=2)) == ()
