"""Which reading of a line was chosen, by the votes of those who heard two of them side by side. Pure.

The last vote on two takes says which one loses. Chosen is the one take of a line that was heard and has lost to none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from schemas.enums import PairSide, VoteChoice
from schemas.vote import Vote


@dataclass(frozen=True)
class ChosenTake:
    """A choice.

    Attributes:
        take: its number.
        by: who cast the vote that decided.
        at: when.
    """

    take: int
    by: str
    at: datetime


class TakeVotes:
    """The votes on two takes by one voice model, in the order of their topic; others are passed over."""

    def __init__(self) -> None:
        self._last: dict[frozenset[str], Vote] = {}

    def add(self, vote: Vote) -> None:
        """Adds a vote."""
        if vote.first.voice_model is vote.second.voice_model:
            pair = frozenset({vote.first.audio, vote.second.audio})
            self._last.pop(pair, None)
            self._last[pair] = vote

    def chosen(self, takes: Mapping[str, int], by: str | None = None) -> ChosenTake | None:
        """The take of a line that was chosen; None if none was, or if several have lost to none.

        Args:
            takes: the numbers of the line's takes, by their keys.
            by: the one listener whose votes count; None for all.
        """
        votes = [vote for pair, vote in self._last.items() if pair <= takes.keys() and by in {None, vote.listener_id}]
        lost = {key for vote in votes for key in losers(vote)}
        unbeaten = {key for vote in votes for key in (vote.first.audio, vote.second.audio)} - lost
        if len(unbeaten) != 1 or not lost:
            return None
        (key,) = unbeaten
        decided = max(
            (vote for vote in votes if key in {vote.first.audio, vote.second.audio} and any(losers(vote))),
            key=lambda vote: vote.time,
        )
        return ChosenTake(takes[key], decided.listener_id, decided.time)


def losers(vote: Vote) -> Iterator[str]:
    """The keys of the takes that lose by a vote."""
    sides = {PairSide.FIRST: vote.first.audio, PairSide.SECOND: vote.second.audio}
    if vote.choice is VoteChoice.FIRST:
        yield vote.second.audio
    elif vote.choice is VoteChoice.SECOND:
        yield vote.first.audio
    elif vote.fault is not None:
        yield from sides.values() if vote.fault.side is PairSide.BOTH else [sides[vote.fault.side]]
