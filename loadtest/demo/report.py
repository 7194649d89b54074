"""What the demo shows people: the table of the lines, the plan's queries, the totals."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from loadtest.demo.readings import plan_readings, totals_of
from loadtest.demo.script import Line
from loadtest.stack.counters import Counters
from schemas.completion import Completion
from schemas.words import JobStatus, VoiceModel

_WIDTH_OF_A_FILE: Final = 240
"""Columns where no terminal sets the limit: enough for whole URIs."""
_SHORTEST_URI: Final = 20
_GAPS: Final = (2, 1)
"""Columns between columns: the wider, where the terminal has room for it."""
_COLUMNS: Final = ("character", "line", "decision, reason", "spoke", "fallback", "cached", "audio", "took", "object")
_RIGHT: Final = frozenset({"audio", "took"})
_STYLES: Final = {VoiceModel.CHIRP3_HD: "cyan", VoiceModel.WAVENET: "yellow"}
_NOTHING: Final = Text("-", style="dim")


def console_of_stdout() -> Console:
    """The console: as wide as its terminal (or COLUMNS says), or as a file is."""
    in_a_file = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, width=_WIDTH_OF_A_FILE if in_a_file else None)


def show_lines(console: Console, lines: Sequence[Line], completions: Mapping[str, Completion]) -> None:
    """The table: one row a line, in the order of the script."""
    rows = [_row(line, completions[line.job_id]) for line in lines if line.job_id in completions]
    others = [
        max(cell_len(header), *(row[column].cell_len for row in rows)) for column, header in enumerate(_COLUMNS[:-1])
    ]
    rooms = {gap: console.width - sum(others) - gap * len(others) for gap in _GAPS}
    gap = next((gap for gap in _GAPS if rooms[gap] >= _SHORTEST_URI), _GAPS[-1])
    room = max(rooms[gap], _SHORTEST_URI)
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    for header in _COLUMNS:
        table.add_column(header, no_wrap=True, justify="right" if header in _RIGHT else "left")
    for row in rows:
        table.add_row(*row[:-1], Text(shortened(row[-1].plain, room), style="dim"))
    console.print()
    # A terminal too narrow for it wraps its rows: better than to leave figures out.
    console.print(table, width=max(console.width, sum(others) + gap * len(others) + room), crop=False)
    console.print(
        "fallback: the failure class of Chirp's attempt that WaveNet answered; healed: its quick retry worked.\n"
        "audio: seconds that the take lasts; took: seconds from the job's record to its outcome.",
        style="dim",
    )


def shortened(text: str, width: int) -> str:
    """The text with its middle taken out, if it is longer than `width`: both ends of a URI say something."""
    if len(text) <= width:
        return text
    end = max((width - 1) * 2 // 3, 1)
    return f"{text[: width - 1 - end]}…{text[-end:]}"


def show_queries(console: Console, run: Counters) -> None:
    """The plan's four queries over the run."""
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, _GAPS[0], 0, 0),
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
        f"{totals.fallbacks} fallbacks, {totals.google_calls} Google calls, "
        f"{totals.billed_characters:,} billed characters, {minutes} min {seconds} s of audio made"
    )


def _row(line: Line, completion: Completion) -> list[Text]:
    audio, decision, timings = completion.audio, completion.decision, completion.timings
    return [
        Text(line.character),
        Text(line.job_id),
        Text.assemble(_model(decision.voice_model), f" {decision.reason}") if decision else _NOTHING,
        _model(completion.voice_model) if completion.voice_model else Text(completion.status, style="bold red"),
        _fallback(completion),
        Text("cached", style="green") if audio and audio.cached else _NOTHING,
        Text(f"{audio.duration_s:.2f}") if audio else _NOTHING,
        Text(f"{timings.wait + timings.total:.2f}") if timings else _NOTHING,
        Text(audio.uri if audio else completion.error.message if completion.error else ""),
    ]


def _model(voice_model: VoiceModel) -> Text:
    return Text(voice_model, style=_STYLES[voice_model])


def _fallback(completion: Completion) -> Text:
    failed = [attempt.failure_class for attempt in completion.attempts if attempt.failure_class]
    if completion.fallback:
        return Text(failed[0] if failed else "yes", style="red")
    return Text("healed", style="green") if is_healed(completion) else _NOTHING


def is_healed(completion: Completion) -> bool:
    """Whether a quick retry was made and worked; the parts of a long text are several calls without one."""
    attempts = completion.attempts
    short = (completion.text_characters or 0) < 1000  # noqa: PLR2004  # far below a second part
    return len(attempts) == 1 and attempts[0].failure_class is None and attempts[0].calls > 1 and short
