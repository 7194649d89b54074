"""A simulated rollout: the controller's rounds on a virtual clock do what they do on the real one."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from schemas.enums import VoiceModel
from tests.unit.makers import CATALOGUE
from worker.rollout.plan.conditions import Gate
from worker.rollout.plan.file import BUILT_IN as BUILT_IN_PLANS
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import parse_plan
from worker.rollout.simulation.result import SimulatedRollout
from worker.rollout.simulation.simulator import simulate
from worker.rollout.simulation.trace import Trace
from worker.rollout.simulation.trace_file import BUILT_IN as BUILT_IN_TRACES
from worker.rollout.simulation.trace_file import parse_trace, read_trace_file

NAMES = CATALOGUE.names
CHIRP, WAVENET = VoiceModel.CHIRP3_HD, VoiceModel.WAVENET
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BREAK = {"at": "2h", "voice_model": "chirp3-hd"}


def plan(**fields: Any) -> Plan:
    """Production's gates, rules and questions, with hours for days."""
    read = parse_plan(read_plan_file("production")[1], "production", NAMES).plan
    hours = {"10": 3, "50": 2, "100": 1}
    stages = tuple(
        stage.model_copy(update={"at_least": hours[stage.name] * HOUR, "at_most": None}) for stage in read.stages
    )
    return read.model_copy(update={"stages": stages, **fields})


def trace(**fields: Any) -> Trace:
    given = {"version": 1, "name": "t", "lasts": "4h", "jobs_a_day": 57_600, **fields}
    return Trace.model_validate(given)


@cache
def healthy() -> SimulatedRollout:
    return simulate(plan(), trace(lasts="7h"), NAMES, 1, 5 * MINUTE)


def broken(seed: int = 1, step: timedelta = 5 * MINUTE, **shift: Any) -> SimulatedRollout:
    return simulate(plan(), trace(breaks_at="2h", shifts=[{**BREAK, **shift}]), NAMES, seed, step)


def kinds(result: SimulatedRollout) -> list[str]:
    return [each.kind for each in result.events]


