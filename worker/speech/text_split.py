"""Splits a text that is too long for one call: at sentences, else clauses, else words, else anywhere. Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from schemas.text_markup import PAUSE_MARK, has_word
from worker.speech.sentences import between_stops, glued, sentences

MAX_SENTENCE_CHARACTERS: Final = 300
"""Google refuses sentences that are "too long"; reported for 320 characters (googleapis/google-cloud-node#4074).

Google's limit is on what is spoken, which nobody can count from outside. What it refuses is split further
(`worker.speech.smaller_parts`).
"""

# A comma or a colon inside a number ends no clause.
_CLAUSE: Final = re.compile(r".+?[,;:—–、，；：،؛፣]++(?!(?<=\d[,:])\d)\s*|.+", re.DOTALL)
# A pause mark is never split.
_WORD: Final = re.compile(rf"(?:{PAUSE_MARK.pattern}|\S)+\s*|\s+")
_CHARACTER: Final = re.compile(rf"{PAUSE_MARK.pattern}|.", re.DOTALL)
# A letter is never split from its marks, nor an emoji; but thousands of accents don't belong to one letter.
_MOST_MARKS: Final = 16
_JOINER: Final = "\u200d"
_SKIN_TONES: Final = ("\U0001f3fb", "\U0001f3ff")
_FLAG_LETTERS: Final = ("\U0001f1e6", "\U0001f1ff")

Fits = Callable[[str], bool]
Level = Callable[[str], list[str]]
"""Cuts a text into pieces that are the text again when they are joined."""


def _clauses(text: str) -> list[str]:
    return _CLAUSE.findall(text)


def _phrases(text: str) -> list[str]:
    """The words, an abbreviation with the word after it: "Dr. Mason" is one."""
    return glued(_WORD.findall(text))


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _characters(text: str) -> list[str]:
    """The letters with their marks: Thai's vowels, Hindi's signs and Arabic's points stay with theirs, too."""
    found: list[str] = []
    for each in _CHARACTER.findall(text):
        if found and len(found[-1]) <= _MOST_MARKS and _continues(found[-1], each):
            found[-1] += each
        else:
            found.append(each)
    return found


def _continues(letter: str, following: str) -> bool:
    if letter.endswith(_JOINER) or following == _JOINER or _is_within(following, _SKIN_TONES):
        return True
    is_second_of_flag = len(letter) == 1 and _is_within(letter, _FLAG_LETTERS) and _is_within(following, _FLAG_LETTERS)
    return is_second_of_flag or (len(following) == 1 and unicodedata.category(following).startswith("M"))


def _is_within(character: str, bounds: tuple[str, str]) -> bool:
    return bounds[0] <= character <= bounds[1]


LEVELS: Final[tuple[Level, ...]] = (sentences, _clauses, _phrases, _words, _characters)
"""The places at which a text is split, the best first."""


def longest_sentence(text: str) -> int:
    """The length of the text's longest sentence, in characters."""
    return max((len(sentence.rstrip()) for sentence in sentences(text)), default=0)


def longest_between_stops(text: str) -> int:
    """The most characters between two stops, abbreviations' included: a sentence has at least as many.

    A line's first calls are made by this measure, whatever else becomes known of Google's limit: they are part of the
    key of its take. Other calls for the same line would make every stored take of a long text anew.
    """
    return max((len(piece.rstrip()) for piece in between_stops(text)), default=0)


def with_words(text: str, cuts: Iterable[int]) -> list[int]:
    """Those of the positions, in order, at which the text can be cut so that each part has a word."""
    kept: list[int] = []
    for cut in sorted(cuts):
        if has_word(text[kept[-1] if kept else 0 : cut]):
            kept.append(cut)
    while kept and not has_word(text[kept[-1] :]):
        kept.pop()
    return kept


def split_text(text: str, fits: Fits) -> list[str]:
    """Splits a text into as few parts as its sentences allow; together the parts say the same as the text.

    Args:
        fits: whether a part can be one call; every shorter piece of a part that fits must fit too.

    Returns:
        The parts in order; each contains a word.
    """
    if fits(text):
        return [text]
    return [part for part in _split(text, fits, LEVELS) if has_word(part)]


def _split(text: str, fits: Fits, levels: tuple[Level, ...]) -> list[str]:
    pieces = levels[0](text)
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
