"""Texts in another language, script or Chinese orthography than their voice's. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Final

from opencc import OpenCC
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from worker.batch.lint.model import NOT_ASCII, Level, Match, Spoken, TextRule

_HAN_RUN: Final = re.compile("[\u3400-\u9fff]+")
_HAN: Final = "CJK"
_JAPANESE: Final = frozenset({"HIRAGANA", "KATAKANA", _HAN})
# Languages that aren't written in Latin letters; Chinese, Japanese and Korean texts may hold Latin words.
_CHINESE_SCRIPTS: Final = frozenset({_HAN, "BOPOMOFO", "IDEOGRAPHIC"})
_SCRIPTS: Final = {
    "zh": _CHINESE_SCRIPTS,
    "yue": _CHINESE_SCRIPTS,
    "ja": _JAPANESE,
    "ko": frozenset({"HANGUL", _HAN}),
    **dict.fromkeys(("ru", "uk", "bg"), frozenset({"CYRILLIC"})),
    "sr": frozenset({"CYRILLIC", "LATIN"}),
    **dict.fromkeys(("ar", "ur"), frozenset({"ARABIC"})),
    **dict.fromkeys(("hi", "mr"), frozenset({"DEVANAGARI"})),
    "el": frozenset({"GREEK"}),
    "he": frozenset({"HEBREW"}),
    "bn": frozenset({"BENGALI"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "kn": frozenset({"KANNADA"}),
    "ml": frozenset({"MALAYALAM"}),
    "gu": frozenset({"GUJARATI"}),
    "pa": frozenset({"GURMUKHI"}),
    "th": frozenset({"THAI"}),
}
_LATIN: Final = frozenset({"LATIN"})
_LEAST_SHARE: Final = 0.5
"""Share of a text's letters that may be of other scripts."""
_LEAST_FOREIGN_LETTERS: Final = 12
"""Latin letters that a text without one of its own script may have: OK, VIP, Nuka-Cola."""
_LEAST_WORDS: Final = 4
_SURE: Final = 0.99
_REMEMBERED: Final = 1000
"""Texts whose language is remembered: a script repeats itself but for its names and numbers."""
_EUROPEAN: Final = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "da", "no", "fi", "cs", "sk", "ro", "hu", "tr", "id", "vi",
)  # fmt: skip
"""Latin-script languages of Google's voices that are distinguished; others look alike in one line."""
# A word is looked at from its beginning, or from the end of what is left out of it, and not from each letter anew.
_MARKED_WORD: Final = re.compile(r"\[[^\]]*\]|(?:(?<!\S)|(?<=\]))\S*[\d@/\\_<>{}]\S*")
# GB 2312 has the simplified characters; Big5's first level, the 5,401 that Taiwan's schools teach.
_BIG5_LEVEL_1: Final = (0xA440, 0xC67E)
# Taught as a word of its own that nobody writes; a script that has it means 聽.
_MEANT_SIMPLIFIED: Final = frozenset("听")


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _find_script(text: str, spoken: Spoken) -> Iterator[Match]:
    if text.isascii() and spoken.primary not in _SCRIPTS:
        return
    letters = list(filter(str.isalpha, text))
    if not letters:
        return
    own = _SCRIPTS.get(spoken.primary, _LATIN)
    scripts = Counter(map(_script, letters))
    foreign = sum(count for script, count in scripts.items() if script not in own)
    if own is not _LATIN and scripts["LATIN"] == foreign:
        wrong = foreign == len(letters) and foreign >= _LEAST_FOREIGN_LETTERS
    else:
        wrong = foreign > _LEAST_SHARE * len(letters)
    if wrong:
        start = next(index for index, each in enumerate(text) if each.isalpha() and _script(each) not in own)
        yield Match(start, len(text.rstrip()))


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_EUROPEAN))
    return identifier


@lru_cache(_REMEMBERED)
def _classify(text: str, own: str) -> tuple[str, float]:
    """The language that a text seems to be in, and how sure it is that the text isn't in `own`: 1 is certain."""
    ranked = {language: float(probability) for language, probability in _identifier().rank(text)}
    return max(ranked, key=ranked.__getitem__), 1 - ranked.get(own, 0.0)


def _find_language(text: str, spoken: Spoken) -> Iterator[Match]:
    primary = "no" if spoken.primary in {"nb", "nn"} else spoken.primary
    if primary not in _EUROPEAN:
        return
    plain = _MARKED_WORD.sub(" ", text)
    words = [each for each in plain.split() if each[0].islower()]
    if len(words) < _LEAST_WORDS:
        return
    language, certainty = _classify(plain, primary)
    if language != primary and certainty > _SURE:
        yield Match(0, len(text), reading=f"{language}, as it seems")


@cache
def _converter(config: str) -> OpenCC:
    return OpenCC(config)


@cache
def _is_simplified(character: str) -> bool:
    is_foreign = character in _MEANT_SIMPLIFIED or not _is_taught_in_taiwan(character)
    return is_foreign and _in_charset(character, "gb2312") and _converts(character, "s2t")


@cache
def _is_traditional(character: str) -> bool:
    return _is_taught_in_taiwan(character) and not _in_charset(character, "gb2312") and _converts(character, "t2s")


def _converts(character: str, config: str) -> bool:
    return bool(_converter(config).convert(character) != character)


def _in_charset(character: str, charset: str) -> bool:
    try:
        character.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def _is_taught_in_taiwan(character: str) -> bool:
    try:
        code = int.from_bytes(character.encode("big5"), "big")
    except UnicodeEncodeError:
        return False
    first, last = _BIG5_LEVEL_1
    return first <= code <= last


def _find_simplified(text: str, spoken: Spoken) -> Iterator[Match]:
    if spoken.is_traditional:
        # Words, not characters: 头发 is 頭髮, and 发现 is 發現.
        yield from _converted(text, _is_simplified, "s2hk" if spoken.primary == "yue" else "s2tw")


def _find_traditional(text: str, spoken: Spoken) -> Iterator[Match]:
    if spoken.primary == "zh" and not spoken.is_traditional:
        yield from _converted(text, _is_traditional, "t2s")


def _converted(text: str, is_other: Callable[[str], bool], config: str) -> Iterator[Match]:
    """The runs of Chinese characters with one of the other orthography, each with its conversion."""
    for found in _HAN_RUN.finditer(text):
        if any(map(is_other, found[0])):
            other = _converter(config).convert(found[0])
            yield Match(found.start(), found.end(), replacement=None if other == found[0] else other)


RULES: Final = (
    TextRule("wrong-script", "isn't in the script of its voice's language", Level.ERROR, _find_script, fixes=False),
    TextRule("wrong-language", "isn't in its voice's language", Level.WARN, _find_language, fixes=False),
    TextRule("simplified-chinese", "has simplified characters, and its voice's language traditional ones",
             Level.WARN, _find_simplified, needs=(NOT_ASCII,)),
    TextRule("traditional-chinese", "has traditional characters, and its voice's language simplified ones",
             Level.WARN, _find_traditional, needs=(NOT_ASCII,)),
)  # fmt: skip
