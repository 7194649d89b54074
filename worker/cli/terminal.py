"""Tables and JSON for people and scripts on standard output, progress on standard error."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_LINE_EVERY_S = 5.0


def show(
    rows: Sequence[Mapping[str, object]], *, as_json: bool, nothing: str = "Nothing.", to_stderr: bool = False
) -> None:
    """Prints rows that have the same columns.

    Args:
        as_json: print a JSON array instead of a table.
        nothing: the text if there are no rows.
        to_stderr: print the table on standard error, because it isn't the result of the command.
    """
    if as_json:
        _write_json(list(rows))
        return
    console = _console(stderr=to_stderr)
    if not rows:
        console.print(nothing)
        return
    console.print(table_of(rows))


def table_of(rows: Sequence[Mapping[str, object]]) -> Table:
    """Builds a table from one or more rows with the same columns."""
    table = Table(box=None, header_style="bold")
    for column in rows[0]:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Text, because rich would read brackets in a message as markup.
        table.add_row(*(Text(str(value)) for value in row.values()))
    return table


def clear() -> None:
    """Clears the terminal before a live view is drawn again."""
    _console().clear()


def show_one(row: Mapping[str, object], *, as_json: bool) -> None:
    """Prints one row, with a line for each field."""
    if as_json:
        _write_json(row)
        return
    show([{"": name, " ": value} for name, value in row.items()], as_json=False)


@contextmanager
def progress(activity: str) -> Iterator[Callable[[int, int | None], None]]:
    """Shows progress on standard error: a bar on a terminal, else a line every few seconds.

    Args:
        activity: the text beside the bar, such as "reading the lanes".

    Yields:
        A function that reports the number done and the total; the total is None while it is unknown.
    """
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(activity, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    reported_at = time.monotonic()

    def report(done: int, total: int | None) -> None:
        nonlocal reported_at
        if time.monotonic() - reported_at >= _LINE_EVERY_S:
            reported_at = time.monotonic()
            console.out(f"{activity}: {done:,}{'' if total is None else f' of {total:,}'}", highlight=False)

    yield report


def note(text: str) -> None:
    """Writes one line to standard error, beside the command's result."""
    sys.stderr.write(f"chirp-worker: {text}\n")


def _write_json(document: object) -> None:
    # Not with rich: it would need a minute for the JSON of 100,000 rows.
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _console(*, stderr: bool = False) -> Console:
    console = Console(highlight=False, stderr=stderr)
    # A pipe or a file gets the full width instead of the 80 columns of a terminal.
    return console if console.is_terminal else Console(highlight=False, stderr=stderr, width=200)
