"""`make bench-scale`: what a simulated week, a controller's round and an unchanged script take at full size."""

import asyncio
import statistics
import sys
from typing import Annotated

import typer

from loadtest.benchmarks.scale.rounds import Rounds, measure_rounds
from loadtest.benchmarks.scale.script import measure_script
from loadtest.benchmarks.scale.simulated_week import measure_week
from worker.config.settings import load_settings
from worker.speech.catalogue_file import load_catalogue


def main(
    seeds: Annotated[int, typer.Option(min=1, help="Simulated weeks.")] = 5,
    attempts: Annotated[int, typer.Option(min=1000, help="Counted attempts before the rounds.")] = 10_000_000,
    lines: Annotated[int, typer.Option(min=1, help="Lines of the script that hasn't changed.")] = 20_000,
) -> None:
    """Print each figure: seconds of this machine, in the shape `least / median / most`."""
    settings = load_settings()
    catalogue = load_catalogue(settings.worker.characters_file)
    weeks = [measure_week(catalogue.names, seed) for seed in range(seeds)]
    typer.echo(f"a healthy week of the production plan, simulated by 5 minutes: {_spread(weeks)} s of CPU a seed")
    typer.echo(_rounds_row(measure_rounds(catalogue.names, attempts)))
    runs = asyncio.run(measure_script(settings, catalogue, lines))
    typer.echo(f"a script of {lines:,} unchanged lines with its folder of audio, by the command: {_spread(runs)} s")


def _rounds_row(rounds: Rounds) -> str:
    return (
        f"a controller's round on {rounds.counted:,} counted attempts: {_spread(rounds.next_ms, 1)} ms; "
        f"the first after a start {rounds.first_ms:.0f} ms, one after an attempt that came late {rounds.late_ms:.0f} ms"
    )


def _spread(values: list[float], decimals: int = 2) -> str:
    return " / ".join(f"{each:.{decimals}f}" for each in (min(values), statistics.median(values), max(values)))


if __name__ == "__main__":
    try:
        typer.run(main)
    except KeyboardInterrupt:
        sys.exit(130)
