"""Tables and JSON for people and scripts on standard output, progress on standard error.

All that commands print passes here, and is cleaned: keys, headers, file names and Google's messages come from others,
and a terminal would obey the control characters in them.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from worker.cli.views.table import LONGEST_WHOLE, cell_text, column_widths

_LINE_EVERY_S: Final = 5.0
# Control characters except tab and newline, marks that turn the direction of writing, separators that some terminals
# take for newlines, and lone surrogates, which can't be encoded.
_UNPRINTABLE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text: str) -> str:
    """A text with visible escapes (of Python's form) in place of the characters that a terminal would obey."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def say(text: str = "", *, newline: bool = True) -> None:
    """Prints a text on standard output."""
    sys.stdout.write(clean(text) + ("\n" if newline else ""))


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
        console.print(Text(clean(nothing)))
        return
    console.print(table_of(rows, console.width))


def table_of(rows: Sequence[Mapping[str, object]], width: int | None = None) -> Table:
    """Builds a table from one or more rows with the same columns.

    Args:
        width: of the terminal, in columns, so that words stay whole where they fit.
    """
    table = Table(box=None, header_style="bold")
    names = [clean(column) for column in rows[0]]
    cells = [[clean(cell_text(value)) for value in row.values()] for row in rows]
    columns = list(zip(names, *cells, strict=True))
    natural = [max(cell_len(line) for text in column for line in text.split("\n")) for column in columns]
    least = [min(LONGEST_WHOLE, max(_longest_word(text) for text in column)) for column in columns]
    # Rich breaks words in every column once one is too wide; each column has a space at either side.
    widths = column_widths(natural, least, width - 2 * len(columns)) if width else None
    for at, name in enumerate(names):
        table.add_column(Text(name), overflow="fold", width=widths[at] if widths else None)
    for row in cells:
        # Text, because rich would read brackets in a message as markup.
        table.add_row(*map(Text, row))
    return table


def _longest_word(text: str) -> int:
    return max((cell_len(word) for word in text.split()), default=0)


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
    sys.stderr.write(clean(f"chirp-worker: {text}\n"))


def _write_json(document: object) -> None:
    # Not with rich: it would need a minute for the JSON of 100,000 rows.
    text = json.dumps(document, indent=2, ensure_ascii=False)
    # In JSON these occur in strings alone, where an escape means the same character.
    sys.stdout.write(_UNPRINTABLE.sub(_json_escape, text) + "\n")


def _json_escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _console(*, stderr: bool = False) -> Console:
    console = Console(highlight=False, stderr=stderr)
    # A pipe or a file gets the full width instead of the 80 columns of a terminal.
    return console if console.is_terminal else Console(highlight=False, stderr=stderr, width=200)
