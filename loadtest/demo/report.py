"""What the demo shows people: the table of the lines, the plan's queries, the totals."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.demo.queries import plan_readings, totals_of
from loadtest.demo.script import Line
from loadtest.stack.counters import Counters
from schemas.completion import Completion
from schemas.enums import JobStatus, VoiceModel

_WIDTH_OF_A_FILE: Final = 240
"""Columns where no terminal sets the limit: enough for whole error messages."""
_GAP: Final = 2
_COLUMNS: Final = ("character", "line", "decision", "spoke", "audio", "took")
_RIGHT: Final = frozenset({"audio", "took"})
_STYLES: Final = {VoiceModel.CHIRP3_HD: "cyan", VoiceModel.WAVENET: "yellow"}
_NOTHING: Final = Text("-", style="dim")


def console_of_stdout() -> Console:
    """The console: as wide as its terminal (or COLUMNS says), or as a file is."""
    in_a_file = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, width=_WIDTH_OF_A_FILE if in_a_file else None)


def show_lines(console: Console, lines: Sequence[Line], completions: Mapping[str, Completion]) -> None:
    """Print the table: one row per line, in the order of the script; it fits 100 columns."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for header in _COLUMNS:
        table.add_column(header, no_wrap=True, justify="right" if header in _RIGHT else "left")
    for line in lines:
        if line.job_id in completions:
            table.add_row(*_row(line, completions[line.job_id]))
    console.print()
    console.print(table, crop=False)
    console.print(
        "decision: voice model, reason. spoke: the voice model that answered; cached: its take was stored;\n"
        "healed: Chirp's quick retry worked; else Chirp's failure class, after which WaveNet answered.\n"
        "audio: seconds of sound. took: seconds from the job's record to its outcome.",
        style="dim",
    )


def show_queries(console: Console, run: Counters) -> None:
    """The plan's four queries over the run."""
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, _GAP, 0, 0),
        title="The plan's four queries, over this run",
        title_justify="left",
        title_style="bold",
        show_header=False,
    )
    for reading in plan_readings(run):
        table.add_row(reading.name, Text(reading.value, style="bold"), Text(reading.meaning, style="dim"))
    console.print()
    console.print(table)


def show_totals(console: Console, completions: Mapping[str, Completion], run: Counters) -> None:
    """One line: what the run came to."""
    totals = totals_of(run)
    done = sum(completion.status is JobStatus.DONE for completion in completions.values())
    cached = sum(bool(completion.audio and completion.audio.cached) for completion in completions.values())
    minutes, seconds = divmod(round(totals.audio_s), 60)
    console.print()
    console.print(
        f"[bold]{len(completions)} lines[/]: {done} done, {len(completions) - done} failed, {cached} cached, "
        f"{totals.fallbacks} fallbacks\n{totals.google_calls} Google calls, "
        f"{totals.billed_characters:,} billed characters, {minutes} min {seconds} s of audio made"
    )


def _row(line: Line, completion: Completion) -> list[Text]:
    audio, decision, timings = completion.audio, completion.decision, completion.timings
    return [
        Text(line.character),
        Text(line.job_id),
        Text.assemble(_model(decision.voice_model), f" {decision.reason}") if decision else _NOTHING,
        _spoke(completion),
        Text(f"{audio.duration_s:.2f}") if audio else _NOTHING,
        Text(f"{timings.wait + timings.total:.2f}") if timings else _NOTHING,
    ]


def _model(voice_model: VoiceModel) -> Text:
    return Text(voice_model, style=_STYLES[voice_model])


def _spoke(completion: Completion) -> Text:
    if completion.voice_model is None:
        error = f" {completion.error.failure_class}" if completion.error else ""
        return Text(f"{completion.status}{error}", style="bold red")
    model = _model(completion.voice_model)
    if completion.fallback:
        failed = [attempt.failure_class for attempt in completion.attempts if attempt.failure_class]
        return Text.assemble(model, (f" ({failed[0] if failed else 'fallback'})", "red"))
    if completion.audio and completion.audio.cached:
        return Text.assemble(model, (" (cached)", "green"))
    return Text.assemble(model, (" (healed)", "green")) if is_healed(completion) else model


def is_healed(completion: Completion) -> bool:
    """Whether a quick retry was made and worked; the parts of a long text are several calls without one."""
    attempts = completion.attempts
    short = (completion.text_characters or 0) < 1000  # noqa: PLR2004  # far below a second part
    return len(attempts) == 1 and attempts[0].failure_class is None and attempts[0].calls > 1 and short
