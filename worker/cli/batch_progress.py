"""Shows the progress of a batch on standard error: a bar on a terminal, else a line every few seconds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column

from worker.batch.rolling_rate import RollingRate
from worker.batch.runner import SILENCE_S, ProgressObserver, RunProgress
from worker.cli.views.silence import describe_silence

_LINE_EVERY_S: Final = 5.0
# Columns of a terminal that has room for the bar beside the figures.
_WITH_A_BAR: Final = 130


@contextmanager
def show_progress() -> Iterator[ProgressObserver]:
    """Shows ended lines, their rate, the time left and the cost so far.

    Yields:
        The observer that shows each progress it is called with.
    """
    console = Console(stderr=True, highlight=False)
    summary = _Summary(time.monotonic())
    if console.is_terminal:
        columns = (
            TextColumn("speaking"),
            *([BarColumn()] if console.width >= _WITH_A_BAR else []),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            # Figures that don't fit go on in the next line: by default they would be cut off.
            TextColumn("{task.fields[summary]}", table_column=Column()),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("", total=None, summary="")

            def show_bar(progress: RunProgress) -> None:
                text = summary.describe(progress, time.monotonic())
                bar.update(task, completed=progress.ended, total=progress.total, summary=text)

            yield show_bar
        return
    last = time.monotonic()

    def show_line(progress: RunProgress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            text = summary.describe(progress, now)
            console.out(f"{progress.ended:,} of {progress.total:,}: {text}", highlight=False)

    yield show_line


class _Summary:
    """Describes the progress, with the rate of the last minute and what is known about a silence."""

    def __init__(self, started: float) -> None:
        self._rate = RollingRate(started)

    def describe(self, progress: RunProgress, now: float) -> str:
        self._rate.observe(now, progress.ended)
        rate = self._rate.per_second
        left = f", {_time((progress.total - progress.ended) / rate)} left" if rate else ""
        silence = f"; {describe_silence(progress.silent_s, progress.backlog)}" if progress.silent_s > SILENCE_S else ""
        return (
            f"done {progress.done:,}, cached {progress.cached:,}, fallback {progress.fallback:,}, "
            f"failed {progress.failed:,}, {rate:.1f}/s{left}, {progress.dollars:,.2f} USD{silence}"
        )


def _time(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
