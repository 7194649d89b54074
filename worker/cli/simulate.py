"""The command that simulates a plan over a trace of traffic: its options."""

from pathlib import Path
from typing import Annotated, Final

import typer

from worker.cli.rollout_change import AsJson
from worker.rollout.simulation.trace_file import BUILT_IN

_TRACES: Final = ", ".join(BUILT_IN)


def simulate(
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="A YAML file, or staging or production.")],
    traffic: Annotated[str, typer.Option(metavar="TRACE", help=f"A YAML file, or one of {_TRACES}.")],
    seeds: Annotated[int, typer.Option(min=1, help="So many simulations, and what they come to.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the first one; the others count on.")] = 1,
    lasts: Annotated[str | None, typer.Option(help="How long, such as 7d; default: as long as the trace.")] = None,
    step: Annotated[str | None, typer.Option(help="Drawn and judged at once; default the short window.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the first one's timeline, .png or .svg.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a plan: timeline, what is heard, what it costs; over many seeds, how often it errs. Changes nothing."""
    from worker.cli.simulation_run import run_simulation

    run_simulation(plan, traffic, seeds=seeds, seed=seed, lasts=lasts, step=step, plot=plot, as_json=as_json)
