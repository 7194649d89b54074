"""`make bench-votes`: error rates and power of listeners' votes, and how soon more complaints are seen."""

import statistics
import sys
from typing import Annotated, Final

import typer

from loadtest.benchmarks.votes.complaints import (
    CASES,
    HEALTHY,
    Case,
    evidence_after_flood,
    threshold,
    windows_until_alarm,
)
from loadtest.benchmarks.votes.listeners import ALL_VOICES, VOTES, Result, best_power, simulate
from worker.config.settings import load_settings
from worker.rollout.analysis.preferences import FAIL_ALPHA, PASS_ALPHA, Decision
from worker.rollout.plan.conditions import DEFAULT_MARGIN
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import parse_plan
from worker.speech.catalogue_file import load_catalogue

_FLOOD: Final = 500
_MOST_HEALTHY_ALARMS: Final = 0.01
_WEEK: Final = 2016


def main(
    seeds: Annotated[int, typer.Option(min=20, help="Simulations of each case.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The first seed; the others count up from it.")] = 0,
) -> None:
    """Print each figure, and whether its demand is met; exit with 1 if one isn't."""
    numbers = range(seed, seed + seeds)
    catalogue = load_catalogue(load_settings().worker.characters_file).names
    plan = parse_plan(read_plan_file("production")[1], "production", catalogue).plan
    met = [*_show_votes(numbers), *_show_complaints(numbers, plan, catalogue), _show_flood(numbers, plan, catalogue)]
    if not all(met):
        raise typer.Exit(1)


def _show_votes(seeds: range) -> list[bool]:
    typer.echo(
        f"Votes: {len(seeds):,} characters of each kind, {VOTES} votes on each. Passed: shown to be over "
        f"{DEFAULT_MARGIN:.0%} (alpha {PASS_ALPHA:.0%}).\nFailed: shown to be worse (alpha {FAIL_ALPHA:.0%}). "
        "Best: the most powerful test that looks once, after the same votes with the same alpha.\n"
    )
    typer.echo(f"{'voices':40} {'passed':>7} {'best':>6} {'failed':>7} {'best':>6} {'open':>6} {'votes':>6}  for 95 %")
    met = []
    for voices in ALL_VOICES:
        result = simulate(voices, seeds)
        met.append(result.is_met)
        typer.echo(_vote_row(result))
    return met


def _vote_row(result: Result) -> str:
    voices = result.voices
    percent = {each: result.percent(each) for each in Decision}
    later = "over 1,000 votes" if result.later is None else f"{result.later} votes"
    demands = ("met" if result.is_met else "NOT MET") if voices.demands else ""
    return (
        f"{voices.name:40} {percent[Decision.NO_WORSE]:6.1f}% {best_power(voices, Decision.NO_WORSE):5.1f}% "
        f"{percent[Decision.WORSE]:6.1f}% {best_power(voices, Decision.WORSE):5.1f}% {percent[Decision.OPEN]:5.1f}% "
        f"{result.voted:6.1f}  {later:17} {demands:8} {voices.reason}"
    )


def _show_complaints(seeds: range, plan: Plan, catalogue: frozenset[str]) -> list[bool]:
    limit = threshold(plan, plan.stages[0], catalogue)
    some = seeds[: max(20, len(seeds) // 5)]
    typer.echo(f"\nComplaints: {len(some):,} simulations of each case, windows of 200 completions, production's rules")
    typer.echo(
        f"{'WaveNet, Chirp in 1,000':28} {'Chirp at':>8}   completions of both until it is seen, median and 95 %"
    )
    for case in CASES:
        found = [windows_until_alarm(case, plan, limit, seed) for seed in some]
        seen = sorted(each for each in found if each is not None)
        typer.echo(f"{_rates(case)} {_completions(case, seen, len(found))}")
    met = []
    for case in HEALTHY:
        alarms = sum(windows_until_alarm(case, plan, limit, seed, most=_WEEK) is not None for seed in some)
        met.append(alarms <= max(1, 2 * _MOST_HEALTHY_ALARMS * len(some)))
        typer.echo(f"{_rates(case)} {alarms} of {len(some):,} healthy weeks alarm {'met' if met[-1] else 'NOT MET'}")
    return met


def _rates(case: Case) -> str:
    return f"{case.control * 1000:6g}, {case.control * case.times * 1000:<20g} {case.share:8.0%}  "


def _completions(case: Case, seen: list[int], simulated: int) -> str:
    if len(seen) <= 0.95 * simulated:
        return f"{len(seen)} of {simulated} seen within 28 days"
    quantile = seen[-(-95 * simulated // 100) - 1]
    return f"{round(statistics.median(seen) * case.a_window):>11,} {quantile * case.a_window:>11,}"


def _show_flood(seeds: range, plan: Plan, catalogue: frozenset[str]) -> bool:
    some = seeds[: max(20, len(seeds) // 50)]
    alarms = changed = 0
    for seed in some:
        before = evidence_after_flood(plan, plan.stages[0], catalogue, seed, 0)
        after = evidence_after_flood(plan, plan.stages[0], catalogue, seed, _FLOOD)
        alarms += after > 1 >= before
        changed += evidence_after_flood(plan, plan.stages[0], catalogue, seed, 14) != after
    typer.echo(
        f"\nFloods: in {alarms} of {len(some)} days {_FLOOD} reports of one user raise an alarm; in {changed} they "
        "weigh more than one report on each character"
    )
    return not alarms and not changed


if __name__ == "__main__":
    try:
        typer.run(main)
    except KeyboardInterrupt:
        sys.exit(130)
