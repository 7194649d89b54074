"""How much of a line a recognizer got wrong: words in English, characters in Mandarin. Pure."""

import re
from collections.abc import Sequence

import opencc

_SIMPLIFIED = opencc.OpenCC("t2s")
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_HAN = re.compile(r"[\u4e00-\u9fff]")


def units(text: str, language: str) -> list[str]:
    """Returns what is compared: words without case and marks, or simplified characters."""
    if language == "cmn":
        return _HAN.findall(str(_SIMPLIFIED.convert(text)))
    return _WORD.findall(text.lower().replace("’", "'"))


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Returns the fewest substitutions, deletions and insertions that make one of the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for number, unit in enumerate(said, 1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, diagonal + (unit != other))
    return row[-1]
