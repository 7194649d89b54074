"""One `rollout simulate`: the rounds on a virtual clock over a trace of traffic, and what is shown of them."""

import os
from datetime import timedelta
from pathlib import Path

import typer

from schemas.errors import UsageError
from worker.cli import terminal
from worker.cli.views.plan import for_people
from worker.cli.views.simulation import heard_rows, summary_row, summary_words, timeline_document, timeline_rows
from worker.config.settings import load_settings
from worker.rollout.plan.file import find_plan, read_plan
from worker.rollout.plan.model import Plan, duration, spelled
from worker.rollout.plan.units import about
from worker.rollout.simulation.course import Course, simulated
from worker.rollout.simulation.many import Simulation, courses
from worker.rollout.simulation.picture import drawing
from worker.rollout.simulation.summary import summary_of
from worker.rollout.simulation.trace_file import find_trace, read_trace
from worker.speech.catalogue import load_catalogue


def run_simulation(
    plan: str,
    traffic: str,
    *,
    seeds: int,
    seed: int,
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
    name, text = find_plan(plan)
    file = read_plan(text, name, catalogue)
    name, text = find_trace(traffic)
    trace = read_trace(text, name, catalogue)
    if lasts is not None:
        trace = trace.model_copy(update={"lasts": _duration("--lasts", lasts)})
    draw = drawing() if plot is not None else None
    of = Simulation(file.plan, trace, catalogue, _step(file.plan, step))
    first = simulated(of.plan, of.trace, of.catalogue, seed, of.step)
    if draw is not None and plot is not None:
        draw(first, trace, f"{file.plan.name} on {trace.name}, seed {seed}", plot)
    if seeds > 1:
        _show_many(of, [first, *_others(of, seed, seeds)], as_json=as_json)
    else:
        _show_one(of, first, as_json=as_json)


def _others(of: Simulation, seed: int, seeds: int) -> list[Course]:
    found: list[Course] = []
    with terminal.progress("simulating") as tell:
        tell(1, seeds)
        for each in courses(of, range(seed + 1, seed + seeds), min(os.cpu_count() or 1, seeds - 1)):
            found.append(each)
            tell(1 + len(found), seeds)
    return found


def _show_one(of: Simulation, course: Course, *, as_json: bool) -> None:
    heard = heard_rows(course)
    if as_json:
        document = {
            **_about(of),
            "seed": course.seed,
            "lasted_s": round(course.lasted.total_seconds()),
            "timeline": timeline_document(course),
            "heard": heard,
            "usd": round(course.dollars, 2),
        }
        terminal.show_one(document, as_json=True)
        return
    terminal.show(for_people(timeline_rows(course), "-"), as_json=False)
    typer.echo(f"\nWhat was heard in {about(course.lasted)}; list prices without the free tier")
    terminal.show(for_people(heard, "-"), as_json=False)


def _show_many(of: Simulation, found: list[Course], *, as_json: bool) -> None:
    summary = summary_of(found, of.trace)
    if as_json:
        terminal.show_one({**_about(of), **summary_row(summary)}, as_json=True)
    else:
        terminal.show_one(summary_words(summary), as_json=False)


def _about(of: Simulation) -> dict[str, object]:
    return {"plan": of.plan.name, "trace": of.trace.name, "step_s": round(of.step.total_seconds())}


def _duration(option: str, text: str) -> timedelta:
    try:
        lasts = duration(text)
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
            f"--step {text!r}: must be a multiple of the plan's resolution, {spelled(windows.resolution)}, and its "
            f"windows, {spelled(windows.short)} and {spelled(windows.long)}, multiples of it"
        )
    return step
