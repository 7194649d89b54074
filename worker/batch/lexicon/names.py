"""Names that no lexicon says how to speak, by frequency. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.text_markup import PAUSE_MARK
from worker.batch.scripts.model import Line

# A capital first: a name, or a word that begins a sentence. Dots join the parts of foreign names in Chinese.
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*(?:·[^\W\d_]+)*")
_FOREIGN_NAME: Final = re.compile(r"[\u4e00-\u9fff]{1,6}(?:·[\u4e00-\u9fff]{1,6})+")
_SENTENCE_ENDS: Final = frozenset('.!?…:"“”‘(「『。！？')
_POSSESSIVE: Final = re.compile(r"['’]s?$")
# Words with a capital that every voice knows.
_KNOWN: Final = re.compile(
    "i|i'm|i'll|i've|i'd|ok|okay|mr|mrs|ms|dr|sir|god|english|french|german|chinese|american|monday|tuesday|"
    "wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august|september|"
    "october|november|december|tv|dj"
)


@dataclass(frozen=True, slots=True)
class UnknownName:
    """A name, how often it is said, in which language, and a line that says it."""

    word: str
    language: str
    count: int
    line_id: str
    example: str


def unknown_names(lines: Sequence[Line], known: Collection[str]) -> list[UnknownName]:
    """The names in the texts, the most frequent first.

    A name is a word that has its capital amid a sentence and is written small nowhere in the script, or a foreign name
    with dots in Chinese. Texts of languages without capitals give their Latin words and such names alone.

    Args:
        known: the words that the lexicon has.
    """
    counts: Counter[tuple[str, str]] = Counter()
    amid: set[str] = set()
    small: set[str] = set()
    example: dict[tuple[str, str], Line] = {}
    own: defaultdict[str, set[str]] = defaultdict(set)
    for line in lines:
        text = PAUSE_MARK.sub(" ", line.job.text or "")
        own[line.job.language] |= {entry.phrase for entry in line.job.pronunciations}
        for found in [*_WORD.finditer(text), *_FOREIGN_NAME.finditer(text)]:
            word = _POSSESSIVE.sub("", found[0])
            if word[:1].islower():
                small.add(word)
            elif word[:1].isupper() or "·" in word:
                key = (word, line.job.language)
                counts[key] += 1
                example.setdefault(key, line)
                if _is_amid(text, found.start()) or "·" in word or not text.isascii():
                    amid.add(word)
    return [
        UnknownName(word, language, count, example[word, language].id, example[word, language].job.text or "")
        for (word, language), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if word in amid
        and word not in known
        and word not in own[language]
        and not _KNOWN.fullmatch(word.casefold())
        and word.casefold() not in small
        and len(word) > 1
    ]


def _is_amid(text: str, start: int) -> bool:
    before = text[:start].rstrip()
    return bool(before) and before[-1] not in _SENTENCE_ENDS
