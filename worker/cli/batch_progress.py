"""Shows a batch while it runs: a bar on a terminal, else a line now and then; on standard error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from worker.batch.runner import RunObserver, Tally

_LINE_EVERY_S: Final = 5.0
_SILENCE_S: Final = 60.0


@contextmanager
def watched() -> Iterator[RunObserver]:
    """Tells of the lines that have ended, of their rate, the time left and the money so far.

    Yields:
        What is to be shown the tally.
    """
    console = Console(stderr=True, highlight=False)
    pace = _Pace(time.monotonic())
    if console.is_terminal:
        columns = (
            TextColumn("speaking"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("", total=None, told="")

            def show(tally: Tally) -> None:
                told = pace.told(tally, time.monotonic())
                bar.update(task, completed=tally.ended, total=tally.total, told=told)

            yield show
        return
    last = time.monotonic()

    def tell(tally: Tally) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            console.out(f"{tally.ended:,} of {tally.total:,}: {pace.told(tally, now)}", highlight=False)

    yield tell


class _Pace:
    """How fast it goes."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._ended = 0
        self._heard_at = began

    def told(self, tally: Tally, now: float) -> str:
        if tally.ended > self._ended:
            self._ended, self._heard_at = tally.ended, now
        rate = tally.ended / max(now - self._began, 1e-3)
        left = f", {_time(round((tally.total - tally.ended) / rate))} left" if rate else ""
        silent_s = now - self._heard_at
        silence = f"; nothing heard for {silent_s:.0f} s: is a worker running?" if silent_s > _SILENCE_S else ""
        return (
            f"done {tally.done:,}, cached {tally.cached:,}, fallback {tally.fallback:,}, failed {tally.failed:,}, "
            f"{rate:.1f}/s{left}, {tally.dollars:,.2f} USD{silence}"
        )


def _time(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
