"""What a batch will cost and how long it will take, before it starts. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from schemas.words import VoiceModel
from worker.batch.voice_selection import VoicedLine
from worker.pricing.google_terms import TERMS, TOTAL_REQUESTS_PER_MINUTE


@dataclass(frozen=True)
class ModelPrice:
    """One voice model's part.

    Attributes:
        voice_model: which.
        lines: that are to be made.
        stored: of them those whose take is in the store already.
        repeats: of them those whose take another line of the batch makes.
        characters: that Google bills, tags included, for the others.
        calls: requests that they take.
    """

    voice_model: VoiceModel
    lines: int
    stored: int
    repeats: int
    characters: int
    calls: int

    @property
    def new(self) -> int:
        """Lines that are paid for."""
        return self.lines - self.stored - self.repeats

    @property
    def dollars(self) -> float:
        """At list price, nothing free."""
        return self.characters * TERMS[self.voice_model].dollars_per_character

    @property
    def free_characters(self) -> int:
        """What Google gives for nothing a month; nobody here knows how much of it is used up."""
        return TERMS[self.voice_model].free_characters

    @property
    def dollars_at_least(self) -> float:
        """If nothing of this month's free characters is used yet."""
        return max(0, self.characters - self.free_characters) * TERMS[self.voice_model].dollars_per_character


@dataclass(frozen=True)
class Price:
    """What a batch comes to, if no attempt of Chirp fails and falls back."""

    models: tuple[ModelPrice, ...]

    @property
    def dollars(self) -> float:
        """At list price, nothing free: what a budget is held against."""
        return sum(each.dollars for each in self.models)

    @property
    def dollars_at_least(self) -> float:
        """If nothing of this month's free characters is used yet."""
        return sum(each.dollars_at_least for each in self.models)

    @property
    def lines(self) -> int:
        """Lines that are to be made."""
        return sum(each.lines for each in self.models)

    @property
    def chirp_share(self) -> float:
        """Of the lines that are to be made, 0 to 1."""
        chirp = sum(each.lines for each in self.models if each.voice_model is VoiceModel.CHIRP3_HD)
        return chirp / self.lines if self.lines else 0.0

    @property
    def minutes(self) -> float:
        """The least that it takes at Google's default quotas, if nobody else uses them."""
        calls = sum(each.calls for each in self.models)
        alone = [each.calls / TERMS[each.voice_model].requests_per_minute for each in self.models]
        return max([calls / TOTAL_REQUESTS_PER_MINUTE, *alone])


def price_of(casts: Sequence[VoicedLine], stored: Collection[str]) -> Price:
    """What it costs to make lines.

    Args:
        casts: the lines.
        stored: keys of takes that are there.
    """
    return Price(tuple(_model_price(model, casts, stored) for model in VoiceModel))


def _model_price(voice_model: VoiceModel, casts: Sequence[VoicedLine], stored: Collection[str]) -> ModelPrice:
    mine = [each for each in casts if each.voice.voice_model is voice_model]
    missing = {each.key: each for each in mine if each.key not in stored}
    found = sum(each.key in stored for each in mine)
    return ModelPrice(
        voice_model=voice_model,
        lines=len(mine),
        stored=found,
        repeats=len(mine) - found - len(missing),
        characters=sum(each.billed for each in missing.values()),
        calls=sum(each.calls for each in missing.values()),
    )
