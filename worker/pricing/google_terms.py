"""Google's published terms of each voice model, as of 2026: price, free tier and default quota. Pure.

Sources: https://cloud.google.com/text-to-speech/pricing and https://cloud.google.com/text-to-speech/quotas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.enums import VoiceModel


@dataclass(frozen=True)
class Terms:
    """The terms of one voice model.

    Attributes:
        dollars_per_character: the list price of a billed character, without the free tier.
        free_characters: free in each month, for each billing account.
        requests_per_minute: the default quota of a project.
    """

    dollars_per_character: float
    free_characters: int
    requests_per_minute: int


TERMS: Final[Mapping[VoiceModel, Terms]] = {
    VoiceModel.CHIRP3_HD: Terms(30 / 1e6, 1_000_000, 200),
    VoiceModel.WAVENET: Terms(4 / 1e6, 4_000_000, 1000),
}
TOTAL_REQUESTS_PER_MINUTE: Final = 1000
"""The default quota of a project for all voice models together; WaveNet has no lower one of its own."""


def whole_micros(dollars: float) -> float:
    """Round a price in US dollars to whole millionths: list prices are such, their sums as floats aren't."""
    return round(dollars, 6)


def list_price(billed: Mapping[VoiceModel, float]) -> float:
    """What billed characters cost in US dollars, without the free tier."""
    return sum(TERMS[voice_model].dollars_per_character * characters for voice_model, characters in billed.items())
