"""`make simulations`: measures the roll-back rules against their demands, over many simulated rollouts."""

import os
import sys
from datetime import timedelta
from typing import Annotated, Final

import typer

from loadtest.benchmarks.simulations.demands import Case, Result, all_demands, table_head
from worker.cli import terminal
from worker.config.settings import load_settings
from worker.rollout.plan.units import format_duration, parse_duration
from worker.rollout.simulation.parallel import Simulation, simulate_many
from worker.rollout.simulation.result import SimulatedRollout
from worker.speech.catalogue_file import load_catalogue

_INTRODUCTION: Final = """\
Each row: the production plan's rules at 10 %, the shipped traces (some 20 Chirp and 180 WaveNet attempts in 5 minutes,
2 % errors, 14 characters, one length band), drawn and evaluated every {step} by the controller's own code."""


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Simulations of each case.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The first seed; the others count up from it.")] = 0,
    step: Annotated[str, typer.Option(help="The step of drawing and evaluating: 5m, or the controller's 1m.")] = "5m",
    processes: Annotated[int | None, typer.Option(min=1, help="How many run at once; default: one a core.")] = None,
) -> None:
    """Print each demand, what was counted and whether it is met; exit with 1 if one isn't."""
    try:
        step_length = parse_duration(step)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--step") from None
    if step_length not in {timedelta(minutes=1), timedelta(minutes=5)}:
        raise typer.BadParameter("allowed are 1m and 5m", param_hint="--step")
    catalogue = load_catalogue(load_settings().worker.characters_file).names
    demands = all_demands(catalogue)
    typer.echo(_INTRODUCTION.format(step=format_duration(step_length)))
    typer.echo(table_head())
    results: list[Result] = []
    for name in dict.fromkeys(each.case.name for each in demands):
        of_case = [each for each in demands if each.case.name == name]
        simulations = _simulate(
            of_case[0].case, catalogue, range(seed, seed + seeds), step_length, processes or os.cpu_count() or 1
        )
        for each in of_case:
            results.append(each.result(simulations))
            typer.echo(results[-1].row())
    if not all(each.is_met for each in results):
        raise typer.Exit(1)


def _simulate(
    case: Case, catalogue: frozenset[str], seeds: range, step: timedelta, processes: int
) -> list[SimulatedRollout]:
    found: list[SimulatedRollout] = []
    with terminal.progress(case.name) as show:
        for each in simulate_many(Simulation(case.plan, case.trace, catalogue, step), seeds, processes):
            found.append(each)
            show(len(found), len(seeds))
    return found


if __name__ == "__main__":
    try:
        typer.run(main)
    except KeyboardInterrupt:
        sys.exit(130)
