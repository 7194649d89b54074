"""Plans blind pairs: the same lines in both voice models, what of them is missing, and what that costs. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.enums import VoiceModel
from schemas.job import Job
from schemas.pair import Pair, PairedTake
from schemas.parsing import InvalidJobError
from worker.batch.price_estimate import PriceEstimate, estimate_price
from worker.batch.scripts.model import Line, Place
from worker.batch.voice_selection import KeepTogether, PlannedLine, VoicePreference, VoiceSelector
from worker.speech.catalogue import Catalogue

LABEL: Final = "listening.pair"
"""The label of the jobs that make a pair's takes; its value is the pair's id."""
PREFIX: Final = "pair-"
"""What the ids of pairs, and so of the jobs that make their takes, begin with."""
_UNHEARD: Final = ("user_id", "rollout_key", "deadline", "reply_topic", "labels", "voice")
_MODELS: Final = (VoiceModel.CHIRP3_HD, VoiceModel.WAVENET)


@dataclass(frozen=True)
class PlannedPair:
    """A pair, and the two lines that make its takes."""

    pair: Pair
    chirp: PlannedLine
    wavenet: PlannedLine

    @property
    def lines(self) -> tuple[PlannedLine, PlannedLine]:
        """Both lines."""
        return self.chirp, self.wavenet


@dataclass(frozen=True)
class CharacterPlan:
    """What a plan does for one character.

    Attributes:
        before: its pairs now.
        after: its pairs afterwards.
        new: takes that Google bills.
        characters: that Google bills for them, tags included.
        dollars: US dollars at list price, without the free tier.
    """

    character: str
    before: int
    after: int
    new: int
    characters: int
    dollars: float


@dataclass(frozen=True)
class PairPlan:
    """The pairs that would be made.

    Attributes:
        stored: keys of takes that are stored already, and not paid for.
    """

    pairs: tuple[PlannedPair, ...]
    stored: frozenset[str] = frozenset()

    @property
    def price(self) -> PriceEstimate:
        """The price of all takes that aren't stored."""
        return estimate_price([line for each in self.pairs for line in each.lines], self.stored)

    def by_character(self, present: Iterable[Pair]) -> list[CharacterPlan]:
        """What happens to each character, beside the pairs that there are."""
        now: dict[str, set[str]] = {}
        for each in present:
            now.setdefault(each.character, set()).add(each.pair_id)
        rows = []
        for character in sorted({each.pair.character for each in self.pairs}):
            own = [each for each in self.pairs if each.pair.character == character]
            price = estimate_price([line for each in own for line in each.lines], self.stored)
            before = now.get(character, set())
            after = before | {each.pair.pair_id for each in own}
            new = sum(each.new for each in price.models)
            billed = sum(each.characters for each in price.models)
            rows.append(CharacterPlan(character, len(before), len(after), new, billed, price.dollars))
        return rows

    def missing(self) -> Iterator[Job]:
        """The jobs that make what isn't stored, each take once."""
        made = set(self.stored)
        for planned in self.pairs:
            for line in planned.lines:
                if line.key not in made:
                    made.add(line.key)
                    yield line.job


def plan_pairs(
    lines: Iterable[Job],
    catalogue: Catalogue,
    selector: VoiceSelector,
    *,
    characters: Collection[str],
    per_character: int,
    time: datetime,
    source: str,
) -> PairPlan:
    """Plan pairs of the first lines of each character that both voice models can speak.

    Left out are lines that are there before, lines in languages that Chirp doesn't speak, and those that need several
    calls: their joints would be compared too.

    Args:
        lines: in the order in which they are preferred; their voices and users don't matter.
        characters: of the catalogue.
        per_character: how many lines of each character at most.
        source: URI reference of who makes them.
    """
    pairs: dict[str, PlannedPair] = {}
    counts: Counter[str] = Counter()
    for job in lines:
        if job.character not in characters or counts[job.character] >= per_character:
            continue
        spoken = catalogue.localized(job.model_copy(update=_fields_of(Job, _UNHEARD)))
        pair_id = _pair_id(spoken)
        if pair_id in pairs:
            continue
        both = _both(spoken, pair_id, catalogue, selector)
        if both is None or any(each.calls > 1 for each in both):
            continue
        counts[job.character] += 1
        pair = Pair(
            pair_id=pair_id,
            character=spoken.character,
            line=job.job_id,
            language=spoken.language,
            text=spoken.text or spoken.ssml or "",
            first=_take(both[0]),
            second=_take(both[1]),
            time=time.isoformat(),
            source=source,
        )
        pairs[pair_id] = PlannedPair(pair, *both)
    return PairPlan(tuple(pairs.values()))


def _fields_of(model: type[Job], names: Sequence[str]) -> dict[str, object]:
    """The fields' defaults."""
    return {name: model.model_fields[name].get_default(call_default_factory=True) for name in names}


def _pair_id(job: Job) -> str:
    """The same for the same line of a character: spoken anew, it takes the place of its pair."""
    heard = [job.character, job.language, job.text, job.ssml, job.take]
    return PREFIX + hashlib.sha256(json.dumps(heard).encode()).hexdigest()[:20]


def _both(
    job: Job, pair_id: str, catalogue: Catalogue, selector: VoiceSelector
) -> tuple[PlannedLine, PlannedLine] | None:
    """The line by both models; None where one of them can't speak it."""
    made: list[PlannedLine] = []
    for model in _MODELS:
        changes = {"job_id": f"{pair_id}-{model.value}", "voice": model.value, "labels": {LABEL: pair_id}}
        forced = job.model_copy(update=changes)
        try:
            catalogue.admit(forced)
        except InvalidJobError:
            return None
        line = Line(forced, None, Place("", 0), {})
        made += selector.select([line], VoicePreference(KeepTogether.LINE))
    # Where Chirp is braked, the decision is WaveNet whatever a job forces.
    return (made[0], made[1]) if made[0].voice.voice_model is not made[1].voice.voice_model else None


def _take(planned: PlannedLine) -> PairedTake:
    return PairedTake(
        audio=planned.key,
        voice_model=planned.voice.voice_model,
        voice=planned.voice.name,
        take=planned.job.take,
    )
