"""The model of the lint: rules about a text, what they find in it, and the level of each. Pure."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

DIGIT: Final = "a digit"
"""Among what a rule needs: a digit of any script."""
NOT_ASCII: Final = "not ASCII"
"""Among what a rule needs: any character that isn't in ASCII."""
_DIGITS: Final = "0123456789"


class Level(StrEnum):
    """What a finding of a rule does: it stops the batch, is shown, is mended, or isn't looked for."""

    ERROR = "error"
    WARN = "warn"
    FIX = "fix"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who speaks a text.

    Attributes:
        language: the tag of its voice, such as cmn-TW.
        names: of the script's speakers, in lower case and without separators.
    """

    language: str
    names: frozenset[str] = frozenset()

    @property
    def primary(self) -> str:
        """The language without script and region; `zh` for Mandarin, as most libraries have it."""
        return _primary(self.language)

    @property
    def is_chinese(self) -> bool:
        """Whether the voice reads Chinese characters as Mandarin or Cantonese."""
        return self.primary in {"zh", "yue"}

    @property
    def is_traditional(self) -> bool:
        """Whether the language is written in traditional Chinese characters."""
        regions = {"TW", "HK", "MO", "Hant"}
        return self.is_chinese and (self.primary == "yue" or not regions.isdisjoint(self.language.split("-")))


@cache
def _primary(language: str) -> str:
    primary = language.split("-", maxsplit=1)[0].lower()
    return "zh" if primary == "cmn" else primary


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule finds in a text.

    Attributes:
        start: index of its first character.
        end: index after its last character.
        reading: how a voice will probably read it; empty where the rule isn't about readings.
        replacement: what `fix` writes in its place; None where a machine can't know.
        kept: what `fix` keeps as a label.
    """

    start: int
    end: int
    reading: str = ""
    replacement: str | None = None
    kept: str = ""


HIDDEN: Final = "\ue0f0"
"""What one rule has found is hidden from the rules after it, by a character for private use: no rule takes it for a
letter, and the indexes stay the same."""

Find = Callable[[str, Spoken], Iterable[Match]]


@dataclass(frozen=True, slots=True)
class TextRule:
    """A rule about the text of one line.

    Attributes:
        name: in findings and in the mapping.
        says: what is wrong, for people.
        level: where the mapping says nothing.
        find: all matches, in the order of the text.
        label: the label that keeps what `fix` strips; empty for none.
        fixes: whether `fix` is allowed.
        needs: characters, `DIGIT` and `NOT_ASCII`: `find` finds nothing in a text that has none of them. Empty where
            any text may have what it finds. For speed: most rules need not look at most texts.
    """

    name: str
    says: str
    level: Level
    find: Find
    label: str = ""
    fixes: bool = True
    needs: Collection[str] = ()


def signs_of(text: str) -> set[str]:
    """What a text has of what rules need: its characters, `DIGIT` and `NOT_ASCII`."""
    signs = set(text)
    is_ascii = text.isascii()
    if not signs.isdisjoint(_DIGITS) or (not is_ascii and any(map(str.isdigit, signs))):
        signs.add(DIGIT)
    if not is_ascii:
        signs.add(NOT_ASCII)
    return signs
