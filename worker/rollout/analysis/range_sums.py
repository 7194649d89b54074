"""Sums of tallies over ranges of steps, kept in blocks of 1, 2, 4, … steps: a week is some twenty additions. Pure."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from typing import Final, Generic, TypeVar

from worker.rollout.analysis.tally import Tally, sum_of

_COVERS: Final = 8
Group = TypeVar("Group", bound=Hashable)


class RangeSums(Generic[Group]):
    """Sums by group of what steps hold. Nothing is ever taken away from a sum: it is the same in whatever order.

    Args:
        of_step: the tallies of a step, each one's own; asked once, when a range first holds the step.
    """

    def __init__(self, of_step: Callable[[int], Mapping[Group, Tally]]) -> None:
        self._of_step = of_step
        self._blocks: dict[tuple[int, int], Mapping[Group, Tally]] = {}
        self._covers: dict[tuple[int, int], list[Mapping[Group, Tally]]] = {}

    def clear(self) -> None:
        """Forgets all: some step has changed."""
        self._blocks.clear()
        self._covers.clear()

    def total(self, first: int, end: int, group: Group) -> Tally:
        """One group's sum over the steps from `first` to before `end`; nothing must be added to it."""
        return sum_of([tally for block in self._cover(first, end) if (tally := block.get(group))])

    def totals(self, first: int, end: int) -> dict[Group, Tally]:
        """The sums over the steps from `first` to before `end` of all groups that have any."""
        found: defaultdict[Group, list[Tally]] = defaultdict(list)
        for block in self._cover(first, end):
            for group, tally in block.items():
                found[group].append(tally)
        return {group: sum_of(tallies) for group, tallies in found.items()}

    def _cover(self, first: int, end: int) -> list[Mapping[Group, Tally]]:
        """The fewest blocks that make up a range; kept for a while, as one group after the other asks for them."""
        cover = self._covers.get((first, end))
        if cover is None:
            if len(self._covers) >= _COVERS:
                self._covers.clear()
            cover = self._covers[first, end] = self._covered(first, end)
        return cover

    def _covered(self, first: int, end: int) -> list[Mapping[Group, Tally]]:
        cover = []
        while first < end:
            fits = (end - first).bit_length() - 1
            level = min(fits, (first & -first).bit_length() - 1) if first else fits
            cover.append(self._block(level, first >> level))
            first += 1 << level
        return cover

    def _block(self, level: int, number: int) -> Mapping[Group, Tally]:
        block = self._blocks.get((level, number))
        if block is None:
            block = self._of_step(number) if level == 0 else self._joined(level - 1, 2 * number)
            self._blocks[level, number] = block
        return block

    def _joined(self, level: int, number: int) -> Mapping[Group, Tally]:
        one, other = self._block(level, number), self._block(level, number + 1)
        joined = {**one, **other}
        for group in one.keys() & other.keys():
            joined[group] = sum_of((one[group], other[group]))
        return joined
