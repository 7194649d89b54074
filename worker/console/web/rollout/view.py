"""What the rollout's page shows, from the log, the plan and the controller's rounds. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Final, Literal

from schemas.enums import Phase
from schemas.revision import Approval, Revision
from schemas.rollout_status import Judged, RolloutStatus
from worker.console.web.rollout.arms import ArmCurve, ArmRow, arm_curves, arm_rows
from worker.console.web.rollout.characters import CharacterTile, character_tiles
from worker.console.web.rollout.gauges import Curve, Gauge, current_rounds, curve, gauge
from worker.rollout.controller.plan_run import time_served
from worker.rollout.description import differences, exposure
from worker.rollout.log.codec import current_state
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.plan.conditions import AGAINST_CONTROL, RATES, TIMES, Measure
from worker.rollout.plan.model import VOICE_QUALITY, Plan
from worker.rollout.state import RolloutState

_SHOWN_REVISIONS: Final = 30
_COMPARISONS: Final = frozenset(each.value for each in AGAINST_CONTROL)
_SHARES: Final = frozenset({*(each.value for each in RATES), Measure.CACHE_HIT_RATE.value})
_SECONDS: Final = frozenset(each.value for each in TIMES)

StagePlace = Literal["done", "current", "next"]


@dataclass(frozen=True)
class StageStep:
    """A stage of the plan; `percent` is None while Chirp is off in it."""

    name: str
    text: str
    percent: float | None
    place: StagePlace


@dataclass(frozen=True)
class Question:
    """A question of the stage, the last answer to it, and listeners' votes by character where they help to answer."""

    name: str
    text: str
    answer: Approval | None
    votes: Sequence[Judged] = ()


@dataclass(frozen=True)
class Row:
    """A verdict with its numbers as texts, its bar and its curve."""

    judged: Judged
    value: str
    bound: str
    limit: str
    gauge: Gauge
    curve: Curve


@dataclass(frozen=True)
class Event:
    """A revision in the history, and its place on the line of time, in percent of its length."""

    revision: Revision
    kind: Literal["person", "controller"]
    at: float


@dataclass(frozen=True)
class RolloutView:
    """Everything on the page but what depends on the visitor.

    Attributes:
        stopped: the revision that stopped the plan until a person decides, such as a roll-back's; None while it runs.
    """

    now: datetime
    state: RolloutState
    revision: Revision | None
    who: str
    exposed: Collection[str]
    catalogue_size: int
    status: RolloutStatus | None
    overdue: bool
    served: timedelta | None
    at_least: timedelta | None
    at_most: timedelta | None
    stages: Sequence[StageStep]
    questions: Sequence[Question]
    gates: Sequence[Row]
    rules: Sequence[Row]
    comparisons: Sequence[Row]
    arms: Sequence[ArmRow]
    arm_curves: Sequence[ArmCurve]
    characters: Sequence[CharacterTile]
    history: Sequence[Event]
    older: int
    stopped: Revision | None


