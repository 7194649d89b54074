"""Speaking pace: how long a line should last, from what it says and what its voice lately needed for others. Pure."""

import math
import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from worker.speech.catalogue import Voice
from worker.speech.ssml_tempo import Tempo

# Google's voices speak some 15 English characters, spaces included, or 4.5 Chinese ones a second.
_UNIT_S: Final = 0.072
_BESIDE_S: Final = 0.3
"""What each take lasts beside its words: its beginning and its end."""
_LEAST_BESIDE_S: Final = 0.1
"""The same of the shortest takes: an interjection such as 啊 may last 0.2 s in all."""

# How much shorter or longer than its voice's pace a take may be. The least and the most of a line's units stand beside
# it: these factors are for the voice alone.
_LEAST_SHARE: Final = 0.55
_MOST_SHARE: Final = 2.0
_LEAST_SHARE_UNKNOWN: Final = 0.5
_MOST_SHARE_UNKNOWN: Final = 2.5
_MOST_BESIDE_S: Final = 1.0
# The languages in which a unit is known to take as long as above. In others it may take a third, or three times that.
_KNOWN_LANGUAGES: Final = frozenset({"en", "cmn"})
_FOREIGN: Final = 3.0
_KNOWN_PACE: Final = 1.5
"""A known language's voices are at most so much faster or slower than the others."""

_HEARD_SHARE: Final = 0.4
"""Of the least duration of the words, what must be heard: the rest may be pauses between them."""

_KEPT: Final = 0.95
"""The decay of earlier takes' weight with each new one: about the last twenty count."""
_LEAST_WEIGHT: Final = 6.0
"""About seven takes; with fewer the pace isn't known."""
_TELLING_UNITS: Final = 20
_TELLING_RANGE: Final = 1.5
"""A shorter line, or one that may be read in more ways, says little about a voice's pace."""
_MOST_VOICES: Final = 1000

_DIGITS: Final = re.compile(r"[0-9]+")
_SIGNS: Final = re.compile(r"[%$€£¥&@#+=/*^~<>|\\_§°№²³½]")
# A run of stops matches only from its first one, or fifty thousand dots would take minutes.
_STOPS: Final = re.compile(r"[,;:()\"“”—–、，；：]|-{2,}|(?<![.!?…])[.!?…]++(?=\s|$)|[。！？]|\n++")

_SHOUTED: Final = re.compile(r"\b[A-Z]{1,6}\b")


@dataclass(frozen=True)
class ExtraUnits:
    """What a line takes beside its letters, in spoken units: digits and signs have names, stops are pauses.

    It is a range, since voices differ: 1999 is a year or a number, an asterisk is spoken or left out.
    """

    least: int = 0
    likely: int = 0
    most: int = 0


NO_EXTRA: Final = ExtraUnits()


def extra_units(words: str, units: int, tempo: Tempo) -> ExtraUnits:
    """Counts what words of so many units take beside them, where their tempo may vary."""
    extra = _extra_units(words, tempo.spelled)
    return ExtraUnits(
        least=round((units + extra.least) / tempo.fastest) - units,
        likely=extra.likely,
        most=round((units + extra.most) / tempo.slowest) - units,
    )


def _extra_units(words: str, spelled: int) -> ExtraUnits:
    runs = [len(found) for found in _DIGITS.findall(words)]
    digits, signs, stops = sum(runs), len(_SIGNS.findall(words)), len(_STOPS.findall(words))
    shouted = sum(len(found) for found in _SHOUTED.findall(words))
    return ExtraUnits(
        # A run of digits is at least a few words, such as one million.
        least=sum(min(run, max(0, 12 - run)) for run in runs) + 2 * stops,
        likely=5 * (digits + signs + spelled) + 3 * stops,
        most=8 * (digits + signs + spelled) + 4 * stops + 2 * shouted,
    )


@dataclass(frozen=True)
class LineLength:
    """What a line's duration is expected from: `units` as the renderer counts them, its pauses in seconds."""

    units: int
    extra: ExtraUnits
    pause_seconds: float
    speaking_rate: float

    def speech_s(self, extra: int, beside_s: float = _BESIDE_S) -> float:
        """What its words take at the pace of Google's voices, in seconds."""
        return (beside_s + _UNIT_S * (self.units + extra)) / self.speaking_rate


@dataclass(frozen=True)
class Bounds:
    """The plausible duration of a take, and how much of it must be heard at least; in seconds."""

    least_s: float
    most_s: float
    least_heard_s: float


@dataclass
class _Pace:
    """A voice's decayed mean of the logarithm of how much longer than expected its takes were."""

    weight: float = 0.0
    sum: float = 0.0

    def add(self, value: float) -> None:
        self.weight = self.weight * _KEPT + 1
        self.sum = self.sum * _KEPT + value

    @property
    def factor(self) -> float:
        return math.exp(self.sum / self.weight)


class SpeakingPace:
    """The pace of each voice, learnt from its last good takes.

    Until it is known, the bounds are those of Google's voices in English and Chinese, and three times as wide in other
    languages. What is learnt stays near these: a voice that goes wrong slowly is no measure for itself.
    """

    def __init__(self) -> None:
        self._paces: OrderedDict[str, _Pace] = OrderedDict()

    def observe(self, voice: Voice, line: LineLength, seconds: float) -> None:
        """Learns from a take that was good."""
        if line.units < _TELLING_UNITS or line.speech_s(line.extra.most) > _TELLING_RANGE * line.speech_s(
            line.extra.least
        ):
            return
        pace = self._paces.setdefault(voice.name, _Pace())
        self._paces.move_to_end(voice.name)
        if len(self._paces) > _MOST_VOICES:
            self._paces.popitem(last=False)
        factor = (seconds - line.pause_seconds) / line.speech_s(line.extra.likely)
        limit = _limit(voice)
        pace.add(math.log(min(max(factor, 1 / limit), limit)))

    def bounds(self, voice: Voice, line: LineLength) -> Bounds:
        """The plausible duration of a line of this voice."""
        pace = self._paces.get(voice.name)
        # What the least and the most of a line's extra units allow comes on top.
        if pace is not None and pace.weight >= _LEAST_WEIGHT:
            fastest = slowest = pace.factor
            least_share, most_share = _LEAST_SHARE, _MOST_SHARE
        else:
            slowest = _limit(voice) if _is_foreign(voice) else 1.0
            fastest = 1 / slowest
            least_share, most_share = _LEAST_SHARE_UNKNOWN, _MOST_SHARE_UNKNOWN
        least_s = least_share * fastest * line.speech_s(line.extra.least, _LEAST_BESIDE_S)
        most_s = most_share * slowest * line.speech_s(line.extra.most)
        return Bounds(
            least_s=least_s + least_share * line.pause_seconds / max(line.speaking_rate, 1.0),
            most_s=most_s + _MOST_BESIDE_S + most_share * line.pause_seconds / min(line.speaking_rate, 1.0),
            least_heard_s=_HEARD_SHARE * least_s,
        )


def _limit(voice: Voice) -> float:
    return _FOREIGN if _is_foreign(voice) else _KNOWN_PACE


def _is_foreign(voice: Voice) -> bool:
    return voice.locale.partition("-")[0] not in _KNOWN_LANGUAGES
