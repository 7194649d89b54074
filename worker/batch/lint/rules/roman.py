"""Roman numerals after a name or a word such as Chapter: a voice may spell them out. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from worker.batch.lint.model import Level, Match, Spoken, TextRule
from worker.batch.lint.rules.spelling import in_words

# One letter alone is a numeral after such a word only: "Henry V" is, and "Vitamin C", "Mr. X" and "and I" are none.
_COUNTED: Final = re.compile(
    r"\b(?:Mk|Mark|Vol|Pt|Part|Chapter|Act|Book|Volume|Phase|Type|Class|Level|Stage|Episode|Section|Article|Unit)\.? "
    r"(?P<numeral>[IVX]+)\b(?!['’.])"
)
_NAMED: Final = re.compile(r"\b[A-Z][a-z]+ (?P<numeral>[IVX]{2,})\b(?!['’])")
_NAMED_SIGN: Final = re.compile(r" [IVX]{2}")
_VALID: Final = re.compile(r"(?=.)X{0,3}(?:IX|IV|V?I{0,3})")
_VALUES: Final = {"I": 1, "V": 5, "X": 10}


def _find(text: str, spoken: Spoken) -> Iterator[Match]:
    for pattern in (_COUNTED, _NAMED) if _NAMED_SIGN.search(text) else (_COUNTED,):
        for found in pattern.finditer(text):
            numeral = found["numeral"]
            if _VALID.fullmatch(numeral) and (words := in_words(_value(numeral), spoken)):
                yield Match(*found.span("numeral"), words, words)


def _value(numeral: str) -> int:
    values = [_VALUES[each] for each in numeral]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


RULES: Final = (TextRule("roman-numerals", "has more than one reading", Level.WARN, _find, needs="IVX"),)
