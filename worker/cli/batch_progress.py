"""Shows the progress of a batch on standard error: a bar on a terminal, else a line every few seconds."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from worker.batch.runner import ProgressObserver, RunProgress

_LINE_EVERY_S: Final = 5.0
_SILENCE_S: Final = 60.0


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
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[summary]}"),
            TimeRemainingColumn(),
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
    """Describes the progress, with the rate since the start and the time since the last completion."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._ended = 0
        self._last_completion = started

    def describe(self, progress: RunProgress, now: float) -> str:
        if progress.ended > self._ended:
            self._ended, self._last_completion = progress.ended, now
        rate = progress.ended / max(now - self._started, 1e-3)
        left = f", {_time((progress.total - progress.ended) / rate)} left" if rate else ""
        silent_s = now - self._last_completion
        silence = f"; no completion for {silent_s:.0f} s: is a worker running?" if silent_s > _SILENCE_S else ""
        return (
            f"done {progress.done:,}, cached {progress.cached:,}, fallback {progress.fallback:,}, "
            f"failed {progress.failed:,}, {rate:.1f}/s{left}, {progress.dollars:,.2f} USD{silence}"
        )


def _time(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
