"""Phonemes in Kokoro's alphabet: how espeak-ng's are written in it, and pieces that the model can take. Pure."""

import re
from collections.abc import Callable

LONGEST = 480
"""Phonemes that the model is given at once; it takes 510."""

# misaki's English alphabet (EN_PHONES.md of hexgrad/misaki), with which Kokoro was trained, from espeak-ng's IPA.
_FROM_IPA = (
    ("eɪ", "A"),
    ("aɪ", "I"),
    ("oʊ", "O"),
    ("aʊ", "W"),
    ("ɔɪ", "Y"),
    ("dʒ", "ʤ"),
    ("tʃ", "ʧ"),
    ("ɜː", "ɜɹ"),
    ("ɚ", "əɹ"),
    ("ɐ", "ə"),
    ("ɾ", "T"),
    ("ʔ", "t"),
    ("əl", "ᵊl"),
    ("r", "ɹ"),
    ("x", "k"),
    ("ɬ", "l"),
    ("ː", ""),
    ("ʲ", ""),
    ("\N{COMBINING VERTICAL LINE BELOW}", ""),
)
_FOREIGN_MARK = re.compile(r"\([a-z-]+\)")
_MARK_SIGNS = ";:,.!?…—"
# A single full stop ends a clause at the sentence's end alone: elsewhere it is an abbreviation's.
_MARKS = re.compile(r"\s*([;:,!?…—]|\.(?=\.)|\.(?=[\"'”’)]*$))[;:,.!?…—]*[\"'”’)]*(?:\s+|$)")
_REST = re.compile(r"(?<=[;:,.!?…—])\s+|\s+")


def from_ipa(ipa: str) -> str:
    """Returns espeak-ng's English phonemes in Kokoro's alphabet; what it hasn't is left, and the model skips it."""
    written = _FOREIGN_MARK.sub("", ipa)
    for theirs, ours in _FROM_IPA:
        written = written.replace(theirs, ours)
    return written.replace("ɜɹɹ", "ɜɹ").replace("əɹɹ", "əɹ")


def with_marks(sentence: str, pronounce: Callable[[str], str]) -> str:
    """Returns a sentence's phonemes with its punctuation, by which the model sets the melody.

    Args:
        sentence: one sentence: a full stop inside it is an abbreviation's.
        pronounce: the phonemes of a clause.
    """
    written, begin = "", 0
    for mark in _MARKS.finditer(sentence):
        if clause := sentence[begin : mark.start()].strip():
            written += pronounce(clause) + mark[1] + " "
        begin = mark.end()
    if clause := sentence[begin:].strip():
        written += pronounce(clause)
    return written.strip()


def pieces(phonemes: str, longest: int = LONGEST) -> list[str]:
    """Splits phonemes at spaces into pieces of at most `longest`, after punctuation where there is some.

    A word that is longer by itself is cut.
    """
    parts = []
    rest = phonemes.strip()
    while len(rest) > longest:
        room = rest[: longest + 1]
        ends = [gap.start() for gap in _REST.finditer(room) if gap.start()]
        after_marks = [end for end in ends if room[end - 1] in _MARK_SIGNS and end > longest // 2]
        end = max(after_marks or ends, default=longest)
        parts.append(rest[:end].strip())
        rest = rest[end:].strip()
    return [*parts, rest] if rest else parts
