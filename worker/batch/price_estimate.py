"""Estimates the price and the least duration of a batch before it starts. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from schemas.enums import VoiceModel
from worker.batch.voice_selection import PlannedLine
from worker.pricing.google_terms import TERMS, TOTAL_REQUESTS_PER_MINUTE, whole_micros


@dataclass(frozen=True)
class ModelPrice:
    """The part of one voice model.

    Attributes:
        lines: to be made.
        stored: lines with a take that is stored already.
        duplicates: lines with the same take as another line of the batch.
        characters: billed by Google for the other lines, tags included.
        calls: requests to Google for the other lines.
    """

    voice_model: VoiceModel
    lines: int
    stored: int
    duplicates: int
    characters: int
    calls: int

    @property
    def new(self) -> int:
        """Lines with a take that Google bills."""
        return self.lines - self.stored - self.duplicates

    @property
    def dollars(self) -> float:
        """US dollars at list price, without the free tier."""
        return self.characters * TERMS[self.voice_model].dollars_per_character

    @property
    def free_characters(self) -> int:
        """Google's free characters a month; how many of them are used up already is not known here."""
        return TERMS[self.voice_model].free_characters

    @property
    def dollars_at_least(self) -> float:
        """US dollars if none of this month's free characters is used yet."""
        return max(0, self.characters - self.free_characters) * TERMS[self.voice_model].dollars_per_character


@dataclass(frozen=True)
class PriceEstimate:
    """The estimate for a batch in which no Chirp attempt falls back."""

    models: tuple[ModelPrice, ...]

    def exceeds(self, budget: float) -> bool:
        """Whether the price is more than a budget in US dollars; the same amount isn't."""
        return whole_micros(self.dollars) > whole_micros(budget)

    @property
    def dollars(self) -> float:
        """US dollars at list price, without the free tier. A budget is compared with it."""
        return sum(each.dollars for each in self.models)

    @property
    def dollars_at_least(self) -> float:
        """US dollars if none of this month's free characters is used yet."""
        return sum(each.dollars_at_least for each in self.models)

    @property
    def lines(self) -> int:
        """Lines to be made."""
        return sum(each.lines for each in self.models)

    @property
    def chirp_share(self) -> float:
        """The share of the lines to be made that Chirp speaks, 0 to 1."""
        chirp = sum(each.lines for each in self.models if each.voice_model is VoiceModel.CHIRP3_HD)
        return chirp / self.lines if self.lines else 0.0

    @property
    def minutes(self) -> float:
        """The least duration at Google's default quotas, if nobody else uses them."""
        calls = sum(each.calls for each in self.models)
        alone = [each.calls / TERMS[each.voice_model].requests_per_minute for each in self.models]
        return max([calls / TOTAL_REQUESTS_PER_MINUTE, *alone])


def estimate_price(planned_lines: Sequence[PlannedLine], stored: Collection[str]) -> PriceEstimate:
    """The estimate for making lines.

    Args:
        stored: keys of the takes that are stored already.
    """
    return PriceEstimate(tuple(_model_price(model, planned_lines, stored) for model in VoiceModel))


def _model_price(voice_model: VoiceModel, planned_lines: Sequence[PlannedLine], stored: Collection[str]) -> ModelPrice:
    mine = [each for each in planned_lines if each.voice.voice_model is voice_model]
    missing = {each.key: each for each in mine if each.key not in stored}
    found = sum(each.key in stored for each in mine)
    return ModelPrice(
        voice_model=voice_model,
        lines=len(mine),
        stored=found,
        duplicates=len(mine) - found - len(missing),
        characters=sum(each.billed for each in missing.values()),
        calls=sum(each.calls for each in missing.values()),
    )
