"""Finds the lines that stand out from others of their voice: pace, loudness, silence within; a sentence for each. Pure.

A line stands out by its modified z-score: 0.6745 times its distance from the median over the median of all distances,
above 3.5 (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993). Both medians stay what they are while up to
half of the lines are wrong. A least distance stands beside it: of lines that are nearly the same a small one is none.
"""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from schemas.text_markup import PAUSE_MARK

_MODIFIED: Final = 0.6745
_LIMIT: Final = 3.5
_LEAST_LINES: Final = 8
"""With fewer lines of a voice nothing is said: a median of some is no measure."""
_LEAST_PACE_SHARE: Final = 0.35
_LEAST_LU: Final = 3.0
_LEAST_SILENCE_S: Final = 0.5
# Beside so few characters the beginning and the end of a take are most of it.
_SHORTEST: Final = 12
_MARKUP: Final = re.compile(rf"<[^>]*>|{PAUSE_MARK.pattern}")


@dataclass(frozen=True)
class SoundFigures:
    """What was measured of a take.

    Attributes:
        lufs: its integrated loudness; None for silence, and for what is shorter than 0.4 s.
        silence_s: its longest silence between sounds, in seconds.
    """

    lufs: float | None
    silence_s: float


@dataclass(frozen=True)
class SpokenLine:
    """A line as it was spoken; `sound` is None where its audio wasn't measured."""

    line: str
    character: str
    voice: str
    language: str
    text: str
    seconds: float
    sound: SoundFigures | None = None

    @property
    def pace(self) -> float | None:
        """Characters a second, without markup; None where the text is too short to say."""
        count = len(" ".join(_MARKUP.sub(" ", self.text).split()))
        return count / self.seconds if count >= _SHORTEST and self.seconds > 0 else None

    @property
    def lufs(self) -> float | None:
        """Its loudness."""
        return self.sound.lufs if self.sound else None

    @property
    def silence_s(self) -> float | None:
        """Its longest silence between sounds."""
        return self.sound.silence_s if self.sound else None


@dataclass(frozen=True)
class _Measure:
    of: Callable[[SpokenLine], float | None]
    least: Callable[[float], float]
    say: Callable[[float, float], str]
    one_sided: bool = False


def _pace(value: float, middle: float) -> str:
    how = "faster" if value > middle else "slower"
    return f"It speaks {how} than its voice does: {value:.1f} characters a second, the median is {middle:.1f}."


def _level(value: float, middle: float) -> str:
    how = "louder" if value > middle else "softer"
    return f"It is {how} than its voice is: {value:.1f} LUFS, the median is {middle:.1f}."


def _silence(value: float, middle: float) -> str:
    return f"It is silent for {value:.1f} s on end, and the median of its voice is {middle:.1f} s."


_MEASURES: Final = (
    _Measure(lambda each: each.pace, lambda middle: _LEAST_PACE_SHARE * middle, _pace),
    _Measure(lambda each: each.lufs, lambda _: _LEAST_LU, _level),
    _Measure(lambda each: each.silence_s, lambda _: _LEAST_SILENCE_S, _silence, one_sided=True),
)


def find_outliers(lines: Iterable[SpokenLine]) -> Mapping[str, tuple[str, ...]]:
    """Why a line stands out, by line; lines that don't aren't there.

    A character's voice in one language is compared with itself: paces of languages differ.
    """
    groups: defaultdict[tuple[str, str, str], list[SpokenLine]] = defaultdict(list)
    for each in lines:
        groups[each.character, each.voice, each.language].append(each)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for group in groups.values():
        for measure in _MEASURES:
            for line, sentence in _standing_out(group, measure):
                found[line].append(sentence)
    return {line: tuple(sentences) for line, sentences in found.items()}


def _standing_out(group: Sequence[SpokenLine], measure: _Measure) -> Iterable[tuple[str, str]]:
    values = [(each.line, value) for each in group if (value := measure.of(each)) is not None and math.isfinite(value)]
    if len(values) < _LEAST_LINES:
        return
    middle = median(value for _, value in values)
    spread = median(abs(value - middle) for _, value in values)
    for line, value in values:
        distance = value - middle if measure.one_sided else abs(value - middle)
        if distance > measure.least(middle) and _MODIFIED * distance > _LIMIT * spread:
            yield line, measure.say(value, middle)
