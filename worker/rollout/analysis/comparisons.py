"""Comparisons of Chirp with the control arm that a plan requires, for all characters together and for each. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self

from worker.rollout.analysis.complaint_windows import HeardPair
from worker.rollout.analysis.measurements import CellPair, Measurements
from worker.rollout.analysis.sequential_test import Arms, SequentialTest
from worker.rollout.plan.conditions import AGAINST_CONTROL, Measure
from worker.rollout.plan.model import Plan, Stage


@dataclass(frozen=True)
class Window:
    """One window of a comparison.

    Attributes:
        cells: those with events, and perhaps others. A complaint's cell is of the window in which its line was heard.
        chirp: Chirp's attempts, or completions, in the window.
        control: the same of the control.
    """

    cells: Collection[Arms]
    chirp: int
    control: int

    @classmethod
    def of_attempts(cls, cells: Collection[Arms]) -> Self:
        """Make the window of some cells, each of which has its own attempts."""
        return cls(cells, sum(each.chirp for each in cells), sum(each.control for each in cells))


@dataclass(slots=True)
class ArmTotals:
    """Both arms over some windows.

    Attributes:
        windows: how many.
        expected: the events that Chirp would have if both models were equally good: of each cell's events its share.
        variance: of that number.
    """

    windows: int = 0
    chirp: int = 0
    control: int = 0
    chirp_events: int = 0
    control_events: int = 0
    expected: float = 0.0
    variance: float = 0.0

    @classmethod
    def of(cls, window: Window) -> Self:
        """Sum up one window."""
        total = cls(1, window.chirp, window.control)
        for chirp, control, chirp_events, control_events in window.cells:
            if events := chirp_events + control_events:
                share = chirp / (chirp + control)
                total.chirp_events += chirp_events
                total.control_events += control_events
                total.expected += events * share
                total.variance += events * share * (1 - share)
        return total

    def add(self, other: Self) -> None:
        """Add other windows."""
        self.windows += other.windows
        self.chirp += other.chirp
        self.control += other.control
        self.chirp_events += other.chirp_events
        self.control_events += other.control_events
        self.expected += other.expected
        self.variance += other.variance


_EMPTY: Final = Window((), 0, 0)


class Comparison:
    """One comparison: its sequential test, and the attempts and events of both arms so far.

    Args:
        ratios: the odds ratios that the test looks for.
        window: the length of one window.

    Attributes:
        test: its sequential test.
        totals: of all windows.
    """

    def __init__(self, ratios: Sequence[float], window: timedelta) -> None:
        self.test = SequentialTest(ratios)
        self.totals = ArmTotals()
        self._window = window
        self._runs = [ArmTotals() for _ in ratios]

    def add(self, window: Window) -> None:
        """Add one window."""
        self.test.add(window.cells)
        total = ArmTotals.of(window)
        self.totals.add(total)
        for number, run in enumerate(self.test.runs):
            if run > 0:
                self._runs[number].add(total)
            elif self._runs[number].windows:
                self._runs[number] = ArmTotals()

    @property
    def deciding(self) -> ArmTotals:
        """The last windows, as far back as they speak most strongly for a worse Chirp; empty if none do."""
        strongest = max(range(len(self._runs)), key=lambda number: self.test.runs[number])
        return self._runs[strongest]

    @property
    def deciding_time(self) -> timedelta:
        """The length of these windows."""
        return self.deciding.windows * self._window


@dataclass
class _Series:
    """A character's comparisons since a time; `next` is the end of the newest window that they include."""

    since: datetime
    next: datetime
    by_measure: dict[Measure, Comparison] = field(default_factory=dict)


