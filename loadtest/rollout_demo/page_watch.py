"""Watches the console's rollout page in a real browser: what a person sees at which second of the demo."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from loadtest.demo.run import DemoFailedError
from loadtest.demo.serving import Served
from loadtest.stack.browser import Browser, browser

_EVERY_S: Final = 0.2
_FIGURE: Final = "document.querySelector('.figure') !== null"
# What is on the page now, in one look. The page is live: nobody reloads it.
_LOOK: Final = """(() => {
  const text = (selector, within = document) => within.querySelector(selector)?.textContent.trim() ?? '';
  const rows = [...document.querySelectorAll('.verdicts tbody tr')].map(row => ({
    verdict: text('.badge', row), title: row.querySelector('th').childNodes[0].textContent.trim(),
    then: text('th > span.muted', row), window: text('td.nowrap', row), value: text('td.number', row),
  }));
  const arms = [...document.querySelectorAll('.arms tbody tr')].slice(0, 2)
    .map(row => row.querySelectorAll('td.number')[1].textContent.trim());
  return {
    percent: text('.figure'), stage: text('[aria-current=step] .stage-name'), phase: text('.facts .badge'),
    alert: text('#stopped [lang=en]'), rows, arms,
    revision: Number(document.querySelector('#history ~ .scroll tbody td')?.textContent ?? 0),
  };
})()"""


@dataclass(frozen=True)
class Sighting:
    """What the page showed from a second on.

    Attributes:
        second: since the watch began.
        percent: the large figure.
        failing: each gate and rule that fails, with its window and value.
        errors: Chirp's error rate and WaveNet's, in the short window.
        alert: why the plan has stopped; empty while it runs.
    """

    second: float
    percent: str
    stage: str
    phase: str
    failing: tuple[str, ...]
    errors: tuple[str, ...]
    alert: str
    revision: int

    @property
    def seen(self) -> tuple[object, ...]:
        """What a new row of the table is for."""
        return self.percent, self.stage, self.phase, bool(self.failing), self.alert


@dataclass
class Watch:
    """What was seen and what happened, by seconds of one clock.

    Args:
        monotonic: the clock.
    """

    monotonic: Callable[[], float] = time.monotonic
    sightings: list[Sighting] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    _began: float | None = None

    @property
    def second(self) -> float:
        """Seconds since the first call."""
        if self._began is None:
            self._began = self.monotonic()
        return self.monotonic() - self._began

    def note(self, text: str) -> None:
        """Something happened."""
        self.events.append((self.second, text))

    def saw(self, look: dict[str, Any]) -> None:
        """The page showed this; kept if it differs from what it showed before."""
        sighting = to_sighting(self.second, look)
        if not self.sightings or self.sightings[-1].seen != sighting.seen:
            self.sightings.append(sighting)


async def watch_page(served: Served, folder: Path, watch: Watch) -> None:
    """Looks at the page five times a second until it is cancelled.

    Raises:
        DemoFailedError: the page doesn't show the rollout.
        StackError: the browser isn't installed.
    """
    try:
        async with browser(folder, size="1600,1000") as shown:
            await _log_in(shown, served)
            while True:
                watch.saw(await shown.run(_LOOK))
                await asyncio.sleep(_EVERY_S)
    except AssertionError as error:
        raise DemoFailedError(f"the console's page: {error}") from None


async def _log_in(shown: Browser, served: Served) -> None:
    await shown.visit(f"{served.address}/rollout")
    await shown.run(f"document.getElementById('token').value = {served.token!r}")
    await shown.run("document.querySelector('main form').requestSubmit()")
    await shown.until(_FIGURE)


def to_sighting(second: float, look: dict[str, Any]) -> Sighting:
    """What one look at the page says."""
    failing = [each for each in look["rows"] if each["verdict"] == "fail"]
    return Sighting(
        second=second,
        percent=look["percent"],
        stage=look["stage"],
        phase=look["phase"],
        failing=tuple(f"{_title(each)} {each['value'] or '-'}" for each in failing),
        errors=tuple(look["arms"]),
        alert=look["alert"],
        revision=look["revision"],
    )


def _title(row: dict[str, str]) -> str:
    return " ".join(filter(None, (row["title"], f"({row['then']})" if row["then"] else "", row["window"])))


def watch_rows(sightings: Sequence[Sighting], events: Sequence[tuple[float, str]]) -> list[dict[str, object]]:
    """A row for each change of the page, and for what happened in between, in the order of time."""
    seen: list[tuple[float, dict[str, object]]] = [
        (
            each.second,
            {
                "second": f"{each.second:.1f}",
                "page": f"{each.percent} {each.phase}".strip(),
                "stage": each.stage,
                "Chirp / WaveNet failed": " / ".join(each.errors),
                "fails": "\n".join(each.failing),
                "alert": each.alert,
            },
        )
        for each in sightings
    ]
    happened: list[tuple[float, dict[str, object]]] = [
        (second, {"second": f"{second:.1f}", "page": "", "stage": "", "Chirp / WaveNet failed": "", "fails": "",
                  "alert": f"· {text}"})
        for second, text in events
    ]  # fmt: skip
    return [row for _, row in sorted([*seen, *happened], key=lambda each: each[0])]


def summary(sightings: Sequence[Sighting], ill_at: float) -> str:
    """After how many seconds of illness the page showed it.

    Raises:
        DemoFailedError: it never showed the roll-back.
    """
    later = [each for each in sightings if each.second >= ill_at]
    failing = next((each for each in later if each.failing), None)
    back = next((each for each in later if each.alert), None)
    if back is None:
        raise DemoFailedError("the console's page never showed the roll-back")
    worse = f"a rule that fails after {failing.second - ill_at:.1f} s, and " if failing else ""
    return (
        f"Chirp fell ill at second {ill_at:.1f}. The open page showed {worse}the roll-back to {back.percent} with its "
        f"reason after {back.second - ill_at:.1f} s, without a reload."
    )
