"""The comparisons of Chirp with the control that a plan watches: of all characters, and of each. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.rollout.analysis.measurements import Measurements, Pair
from worker.rollout.analysis.sequential_test import Arms, Evidence
from worker.rollout.plan.model import AGAINST_CONTROL, Measure, Plan, Stage


@dataclass
class Compared:
    """One comparison: its evidence, and the attempts and events of both arms that it rests on."""

    evidence: Evidence
    chirp: int = 0
    control: int = 0
    chirp_events: int = 0
    control_events: int = 0

    def add(self, cells: Collection[Arms]) -> None:
        """Takes one window."""
        self.evidence.add(cells)
        for each in cells:
            self.chirp += each.chirp
            self.control += each.control
            self.chirp_events += each.chirp_events
            self.control_events += each.control_events


@dataclass
class _Watched:
    since: datetime
    next: datetime
    by_measure: dict[Measure, Compared] = field(default_factory=dict)


class Comparisons:
    """Keeps the evidence of one stage.

    Args:
        plan: as rehearsed.
        stage: of it.
        characters: who is listed in it; who is included by hand is watched from then on.
    """

    def __init__(self, plan: Plan, stage: Stage, characters: Collection[str]) -> None:
        self._plan = plan
        rules = plan.rules_of(stage)
        for_all = {each.measure for each in (*plan.gates_of(stage), *rules.at_once, *rules.step)} & AGAINST_CONTROL
        self._for_each = frozenset({each.measure for each in rules.character} & AGAINST_CONTROL)
        self._measures: dict[str | None, frozenset[Measure]] = {None: frozenset(for_all)}
        self._measures |= dict.fromkeys(sorted(characters), self._for_each)
        self._watches = frozenset(for_all | self._for_each)
        self._watched: dict[str | None, _Watched] = {}
        self._changes = 0

    def threshold(self, character: str | None) -> float:
        """What evidence must pass: the windows of the time that alpha is for, over the comparison's share of alpha.

        Those of all characters together share one half of the plan's alpha, the characters' own the other: else 14
        characters would blunt the comparison that sees an illness first. One kind alone has all of it.

        Args:
            character: whose comparison; None for that of all.
        """
        of_all = len(self._measures[None])
        of_each = sum(map(len, self._measures.values())) - of_all
        sharing = (of_all if character is None else of_each) * (2 if of_all and of_each else 1)
        windows = self._plan.control.over / self._plan.windows.short
        return windows * max(1, sharing) / self._plan.control.alpha

    def of(self, measure: Measure, character: str | None) -> Compared | None:
        """A comparison; None if it isn't watched or has seen no window."""
        watched = self._watched.get(character)
        return watched.by_measure.get(measure) if watched else None

    def update(self, readings: Measurements, hears: Collection[str], starts: Mapping[str, datetime]) -> None:
        """Takes the windows that are settled now.

        Args:
            readings: of the stage.
            hears: the characters that hear Chirp now.
            starts: since when a character is heard again after a quarantine; the stage's begin where it isn't given.
        """
        if self._changes != readings.changes:
            self._changes = readings.changes
            self._watched.clear()
        for name in sorted(hears):
            self._measures.setdefault(name, self._for_each)
        for character, measures in self._measures.items():
            since = max(readings.since, starts.get(character, readings.since)) if character else readings.since
            watched = self._watched.get(character)
            if measures and (watched is None or watched.since != since):
                new = {measure: Compared(Evidence(self._plan.control.ratios)) for measure in measures}
                self._watched[character] = _Watched(since, since, new)
        if not self._watched:
            return
        for end, pairs in readings.windows(min(each.next for each in self._watched.values())):
            arms = {measure: self._by_character(measure, pairs) for measure in self._watches}
            for character, watched in self._watched.items():
                if end <= watched.next:
                    continue
                watched.next = end
                for measure, compared in watched.by_measure.items():
                    compared.add(arms[measure][character])

    def _by_character(self, measure: Measure, pairs: Iterable[Pair]) -> Mapping[str | None, list[Arms]]:
        """A window's cells, of each character and with None of all."""
        found: defaultdict[str | None, list[Arms]] = defaultdict(list)
        for pair in pairs:
            arms = self._arms(measure, pair)
            found[None].append(arms)
            found[pair.character].append(arms)
        return found

    def _arms(self, measure: Measure, pair: Pair) -> Arms:
        _, chirp, control = pair
        if measure is Measure.ERRORS_AGAINST_CONTROL:
            return Arms(chirp.attempts, control.attempts, chirp.errors, control.errors)
        slow = self._plan.control.slow
        return Arms(chirp.timed, control.timed, chirp.over(slow), control.over(slow))