def test_a_healthy_system_is_promoted_to_the_end_of_the_plan() -> None:
    assert kinds(healthy()) == ["started", "promoted", "promoted", "ended"]
    assert [(each.stage, each.percentage // 100) for each in healthy().events] == [
        ("10", 10), ("50", 50), ("100", 100), ("100", 100)
    ]  # fmt: skip
    # 3 h, 2 h and 1 h, each counted from a round: once the last window of it is settled.
    hours = [each.after / HOUR for each in healthy().events]
    assert hours == pytest.approx([0, 3, 5, 6], abs=0.3)
    assert healthy().lasted == healthy().events[-1].after - plan().windows.settle


def test_the_totals_are_the_sums_of_the_points() -> None:
    result = healthy()
    assert result.totals[CHIRP].attempts == sum(each.chirp for each in result.points)
    assert result.totals[WAVENET].failed == sum(each.wavenet_failed for each in result.points)
    assert len(result.points) == result.lasted / (5 * MINUTE)
    assert [each.percentage for each in result.points[::22]] == [1_000, 1_000, 5_000, 10_000]
    billed = {model: each.billed for model, each in result.totals.items()}
    assert result.dollars == pytest.approx((billed[CHIRP] * 30 + billed[WAVENET] * 4) / 1e6)


def test_a_broken_chirp_is_turned_off_and_nothing_happens_after_that() -> None:
    result = broken(errors=0.5)
    assert kinds(result) == ["started", "turned off"]
    assert result.events[-1].percentage == 0
    assert result.events[-1].after <= 2 * HOUR + 13 * MINUTE
    assert result.lasted < 3 * HOUR
    assert 0 < result.failed_after_break < 40
    assert result.first_failed["at_once", "error_rate", None] == result.lasted


def test_a_slow_chirp_is_turned_off() -> None:
    assert kinds(broken(seconds=6)) == ["started", "turned off"]


def test_a_chirp_that_players_complain_about_goes_back_though_nothing_fails() -> None:
    result = broken(complaints=0.05)
    assert kinds(result)[:2] == ["started", "turned off"]
    assert "complain" in result.events[1].why
    assert result.totals[CHIRP].failed < 0.1 * result.totals[CHIRP].attempts


def voted(**listeners: Any) -> SimulatedRollout:
    gate = Gate.model_validate({"measure": "preference"})
    first = plan().stages[0].model_copy(update={"gates": (gate,)})
    given = {"votes_a_day": 24_000, **listeners}
    return simulate(plan(stages=(first, *plan().stages[1:])), trace(listeners=given), NAMES, 1, 5 * MINUTE)


def test_a_stage_waits_for_listeners_votes_on_each_character() -> None:
    assert kinds(voted()) == ["started", "promoted"]
    assert kinds(voted(votes_a_day=0)) == ["started"]
    assert any("preference of ghoul (votes): hold, no votes yet" in each for each in voted(votes_a_day=0).waits_for)
    worse = voted(chirp=0.05, equal=0.05)
    assert kinds(worse) == ["started"]
    assert all("preference of" in each and ": fail, " in each for each in worse.waits_for if "preference" in each)


def test_one_broken_character_is_quarantined_and_the_others_go_on() -> None:
    result = broken(characters=["ghoul"], errors=0.9)
    assert kinds(result)[:2] == ["started", "quarantined"]
    assert "ghoul" in result.events[1].why
    assert result.events[1].characters == len(NAMES) - 1
    assert kinds(result)[-1] == "promoted"


def test_by_the_minute_the_result_is_the_same_and_a_change_applies_once_it_is_made() -> None:
    result = broken(errors=0.5, step=MINUTE)
    assert kinds(result) == ["started", "turned off"]
    assert len(result.points) == result.lasted / MINUTE
    off = result.events[-1].after
    assert off - result.lasted == plan().windows.settle


def test_after_a_step_back_the_previous_stage_applies_until_a_person_acts() -> None:
    # Better than off by fixed limits, worse than WaveNet; 50 % is there after 3 h.
    shift = {"at": "4h", "voice_model": "chirp3-hd", "errors": 0.08}
    only = plan().roll_back.model_copy(update={"at_once": (), "character": ()})
    result = simulate(plan(roll_back=only), trace(shifts=[shift], lasts="6h"), NAMES, 1, 5 * MINUTE)
    assert kinds(result)[:3] == ["started", "promoted", "stepped back"]
    assert result.events[2].percentage == 1_000


def test_a_freeze_delays_the_promotion() -> None:
    freeze = {"cron": "0 0 * * *", "lasts": "5h", "why": "the night"}
    frozen = plan().model_copy(update={"freeze": Plan.model_validate(
        {"version": 1, "name": "f", "freeze": [freeze],
         "stages": [{"name": "1", "percentage": 1, "characters": "all", "at_least": "1h"}]}).freeze})  # fmt: skip
    result = simulate(frozen, trace(lasts="6h"), NAMES, 1, 5 * MINUTE)
    assert [each.kind for each in result.events if each.after < 5 * HOUR] == ["started"]
    assert "promoted" in kinds(result)


def test_a_seed_gives_the_same_result_again() -> None:
    assert broken(errors=0.5) == broken(errors=0.5)
    assert broken(errors=0.5) != broken(seed=2, errors=0.5)


def staging(**fields: Any) -> Plan:
    """Its last two stages, with hours for days; at the traffic that it expects: see `OWN`."""
    read = parse_plan(read_plan_file("staging")[1], "staging", NAMES).plan
    stages = tuple(stage.model_copy(update={"at_least": 6 * HOUR, **fields}) for stage in read.stages[-2:])
    return read.model_copy(update={"stages": stages})


OWN = {"jobs_a_day": 20_000, "models": {model.value: {"hits": 0.3} for model in VoiceModel}}


@pytest.mark.parametrize("shift", [{"errors": 0.08}, {"seconds": 2.5}])
def test_at_100_percent_without_a_control_staging_goes_back_by_fixed_limits_at_its_own_traffic(
    shift: dict[str, float],
) -> None:
    late = trace(lasts="24h", breaks_at="8h", shifts=[{"at": "8h", "voice_model": "chirp3-hd", **shift}], **OWN)
    result = simulate(staging(), late, NAMES, 1, 5 * MINUTE)
    assert kinds(result)[:3] == ["started", "promoted", "stepped back"]
    assert result.events[2].after < 14 * HOUR
    assert "against_control" not in result.events[2].why


def test_a_simulation_ends_with_the_plan_and_then_nothing_is_waited_for() -> None:
    assert healthy().end == "the plan has ended: all of its stages are served"
    assert healthy().waits_for == ()


def test_a_simulation_that_ends_with_chirp_off_says_why_and_what_a_person_may_do() -> None:
    result = broken(errors=0.5)
    assert result.end.startswith("Chirp is off, and the plan waits for a person in stage 10: error_rate (5m): ")
    assert result.waits_for == (
        "`rollout resume` begins stage 10 (10 %) again",
        "`rollout promote` begins stage 50 (50 %), whatever the gates say",
        "`rollout stop` ends the plan; users keep what they get now",
    )


def test_a_simulation_that_ends_with_its_trace_says_what_the_plan_waits_for() -> None:
    budget = plan().limits.model_copy(update={"dollars_a_month": 1_000})
    result = simulate(plan(limits=budget), trace(), NAMES, 1, 5 * MINUTE)
    assert result.end == "the trace ends after 4h, in stage 10"
    (waits_for,) = result.waits_for
    assert waits_for.startswith("budget (next stage): hold, 2,")
    assert waits_for.endswith("budget 1,000.00 USD; a plan with a higher limits.dollars_a_month would go on")
    too_short = simulate(plan(), trace(lasts="2h"), NAMES, 1, 5 * MINUTE)
    assert too_short.waits_for == ("2.0 h of 3h served",)


@pytest.mark.parametrize("name", BUILT_IN_PLANS)
@pytest.mark.parametrize("traffic", BUILT_IN_TRACES)
def test_each_built_in_plan_on_each_built_in_trace_ends_with_what_a_person_can_act_on(name: str, traffic: str) -> None:
    given = parse_trace(read_trace_file(traffic)[1], traffic, NAMES).model_copy(update={"lasts": HOUR})
    read = parse_plan(read_plan_file(name)[1], name, NAMES).plan
    result = simulate(read, given, NAMES, 1, 5 * MINUTE)
    assert result.end.startswith("the trace ends after 1h, in stage ")
    assert result.waits_for
