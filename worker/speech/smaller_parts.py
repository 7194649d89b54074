"""Splits an input that Google refuses for a sentence that is too long: around it, and in its middle. Pure."""

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Final

from schemas.text_markup import PAUSE_MARK
from worker.speech.render import Input, InputForm
from worker.speech.sentences import sentences
from worker.speech.ssml_split import SpokenSsml
from worker.speech.text_split import LEVELS, Level, with_words

_CLAUSES: Final = LEVELS[1]
_CHARACTERS: Final = LEVELS[-1]
# Google's words: Sentence starting with: "The road north of St" is too long.
_NAMED: Final = re.compile(r'starting with: "(.+?)" is too long', re.DOTALL)
# A digit is spoken as a word of some four sounds: of 275 characters of long numbers Google says that they are too long.
_SOUNDS_A_DIGIT: Final = 4
_SOUNDS_A_WIDE_CHARACTER: Final = 3
_WIDE: Final = 0x2E80  # where the CJK blocks begin
# A sentence is cut at a clause only where that leaves so much of it on both sides.
_LEAST_SHARE: Final = 0.25
# A single word of at most so many characters is left whole: it isn't what is too long.
_LONGEST_WORD: Final = 40


def split_smaller(entry: Input, refusal: str) -> tuple[Input, ...]:
    """Splits an input of one call into inputs of several.

    The sentence that Google names, or else the longest one, is cut in two at the clause, the word or else the character
    nearest to its middle; so is each other sentence that takes as long to speak. The sentences before and after it stay
    together, unless that leaves a part longer than half of the input. SSML is cut into well-formed documents: what is
    open at a cut is closed there, and opened again after it.

    Args:
        entry: what Google refused.
        refusal: Google's message.

    Returns:
        The inputs in order, each with a word; together they say the same. Empty if the input can't be split.
    """
    if entry.form is InputForm.SSML:
        ssml = SpokenSsml(entry.content)
        pieces = ssml.parts(_cuts(ssml.spoken, refusal))
    else:
        pieces = _slices(entry.content, _cuts(entry.content, refusal))
    if len(pieces) < 2:  # noqa: PLR2004
        return ()
    return tuple(
        replace(
            entry, content=piece, pronunciations=tuple(each for each in entry.pronunciations if each.phrase in piece)
        )
        for piece in pieces
    )


def _cuts(text: str, refusal: str) -> list[int]:
    """Where the text is cut, as positions in it; empty if it is a single short word."""
    parts = sentences(text)
    starts = [0, *accumulate(map(len, parts))]
    refused = _refused(parts, refusal)
    cuts: set[int] = set()
    for start, sentence in zip(starts, parts, strict=False):
        if _sounds(sentence) < refused:
            continue
        middle = _middle(sentence)
        if middle is not None:
            cuts |= {start, start + middle, start + len(sentence)}
    # Google may see one sentence where this sees several, as in lines without stops: each part is halved, too.
    whole = _sounds(text)
    if max(map(_sounds, _slices(text, sorted(cuts)))) > whole / 2 and (between := _nearest_to_middle(text, sentences)):
        cuts.add(between)
    return with_words(text, cuts)


def _refused(parts: Iterable[str], refusal: str) -> int:
    """The sounds of the shortest sentence that is too long."""
    sounds = [(_sounds(part), part) for part in parts]
    found = _NAMED.search(refusal)
    if found:
        named = [number for number, part in sounds if _starts_with(part, found[1])]
        if named:
            return min(named)
    return max((number for number, _ in sounds), default=0)


def _starts_with(sentence: str, start: str) -> bool:
    """Whether a sentence starts with what Google quotes of it; Google collapses space and drops marks."""
    return _bare(sentence).startswith(_bare(start))


def _bare(text: str) -> str:
    return "".join(character for character in PAUSE_MARK.sub("", text) if character.isalnum()).casefold()


def _sounds(text: str) -> int:
    """About how many sounds a text has."""
    return sum(map(_sounds_of, PAUSE_MARK.sub("", text)))


def _sounds_of(character: str) -> int:
    if character.isdigit():
        return _SOUNDS_A_DIGIT
    if not character.isalnum():
        return 0
    return _SOUNDS_A_WIDE_CHARACTER if ord(character) >= _WIDE else 1


def _middle(sentence: str) -> int | None:
    """The position nearest to the middle of a sentence at which it can be cut; None if it is a single short word."""
    for level in LEVELS[1:]:
        if level is _CHARACTERS and len(sentence.strip()) <= _LONGEST_WORD:
            continue
        if (found := _nearest_to_middle(sentence, level)) is not None:
            return found
    return None


def _nearest_to_middle(sentence: str, level: Level) -> int | None:
    whole, position, sounds = _sounds(sentence), 0, 0
    best: tuple[int, int] | None = None
    for piece in level(sentence):
        if position and (half := min(sounds, whole - sounds)) > 0:
            best = max(best or (0, 0), (half, position))
        position, sounds = position + len(piece), sounds + _sounds(piece)
    least = _LEAST_SHARE * whole if level is _CLAUSES else 0
    return best[1] if best is not None and best[0] >= least else None


def _slices(text: str, cuts: list[int]) -> list[str]:
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
