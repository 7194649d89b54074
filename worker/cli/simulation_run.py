"""One `rollout simulate`: the rounds on a virtual clock over a trace of traffic, and what is shown of them."""

import os
from datetime import timedelta
from pathlib import Path

from schemas.errors import UsageError
from worker.cli import terminal
from worker.cli.views.plan import format_rows
from worker.cli.views.simulation import model_rows, summary_row, summary_words, timeline_document, timeline_rows
from worker.config.settings import load_settings
from worker.rollout.plan.file import read_plan_file
from worker.rollout.plan.model import Plan
from worker.rollout.plan.parser import parse_plan
from worker.rollout.plan.units import approximate_duration, format_duration, parse_duration
from worker.rollout.simulation.parallel import Simulation, simulate_many
from worker.rollout.simulation.picture import load_renderer
from worker.rollout.simulation.result import SimulatedRollout
from worker.rollout.simulation.summary import summarise
from worker.rollout.simulation.trace_file import parse_trace, read_trace_file
from worker.speech.catalogue_file import load_catalogue


def run_simulation(
    plan: str,
    traffic: str,
    *,
    seeds: int,
    seed: int,
    jobs_a_day: int | None,
    lasts: str | None,
    step: str | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Simulates and shows it; the arguments are the command's options.

    Raises:
        InvalidFileError: plan or trace can't be used, or the picture not be drawn.
        UsageError: a duration is none, or doesn't fit.
    """
    catalogue = load_catalogue(load_settings().worker.characters_file).names
    name, text = read_plan_file(plan)
    file = parse_plan(text, name, catalogue)
    name, text = read_trace_file(traffic)
    trace = parse_trace(text, name, catalogue)
    if lasts is not None:
        trace = trace.model_copy(update={"lasts": _duration("--lasts", lasts)})
    if jobs_a_day is not None:
        trace = trace.model_copy(update={"jobs_a_day": jobs_a_day})
    draw = load_renderer() if plot is not None else None
    simulation = Simulation(file.plan, trace, catalogue, _step(file.plan, step))
    first = simulation.run_whole(seed)
    if draw is not None and plot is not None:
        draw(first, trace, f"{file.plan.name} on {trace.name}, seed {seed}", plot)
    if seeds > 1:
        _show_many(simulation, [first, *_others(simulation, seed, seeds)], as_json=as_json)
    else:
        _show_one(simulation, first, as_json=as_json)


def _others(simulation: Simulation, seed: int, seeds: int) -> list[SimulatedRollout]:
    found: list[SimulatedRollout] = []
    with terminal.progress("simulating") as report:
        report(1, seeds)
        for each in simulate_many(simulation, range(seed + 1, seed + seeds), min(os.cpu_count() or 1, seeds - 1)):
            found.append(each)
            report(1 + len(found), seeds)
    return found


def _show_one(simulation: Simulation, course: SimulatedRollout, *, as_json: bool) -> None:
    models = model_rows(course)
    if as_json:
        document = {
            **_about(simulation),
            "seed": course.seed,
            "lasted_s": round(course.lasted.total_seconds()),
            "timeline": timeline_document(course),
            "heard": models,
            "usd": round(course.dollars, 2),
            "end": course.end,
            "waits_for": list(course.waits_for),
        }
        terminal.show_one(document, as_json=True)
        return
    terminal.show(format_rows(timeline_rows(course), "-"), as_json=False)
    terminal.say(f"\nAttempts in {approximate_duration(course.lasted)}; list prices without the free tier")
    terminal.show(format_rows(models, "-"), as_json=False)
    terminal.say(f"\nThe end: {course.end}")
    for each in course.waits_for:
        terminal.say(f"- {each}")


def _show_many(simulation: Simulation, found: list[SimulatedRollout], *, as_json: bool) -> None:
    summary = summarise(found, simulation.trace)
    if as_json:
        terminal.show_one({**_about(simulation), **summary_row(summary)}, as_json=True)
    else:
        terminal.show_one(summary_words(summary), as_json=False)


def _about(simulation: Simulation) -> dict[str, object]:
    return {
        "plan": simulation.plan.name,
        "trace": simulation.trace.name,
        "step_s": round(simulation.step.total_seconds()),
    }


def _duration(option: str, text: str) -> timedelta:
    try:
        lasts = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option} {text!r}: {error}") from None
    if not lasts:
        raise UsageError(f"{option} {text!r}: must be above 0")
    return lasts


def _step(plan: Plan, text: str | None) -> timedelta:
    windows = plan.windows
    if text is None:
        return windows.short
    step = _duration("--step", text)
    if step % windows.resolution or windows.short % step or windows.long % step:
        raise UsageError(
            f"--step {text!r}: must be a multiple of the plan's resolution, {format_duration(windows.resolution)}, and "
            f"its windows, {format_duration(windows.short)} and {format_duration(windows.long)}, multiples of it"
        )
    return step
