"""A stage evaluated round by round, as the controller and the simulation do it."""

from datetime import timedelta

from schemas.enums import Phase
from tests.unit.attempts import BEGAN, CONTROL, FAILED, MINUTE, attempt, count_attempts
from tests.unit.rollout.analysis.test_stage_evaluation import plan_of
from worker.rollout import changes
from worker.rollout.analysis.preferences import Votes
from worker.rollout.controller import stages
from worker.rollout.controller.stage_monitor import StageMonitor
from worker.rollout.controller.state_machine import Step, Transition, next_step
from worker.rollout.plan.model import Plan
from worker.rollout.state import RolloutState

CHARACTERS = frozenset({"pip_boy", "ghoul"})
FAILING = [attempt(n % 5 * MINUTE, revision=1, character="ghoul", **FAILED) for n in range(30)]
HEALTHY = [attempt(n % 20 * MINUTE, revision=1, character=name) for n in range(200) for name in sorted(CHARACTERS)]
OTHERS = [attempt(n % 20 * MINUTE, revision=1, character="ghoul", **CONTROL) for n in range(200)]


def plan() -> Plan:
    each = [{"measure": "error_rate", "limit": 0.10}, {"measure": "errors_against_control"}]
    return plan_of(roll_back={"character": each})


def begun() -> RolloutState:
    off = RolloutState(enabled=False, percentage=0, characters=None)
    return stages.start(off, plan(), BEGAN, text="its file", day_s=86_400)


def round_of(monitor: StageMonitor, state: RolloutState, after: timedelta) -> Step:
    evaluation = monitor.evaluate(state, BEGAN + after, BEGAN + after, {})
    return next_step(state, plan(), evaluation, BEGAN + after, None)


def test_a_character_that_is_included_again_is_not_quarantined_for_what_came_before() -> None:
    state = begun()
    assert state.run is not None
    monitor = StageMonitor(plan(), state.run, count_attempts(*FAILING, *HEALTHY, *OTHERS), Votes(), CHARACTERS)
    step = round_of(monitor, state, 6 * MINUTE)
    assert isinstance(step, Transition)
    assert step.kind == "quarantined"
    quarantined = step.verb(state)
    back = changes.include(quarantined, "ghoul", BEGAN + 10 * MINUTE)
    assert back.exposed_characters(CHARACTERS, BEGAN + 10 * MINUTE) == CHARACTERS
    for minute in range(10, 20):
        assert not isinstance(round_of(monitor, back, minute * MINUTE), Transition)
    assert back.run is not None
    assert back.run.phase is Phase.RUNNING