def build_view(
    log: RevisionLog, rounds: Sequence[RolloutStatus], plan: Plan | None, catalogue: frozenset[str], now: datetime
) -> RolloutView:
    """The page's contents.

    Args:
        rounds: of the controller, oldest first.
        plan: the running one; None without one, or where this version can't read it.
        catalogue: the keys of all characters.
        now: with an offset.
    """
    state = current_state(log)
    run = state.run
    last = rounds[-1] if rounds and run is not None and rounds[-1].plan == run.plan else None
    stage = plan.stage(run.stage) if plan and run else None
    of_stage = current_rounds(rounds) if last else []
    judged = last.judged if last else ()
    for_all = [each for each in judged if each.character is None]
    rows = [_row(each, of_stage) for each in for_all]
    return RolloutView(
        now=now,
        state=state,
        revision=log.current,
        who=exposure(state, catalogue, now),
        exposed=state.exposed_characters(catalogue, now),
        catalogue_size=len(catalogue),
        status=last,
        overdue=last is not None and last.is_overdue(now),
        served=time_served(run, now) if run else None,
        at_least=stage.at_least if stage else None,
        at_most=stage.at_most if stage else None,
        stages=_stages(state, plan) if plan else (),
        questions=_questions(state, plan, judged) if plan else (),
        gates=[each for each in rows if each.judged.use == "gate" and each.judged.title not in _COMPARISONS],
        rules=[each for each in rows if each.judged.use != "gate" and each.judged.title not in _COMPARISONS],
        comparisons=[each for each in rows if each.judged.title in _COMPARISONS],
        arms=arm_rows(last) if last else (),
        arm_curves=arm_curves(of_stage),
        characters=character_tiles(state, judged, catalogue, now),
        history=_history(log.accepted[-_SHOWN_REVISIONS:]),
        older=max(0, len(log.accepted) - _SHOWN_REVISIONS),
        stopped=_stopped(log.accepted),
    )


@dataclass(frozen=True)
class ChangeView:
    """A change before it is made: each value that differs, and who gets Chirp before and after."""

    before: str
    after: str
    differences: Sequence[tuple[str, str, str]]


def describe_change(before: RolloutState, after: RolloutState, catalogue: frozenset[str], now: datetime) -> ChangeView:
    """A change, for its confirmation."""
    changed = [(each.what, each.before, each.after) for each in differences(before, after)]
    return ChangeView(exposure(before, catalogue, now), exposure(after, catalogue, now), changed)


def _stages(state: RolloutState, plan: Plan) -> list[StageStep]:
    at = plan.stage_index(state.run.stage) if state.run else 0
    steps = []
    for number, stage in enumerate(plan.stages):
        place: StagePlace = "done" if number < at else "current" if number == at else "next"
        percent = stage.percentage / 100 if stage.enabled else None
        steps.append(StageStep(stage.name, stage.text, percent, place))
    return steps


def _questions(state: RolloutState, plan: Plan, judged: Iterable[Judged]) -> list[Question]:
    run = state.run
    if run is None or run.phase is Phase.DONE:
        return []
    answers = {each.name: each for each in run.approvals}
    votes = [each for each in judged if each.window == "votes"]
    return [
        Question(each.name, each.question, answers.get(each.name), votes if each.name == VOICE_QUALITY else ())
        for each in plan.stage(run.stage).approvals
    ]


def _row(judged: Judged, rounds: Sequence[RolloutStatus]) -> Row:
    value, bound, limit = (_number(judged.title, each) for each in (judged.value, judged.bound, judged.limit))
    return Row(judged, value, bound, limit, gauge(judged), curve(judged, rounds))


def _number(title: str, value: float | None) -> str:
    if value is None:
        return ""
    if title in _SHARES:
        return f"{value:.2%}".replace("%", " %")
    return f"{value:,.2f} s" if title in _SECONDS else f"{value:,.2f}"


def _stopped(revisions: Sequence[Revision]) -> Revision | None:
    """The oldest of the last revisions in which the plan waits for a person."""
    waiting = list(
        takewhile(lambda each: each.run is not None and each.run.phase is Phase.WAITING, reversed(revisions))
    )
    return waiting[-1] if waiting else None


def _history(revisions: Sequence[Revision]) -> list[Event]:
    """The newest first; on the line of time the oldest is at 0 % and the newest at 100 %."""
    if not revisions:
        return []
    begin = revisions[0].time
    span = (revisions[-1].time - begin).total_seconds()
    events = []
    for each in revisions:
        at = (each.time - begin).total_seconds() / span * 100 if span > 0 else 100.0
        kind: Literal["person", "controller"] = (
            "controller" if each.measured or each.actor.startswith("controller ") else "person"
        )
        events.append(Event(each, kind, round(min(100.0, max(0.0, at)), 2)))
    return events[::-1]
