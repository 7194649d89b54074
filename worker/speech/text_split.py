"""Splits a text that is too long for one call: at sentences, else clauses, else words, else anywhere. Pure."""

import re
from collections.abc import Callable
from typing import Final

from schemas.text_markup import PAUSE_MARK

MAX_SENTENCE_CHARACTERS: Final = 300
"""Google refuses sentences that are "too long"; reported for 320 characters (googleapis/google-cloud-node#4074)."""

_CLOSERS: Final = r"[\"'”’」』）)\]]*+"
# A run of stops matches only from its first one and as a whole; otherwise fifty thousand dots would take minutes.
_SENTENCE: Final = re.compile(rf".+?(?:(?<![.!?…])[.!?…]++{_CLOSERS}(?=\s|$)|[。！？]++{_CLOSERS}|\n)\s*|.+", re.DOTALL)
_CLAUSE: Final = re.compile(r".+?[,;:—–、，；：]+\s*|.+", re.DOTALL)
# A pause mark is never split, nor a letter from its accents; but thousands of accents don't belong to one letter.
_WORD: Final = re.compile(rf"(?:{PAUSE_MARK.pattern}|\S)+\s*|\s+")
_CHARACTER: Final = re.compile(rf"{PAUSE_MARK.pattern}|.[\u0300-\u036f\u200d\ufe0f]{{0,16}}", re.DOTALL)
_LEVELS: Final = (_SENTENCE, _CLAUSE, _WORD, _CHARACTER)

Fits = Callable[[str], bool]


def longest_sentence(text: str) -> int:
    """The length of the text's longest sentence, in characters."""
    return max((len(sentence.rstrip()) for sentence in _SENTENCE.findall(text)), default=0)


def split_text(text: str, fits: Fits) -> list[str]:
    """Splits a text into as few parts as its sentences allow; together the parts say the same as the text.

    Args:
        fits: whether a part can be one call; every shorter piece of a part that fits must fit too.

    Returns:
        The parts in order; each contains a word.
    """
    if fits(text):
        return [text]
    return [part for part in _split(text, fits, _LEVELS) if re.search(r"[^\W_]", PAUSE_MARK.sub("", part))]


def _split(text: str, fits: Fits, levels: tuple[re.Pattern[str], ...]) -> list[str]:
    pieces = levels[0].findall(text)
    parts: list[str] = []
    start = 0
    while start < len(pieces):
        count = _longest_run(pieces, start, fits)
        if count:
            parts.append("".join(pieces[start : start + count]))
        elif len(levels) > 1:
            parts += _split(pieces[start], fits, levels[1:])
        else:
            parts.append(pieces[start])
        start += max(count, 1)
    return parts


def _longest_run(pieces: list[str], start: int, fits: Fits) -> int:
    """How many pieces from `start` on fit together; found by doubling and halving, since each check renders."""
    low, high = 0, 1
    while start + high <= len(pieces) and fits("".join(pieces[start : start + high])):
        low, high = high, high * 2
    high = min(high, len(pieces) - start + 1)
    while high - low > 1:
        middle = (low + high) // 2
        if fits("".join(pieces[start : start + middle])):
            low = middle
        else:
            high = middle
    return low
