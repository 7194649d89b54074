"""Pairs of takes to be compared blindly: a file with a JSON object a line, as `listen pairs` writes it. Pure."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ConfigDict, Field, ValidationError, model_validator

from schemas.field_types import CharacterKey, Name, TakeReference
from schemas.languages import TAG_PATTERN
from schemas.message import Request
from schemas.vote import Vote


class Pair(Request):
    """One line, spoken by both voice models."""

    model_config = ConfigDict(frozen=True)

    character: CharacterKey = Field(description="Key of a character in the catalogue.")
    line: Name = Field(description="Id of the line in its script.")
    text: str = Field(default="", description="The line, shown to the listener.")
    language: str = Field(default="en-US", pattern=TAG_PATTERN, description="BCP 47 tag of the line.")
    chirp: TakeReference = Field(description="Key of Chirp's take.")
    wavenet: TakeReference = Field(description="Key of WaveNet's take.")

    @model_validator(mode="after")
    def _differ(self) -> "Pair":
        if self.chirp == self.wavenet:
            raise ValueError("wavenet: must be another take than chirp")
        return self

    @property
    def id(self) -> tuple[str, str]:
        """The character and the line."""
        return self.character, self.line

    @property
    def takes(self) -> frozenset[str]:
        """The keys of both takes: a line that is spoken anew is another pair."""
        return frozenset({self.chirp, self.wavenet})


def parse_pairs(text: str) -> tuple[Pair, ...]:
    """The pairs of a file, in its order; empty lines don't count.

    Raises:
        ValueError: names the line, what is wrong with it, and what is allowed.
    """
    pairs: dict[tuple[str, str], Pair] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            pair = Pair.model_validate(json.loads(line))
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "pair"
            raise ValueError(f"line {number}: {where}: {first['msg']}") from None
        except (ValueError, RecursionError):
            raise ValueError(f"line {number}: is no JSON object") from None
        if pair.id in pairs:
            raise ValueError(f"line {number}: character {pair.character!a} has line {pair.line!a} twice")
        pairs[pair.id] = pair
    return tuple(pairs.values())


@dataclass(frozen=True)
class Progress:
    """How far a character is: its pairs, those that the listener has judged, and the votes of all listeners."""

    character: str
    pairs: int
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

    def progress(self, pairs: Iterable[Pair], listener: str) -> list[Progress]:
        """How far each character is, by its key."""
        by_character: dict[str, list[Pair]] = {}
        for pair in pairs:
            by_character.setdefault(pair.character, []).append(pair)
        return [
            Progress(
                character,
                len(listed),
                sum(self.has_judged(listener, pair) for pair in listed),
                sum(self._counts[pair.takes] for pair in listed),
            )
            for character, listed in sorted(by_character.items())
        ]

    def next_pair(self, pairs: Iterable[Pair], listener: str, character: str | None) -> Pair | None:
        """The next pair that the listener hasn't judged: the one with the fewest votes. None if there is none left."""
        left = [each for each in pairs if character in {None, each.character} and not self.has_judged(listener, each)]
        return min(left, key=lambda pair: self._counts[pair.takes], default=None)