class Comparisons:
    """The comparisons of one stage.

    Args:
        plan: rehearsed, if its days are shortened.
        stage: of the plan.
        characters: those that the stage lists; a character that is included by hand is compared from then on.
    """

    def __init__(self, plan: Plan, stage: Stage, characters: Collection[str]) -> None:
        self._plan = plan
        rules = plan.rules_of(stage)
        for_all = {each.measure for each in (*plan.gates_of(stage), *rules.at_once, *rules.step)} & AGAINST_CONTROL
        self._for_each = frozenset({each.measure for each in rules.character} & AGAINST_CONTROL)
        self._measures: dict[str | None, frozenset[Measure]] = {None: frozenset(for_all)}
        self._measures |= dict.fromkeys(sorted(characters), self._for_each)
        self._all_measures = frozenset(for_all | self._for_each)
        self._series: dict[str | None, _Series] = {}
        self._changes = 0

    def threshold(self, character: str | None) -> float:
        """Return the evidence above which a comparison alarms: windows in alpha's time, over its share of alpha.

        The comparisons of all characters together share one half of the plan's alpha, the characters' own share the
        other. Otherwise 14 characters would blunt the comparison that detects a regression first. If there is only one
        kind, it has all of alpha.

        Args:
            character: of the comparison; None for all together.
        """
        for_all = len(self._measures[None])
        for_each = sum(map(len, self._measures.values())) - for_all
        sharing = (for_all if character is None else for_each) * (2 if for_all and for_each else 1)
        windows = self._plan.control.over / self._plan.windows.short
        return windows * max(1, sharing) / self._plan.control.alpha

    def find(self, measure: Measure, character: str | None) -> Comparison | None:
        """Return a comparison; None if no gate or rule requires it, or no window is settled."""
        series = self._series.get(character)
        return series.by_measure.get(measure) if series else None

    def update(self, measurements: Measurements, exposed: Collection[str], resumed_at: Mapping[str, datetime]) -> None:
        """Add the windows that are settled now.

        Args:
            measurements: of the stage.
            exposed: the characters that get Chirp now.
            resumed_at: when a character got Chirp again after a quarantine; its comparisons begin there.
        """
        if self._changes != measurements.changes:
            self._changes = measurements.changes
            self._series.clear()
        for name in sorted(exposed):
            self._measures.setdefault(name, self._for_each)
        for character, measures in self._measures.items():
            since = measurements.since
            if character:
                since = max(since, resumed_at.get(character, since))
            series = self._series.get(character)
            if measures and (series is None or series.since != since):
                window = self._plan.windows.short
                new = {measure: Comparison(self._plan.control.ratios, window) for measure in measures}
                self._series[character] = _Series(since, since, new)
        self._add_windows(measurements)

    def _add_windows(self, measurements: Measurements) -> None:
        if not self._series:
            return
        for end, pairs in measurements.windows(min(each.next for each in self._series.values())):
            windows = {measure: self._by_character(measure, pairs, measurements, end) for measure in self._all_measures}
            for character, series in self._series.items():
                if end <= series.next:
                    continue
                series.next = end
                for measure, comparison in series.by_measure.items():
                    comparison.add(windows[measure].get(character, _EMPTY))

    def _by_character(
        self, measure: Measure, pairs: Iterable[CellPair], measurements: Measurements, end: datetime
    ) -> Mapping[str | None, Window]:
        """Return a window's cells by character, and all of them under None."""
        if measure is Measure.COMPLAINTS_AGAINST_CONTROL:
            return _complaints_by_character(measurements.complaints.heard(end), measurements.complaints.complaints(end))
        found: defaultdict[str | None, list[Arms]] = defaultdict(list)
        for pair in pairs:
            arms = self._arms(measure, pair)
            found[None].append(arms)
            found[pair.character].append(arms)
        return {name: Window.of_attempts(cells) for name, cells in found.items()}

    def _arms(self, measure: Measure, pair: CellPair) -> Arms:
        _, chirp, control = pair
        if measure is Measure.ERRORS_AGAINST_CONTROL:
            return Arms(chirp.attempts, control.attempts, chirp.errors, control.errors)
        slow = self._plan.control.slow
        return Arms(chirp.timed, control.timed, chirp.times.slower_than(slow), control.times.slower_than(slow))


def _complaints_by_character(
    heard: Iterable[HeardPair], complaints: Iterable[HeardPair]
) -> Mapping[str | None, Window]:
    """Return the complaints of a window by character, and all of them under None, where each user counts once."""
    cells: defaultdict[str | None, list[Arms]] = defaultdict(list)
    arms: defaultdict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    for pair in complaints:
        cells[pair.character].append(Arms(*pair.heard, *_of_heard(pair.complaints, pair.heard)))
        cells[None].append(Arms(*pair.heard, *_of_heard(pair.complainers, pair.heard)))
    for pair in heard:
        for name in (None, pair.character):
            arms[name][0] += pair.heard[0]
            arms[name][1] += pair.heard[1]
    return {name: Window(cells[name], *arms[name]) for name in [*cells.keys() | arms.keys()]}


def _of_heard(events: tuple[int, int], heard: tuple[int, int]) -> tuple[int, int]:
    """Return the events of arms that have completions: one about a completion that came too late is no evidence."""
    return events[0] if heard[0] else 0, events[1] if heard[1] else 0
