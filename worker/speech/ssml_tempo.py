"""What in SSML makes words faster or slower than their letters say: rates of parts, and what is spelled out. Pure."""

from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from worker.speech.chirp_ssml import rate_factor

_SPELLED: Final = frozenset({"characters", "spell-out", "verbatim", "digits", "telephone"})
# Google's voices speak at a fourth to four times their own rate.
_RATES: Final = (0.25, 4.0)


@dataclass(frozen=True)
class Tempo:
    """How much faster or slower than the line its parts may be, as factors, and how many characters are spelled out."""

    slowest: float = 1.0
    fastest: float = 1.0
    spelled: int = 0


def find_tempo(root: Element) -> Tempo:
    """Finds the bounds of a document's tempo; elements inside each other multiply."""
    slowest = fastest = 1.0
    for element in root.iter("prosody"):
        factor = rate_factor(element.get("rate", ""))
        slowest, fastest = slowest * min(factor, 1.0), fastest * max(factor, 1.0)
    spelled = [each for each in root.iter("say-as") if each.get("interpret-as") in _SPELLED]
    return Tempo(
        slowest=max(slowest, _RATES[0]),
        fastest=min(fastest, _RATES[1]),
        spelled=sum(character.isalnum() for each in spelled for character in "".join(each.itertext())),
    )
