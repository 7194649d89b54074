"""Rounds of the controller's evaluation after millions of counted attempts."""

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from schemas.enums import DecisionReason, Lane, VoiceModel
from worker.rollout.analysis.attempt_counts import AttemptCounts
from worker.rollout.analysis.observations import Observation
from worker.rollout.analysis.preferences import Votes
from worker.rollout.controller import stages
from worker.rollout.controller.plan_run import require_run
from worker.rollout.controller.stage_monitor import StageMonitor
from worker.rollout.controller.state_machine import next_step
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import parse_plan
from worker.rollout.simulation.trace_file import parse_trace, read_trace_file
from worker.rollout.simulation.traffic import BEGIN, Traffic
from worker.rollout.state import OFF, RolloutState

_STEP: Final = timedelta(minutes=1)
_DAYS: Final = 5
_ROUNDS: Final = 60
_LENGTHS: Final = {40: 1.0, 80: 1.0, 160: 1.0}


@dataclass(frozen=True)
class Rounds:
    """What rounds took, in milliseconds.

    Attributes:
        counted: attempts before the first.
        first_ms: the first round after a start, which sums up everything.
        next_ms: the rounds after it, a minute of attempts later each.
        late_ms: the round after an attempt that ended days ago: sums over its time are made anew.
    """

    counted: int
    first_ms: float
    next_ms: list[float]
    late_ms: float


def measure_rounds(characters: frozenset[str], attempts: int) -> Rounds:
    """Count so many attempts of five days at 50 % of the production plan, and time the rounds that follow."""
    plan = parse_plan(read_plan_file("production")[1], "production", characters).plan
    trace = parse_trace(read_trace_file("healthy")[1], "healthy", characters)
    trace = trace.model_copy(update={"jobs_a_day": attempts // _DAYS, "lengths": _LENGTHS})
    state = _at_half(plan)
    counts, traffic = AttemptCounts(_STEP), Traffic(trace, plan, characters, 1)
    now, end = BEGIN, BEGIN + timedelta(days=_DAYS)
    counted = 0
    while now < end:
        counted += _count(counts, traffic, now, state)
        now += _STEP
    monitor = StageMonitor(plan, require_run(state), counts, Votes(), characters)
    times = []
    for _ in range(_ROUNDS):
        _count(counts, traffic, now, state)
        now += _STEP
        times.append(_round_ms(monitor, plan, state, now))
    counts.add(_late_attempt(min(characters), state), 0, BEGIN + timedelta(hours=1))
    return Rounds(counted, times[0], times[1:], _round_ms(monitor, plan, state, now))


def _at_half(plan: Plan) -> RolloutState:
    started = stages.start(OFF, plan, BEGIN, text=plan.name, day_s=timedelta(days=1).total_seconds())
    promoted = stages.promote(replace(started, revision=1), plan=plan, now=BEGIN)
    return replace(promoted, revision=1)


def _count(counts: AttemptCounts, traffic: Traffic, begin: datetime, state: RolloutState) -> int:
    counted = 0
    for key, tally in traffic.draw_step(begin, _STEP, state):
        counted += tally.attempts
        counts.add_tally(counts.step_at(begin), key, tally)
    return counted


def _round_ms(monitor: StageMonitor, plan: Plan, state: RolloutState, now: datetime) -> float:
    started = time.perf_counter()
    evaluation = monitor.evaluate(state, now, now, {})
    step = next_step(state, plan, evaluation, now, None)
    monitor.status(state, evaluation, step, now, None).model_dump_json()
    return (time.perf_counter() - started) * 1000


def _late_attempt(character: str, state: RolloutState) -> Observation:
    return Observation(
        id="late", ended_at=BEGIN + timedelta(minutes=1), lane=Lane.DIALOGUE, character=character, language="en-US",
        text_characters=80, voice_model=VoiceModel.CHIRP3_HD, decided=VoiceModel.CHIRP3_HD,
        reason=DecisionReason.IN_ROLLOUT, revision=state.revision, first=True, seconds=1.0, billed=80,
    )  # fmt: skip
