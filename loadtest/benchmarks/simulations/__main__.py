"""`make simulations`: holds the roll-back rules against what is demanded of them, over many simulated rollouts."""

import os
import sys
from datetime import timedelta
from typing import Annotated, Final

import typer

from loadtest.benchmarks.simulations.demands import Case, Result, demands, head
from worker.cli import terminal
from worker.config.settings import load_settings
from worker.rollout.plan.model import duration, spelled
from worker.rollout.simulation.course import Course
from worker.rollout.simulation.many import Simulation, courses
from worker.speech.catalogue import load_catalogue

_HOW: Final = """\
Each row: the production plan's rules at 10 %, the shipped traces (some 20 Chirp and 180 WaveNet attempts in 5 minutes,
2 % errors, 14 characters, one length band), drawn and judged every {step} by the controller's own code."""


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Simulations of each case.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The first one's; the others count on.")] = 0,
    step: Annotated[str, typer.Option(help="Drawn and judged at once: 5m, or 1m as the controller does.")] = "5m",
    processes: Annotated[int | None, typer.Option(min=1, help="At once; default: one a core.")] = None,
) -> None:
    """Print each demand, what was counted and whether it is met; ends with 1 if one isn't."""
    try:
        lasts = duration(step)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--step") from None
    if lasts not in {timedelta(minutes=1), timedelta(minutes=5)}:
        raise typer.BadParameter("allowed are 1m and 5m", param_hint="--step")
    catalogue = load_catalogue(load_settings().worker.characters_file).names
    asked = demands(catalogue)
    typer.echo(_HOW.format(step=spelled(lasts)))
    typer.echo(head())
    results: list[Result] = []
    for case in dict.fromkeys(each.case.name for each in asked):
        of = [each for each in asked if each.case.name == case]
        found = _courses(of[0].case, catalogue, range(seed, seed + seeds), lasts, processes or os.cpu_count() or 1)
        for each in of:
            results.append(each.result(found))
            typer.echo(results[-1].row())
    if not all(each.met for each in results):
        raise typer.Exit(1)


def _courses(case: Case, catalogue: frozenset[str], seeds: range, step: timedelta, processes: int) -> list[Course]:
    found: list[Course] = []
    with terminal.progress(case.name) as tell:
        for each in courses(Simulation(case.plan, case.trace, catalogue, step), seeds, processes):
            found.append(each)
            tell(len(found), len(seeds))
    return found


if __name__ == "__main__":
    try:
        typer.run(main)
    except KeyboardInterrupt:
        sys.exit(130)
