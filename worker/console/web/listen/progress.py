"""Which pairs a listener has judged, which one comes next, and how far each character is. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from schemas.pair import Pair
from schemas.vote import Vote


@dataclass(frozen=True)
class Progress:
    """How far a character is.

    Attributes:
        ready: its pairs that can be heard.
        making: those whose takes aren't stored yet.
        own: of the ready ones, those that the listener has judged.
        votes: of all listeners on the ready ones.
    """

    character: str
    ready: int
    making: int
    own: int
    votes: int


class VotesSeen:
    """The votes that stand in the topic. Of a listener's votes on a pair the first counts."""

    def __init__(self) -> None:
        self._judged: set[tuple[str, frozenset[str]]] = set()
        self._counts: Counter[frozenset[str]] = Counter()

    def add(self, vote: Vote) -> None:
        """Adds a vote that was read, or that was just sent."""
        takes = frozenset({vote.first.audio, vote.second.audio})
        if (vote.listener_id, takes) not in self._judged:
            self._judged.add((vote.listener_id, takes))
            self._counts[takes] += 1

    def has_judged(self, listener: str, pair: Pair) -> bool:
        """Whether the listener has judged a pair."""
        return (listener, pair.takes) in self._judged

    def progress(self, pairs: Iterable[Pair], ready: Collection[Pair], listener: str) -> list[Progress]:
        """How far each character is, by its key.

        Args:
            ready: those of the pairs that can be heard.
        """
        heard = {each.pair_id for each in ready}
        by_character: dict[str, list[Pair]] = {}
        for pair in pairs:
            by_character.setdefault(pair.character, []).append(pair)
        rows = []
        for character, listed in sorted(by_character.items()):
            can_be_heard = [each for each in listed if each.pair_id in heard]
            own = sum(self.has_judged(listener, each) for each in can_be_heard)
            votes = sum(self._counts[each.takes] for each in can_be_heard)
            rows.append(Progress(character, len(can_be_heard), len(listed) - len(can_be_heard), own, votes))
        return rows

    def next_pair(self, pairs: Iterable[Pair], listener: str, character: str | None) -> Pair | None:
        """The next pair that the listener hasn't judged: the one with the fewest votes. None if there is none left."""
        left = [each for each in pairs if character in {None, each.character} and not self.has_judged(listener, each)]
        return min(left, key=lambda pair: self._counts[pair.takes], default=None)
