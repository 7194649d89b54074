"""Listeners' votes on blind pairs by character, and whether Chirp is shown to be no worse than WaveNet, or worse. Pure.

A vote for Chirp and a vote that neither take is better count alike: Chirp passes once it is shown that more than a
margin of the votes are such ("preferred or equal"). It fails once it is shown that of the listeners who do hear a
difference more than half prefer WaveNet: if both voices are equally good, these are half, however many hear none. The
margin allows a Chirp that a few more dislike than like; whichever is shown first decides.

How many of equally good voices' votes say "equal" is up to the listeners, and decides how soon they pass. With a third
of each 94 % pass within 60 votes. Without any "equal", half of the votes are for Chirp: to show that 50 % is more than
45 % takes some 850 votes for the same power, by whatever test, and such a character waits for a person.
`make bench-votes` has the figures.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from schemas.enums import PairSide, VoiceModel, VoteChoice
from schemas.vote import Vote
from worker.rollout.analysis.vote_test import VoteTest

PASS_ALPHA: Final = 0.05
"""The probability that a character passes whose share is at the margin; as the bounds' `promote_z` of 1.645."""
FAIL_ALPHA: Final = 0.02
"""The probability that a character fails whose voices are equally good, ever, however many votes say "equal"."""
CLEARLY_GOOD: Final = 0.65
"""The share at which the test decides early: a third of each makes two thirds of "preferred or equal"."""
# 70 to 30 is a clear loss.
_CLEARLY_WORSE: Final = 0.7
_HALF: Final = 0.5


class Outcome(StrEnum):
    """What a vote says of Chirp. UNUSABLE: neither take can be used, which says nothing about either."""

    CHIRP = "chirp"
    EQUAL = "equal"
    WAVENET = "wavenet"
    UNUSABLE = "unusable"


class Decision(StrEnum):
    """What the votes have shown."""

    NO_WORSE = "no worse"
    WORSE = "worse"
    OPEN = "open"


class Preference:
    """A character's votes in the order in which they came.

    Args:
        margin: the share of "preferred or equal" that Chirp must be shown to have.
        planned: the number of votes at which the tests have their full power.

    Attributes:
        counts: the votes by outcome.
        decision: what was shown first.
        decided_after: after how many votes; 0 while it is open.
    """

    def __init__(self, margin: float, planned: int) -> None:
        self.counts: Counter[Outcome] = Counter()
        self.decision = Decision.OPEN
        self.decided_after = 0
        self.no_worse = VoteTest(margin, CLEARLY_GOOD, PASS_ALPHA, planned)
        self.worse = VoteTest(_HALF, _CLEARLY_WORSE, FAIL_ALPHA, planned)

    @property
    def votes(self) -> int:
        """The votes that say something about Chirp."""
        return self.no_worse.votes

    @property
    def share(self) -> float:
        """The share of "preferred or equal"; 0 without votes."""
        return self.no_worse.yes / self.votes if self.votes else 0.0

    def add(self, outcome: Outcome) -> None:
        """Add a vote."""
        self.counts[outcome] += 1
        if outcome is Outcome.UNUSABLE:
            return
        self.no_worse.add(yes=outcome is not Outcome.WAVENET)
        if outcome is not Outcome.EQUAL:
            self.worse.add(yes=outcome is Outcome.WAVENET)
        if self.decision is Decision.OPEN and (self.no_worse.has_passed or self.worse.has_passed):
            self.decision = Decision.NO_WORSE if self.no_worse.has_passed else Decision.WORSE
            self.decided_after = self.votes


@dataclass
class _Character:
    """A character's votes that count, its voices by language, and who has voted on which pair."""

    votes: list[tuple[str, Outcome]] = field(default_factory=list)
    voices: dict[str, tuple[str, str]] = field(default_factory=dict)
    voted: set[tuple[str, frozenset[str]]] = field(default_factory=set)


class Votes:
    """All votes that were read, in the order of their topic.

    Attributes:
        counted: the votes that count.
        repeated: votes of listeners who had voted on the same pair before.
        others: votes on pairs that are no comparison of Chirp with WaveNet, such as two readings of a line.
    """

    def __init__(self) -> None:
        self.counted = 0
        self.repeated = 0
        self.others = 0
        self._characters: defaultdict[str, _Character] = defaultdict(_Character)
        self._preferences: dict[tuple[str, float, int], tuple[int, Preference]] = {}

    def add(self, vote: Vote) -> bool:
        """Count a vote; False if it doesn't count.

        A vote on other voices than those of the votes before, in its language, begins a new casting of the character:
        the votes on the earlier one count no more.
        """
        takes = {each.voice_model: each for each in (vote.first, vote.second)}
        if len(takes) < len(VoiceModel):
            self.others += 1
            return False
        character = self._characters[vote.character]
        listened = (vote.listener_id, frozenset((vote.first.audio, vote.second.audio)))
        if listened in character.voted:
            self.repeated += 1
            return False
        character.voted.add(listened)
        voices = takes[VoiceModel.CHIRP3_HD].voice, takes[VoiceModel.WAVENET].voice
        if character.voices.setdefault(vote.language, voices) != voices:
            character.voices[vote.language] = voices
            character.votes = [each for each in character.votes if each[0] != vote.language]
            self._preferences = {key: kept for key, kept in self._preferences.items() if key[0] != vote.character}
        self.add_outcome(vote.character, outcome_of(vote), vote.language)
        return True

    def add_outcome(self, character: str, outcome: Outcome, language: str = "") -> None:
        """Count a vote that the caller knows to be its listener's first on its pair."""
        self._characters[character].votes.append((language, outcome))
        self.counted += 1

    @property
    def characters(self) -> list[str]:
        """The characters with votes, by their keys."""
        return sorted(character for character, each in self._characters.items() if each.votes)

    def outcomes(self, character: str) -> tuple[Outcome, ...]:
        """The outcomes of a character's votes that count, in their order."""
        return tuple(each for _, each in self._characters[character].votes) if character in self._characters else ()

    def preference(self, character: str, margin: float, planned: int) -> Preference:
        """Return a character's votes with their tests; the other arguments as of `Preference`."""
        key = (character, margin, planned)
        read, preference = self._preferences.get(key) or (0, Preference(margin, planned))
        votes = self._characters[character].votes if character in self._characters else []
        for _, outcome in votes[read:]:
            preference.add(outcome)
        self._preferences[key] = (len(votes), preference)
        return preference


def outcome_of(vote: Vote) -> Outcome:
    """Return what a vote on a pair of both models says of Chirp: a take that can't be used loses to one that can."""
    sides = {PairSide.FIRST: vote.first.voice_model, PairSide.SECOND: vote.second.voice_model}
    if vote.choice is VoteChoice.EQUAL:
        return Outcome.EQUAL
    if vote.fault is not None:
        lost = sides.get(vote.fault.side)
        if lost is None:
            return Outcome.UNUSABLE
        return Outcome.WAVENET if lost is VoiceModel.CHIRP3_HD else Outcome.CHIRP
    won = sides[PairSide(vote.choice)]
    return Outcome.CHIRP if won is VoiceModel.CHIRP3_HD else Outcome.WAVENET
