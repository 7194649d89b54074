"""The command that simulates a plan over a trace of traffic: `rollout simulate`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from worker.cli.options import AsJson, PlanName
from worker.rollout.simulation.trace_file import BUILT_IN

_TRACES: Final = ", ".join(BUILT_IN)


def simulate(
    plan: PlanName,
    traffic: Annotated[str, typer.Option(metavar="TRACE", help=f"A YAML file, or one of {_TRACES}.")],
    seeds: Annotated[int, typer.Option(min=1, help="How many simulations; above 1 a summary is shown.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first simulation; the others count up.")] = 1,
    jobs_a_day: Annotated[int | None, typer.Option(min=1, help="Other traffic than the trace's.")] = None,
    lasts: Annotated[str | None, typer.Option(help="How long, such as 7d; default: as long as the trace.")] = None,
    step: Annotated[str | None, typer.Option(help="Time between two rounds; default the short window.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the first one's timeline, .png or .svg.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a plan: its timeline, attempts and cost; over many seeds, how often it errs. Changes nothing."""
    from worker.cli.simulation_run import run_simulation

    run_simulation(
        plan,
        traffic,
        seeds=seeds,
        seed=seed,
        jobs_a_day=jobs_a_day,
        lasts=lasts,
        step=step,
        plot=plot,
        as_json=as_json,
    )
