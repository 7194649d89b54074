"""The alphabets of pronunciations by language: pinyin and jyutping for Chinese, IPA and X-SAMPA for others. Pure."""

import re
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from schemas.enums import PhoneticAlphabet
from schemas.ssml import parse_ssml

# In any of the spellings that a job's language may have.
_CHINESE: Final = r"^([Cc][Mm][Nn]|[Yy][Uu][Ee]|[Zz][Hh])([-_]|$)"
_IS_CHINESE: Final = re.compile(_CHINESE)
# By Google's pages: the phonemes of Chinese voices are pinyin for Mandarin and jyutping for Cantonese, never IPA; other
# languages have IPA and X-SAMPA.
_FOR_CHINESE: Final = (PhoneticAlphabet.PINYIN, PhoneticAlphabet.JYUTPING)
_FOR_OTHERS: Final = (PhoneticAlphabet.IPA, PhoneticAlphabet.X_SAMPA)
# A tone is a number after each syllable; 5 is the neutral tone (PHONETIC_ENCODING_PINYIN in Google's client).
_SYLLABLES: Final = {
    PhoneticAlphabet.PINYIN: r"^([A-Za-z\u00dc\u00fc:]+[1-5][\s'-]*)+$",
    PhoneticAlphabet.JYUTPING: r"^([A-Za-z]+[1-6][\s'-]*)+$",
}
_PATTERNS: Final = {alphabet: re.compile(pattern) for alphabet, pattern in _SYLLABLES.items()}
_EXAMPLES: Final = {PhoneticAlphabet.PINYIN: "hang2 zhang3", PhoneticAlphabet.JYUTPING: "hong4 zoeng2"}


def alphabets(language: str) -> tuple[PhoneticAlphabet, ...]:
    """The alphabets that Google's voices of a language take.

    Args:
        language: its BCP 47 tag, such as cmn-TW.
    """
    return _FOR_CHINESE if _IS_CHINESE.match(language) else _FOR_OTHERS


def check_alphabet(alphabet: str, language: str) -> None:
    """Checks that the voices of a language take an alphabet.

    Raises:
        ValueError: they don't.
    """
    allowed = alphabets(language)
    if alphabet not in allowed:
        raise ValueError(f"{alphabet} is no alphabet for {language}; Google takes {' and '.join(allowed)} there")


def check_phonetic(phonetic: str, alphabet: PhoneticAlphabet) -> None:
    """Checks that a pronunciation in pinyin or jyutping is written with the numbers of its tones.

    Raises:
        ValueError: it isn't.
    """
    pattern = _PATTERNS.get(alphabet)
    if pattern is not None and not pattern.fullmatch(phonetic):
        raise ValueError(f"is not {alphabet} with a tone's number after each syllable, such as {_EXAMPLES[alphabet]!r}")


def check_phonemes(ssml: str, language: str) -> None:
    """Checks the alphabets of the phonemes in well-formed SSML. Others than the four are left to Google.

    Raises:
        ValueError: the voices of the language don't take one of them.
    """
    if "<phoneme" not in ssml:
        return
    for element in parse_ssml(ssml).iter("phoneme"):
        alphabet = element.get("alphabet", "").strip().lower()
        if alphabet in set(PhoneticAlphabet):
            check_alphabet(alphabet, language)


def _in_alphabets(allowed: list[JsonValue], refused: Sequence[PhoneticAlphabet], *, required: bool) -> JsonValue:
    names = "|".join(
        "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in name) for name in refused
    )
    phoneme = rf"<phoneme\s[^>]*alphabet\s*=\s*[\"']\s*({names})\s*[\"']"
    entry: JsonValue = {"properties": {"alphabet": {"enum": allowed}}, "required": ["alphabet"] if required else []}
    return {"properties": {"ssml": {"not": {"type": "string", "pattern": phoneme}}, "pronunciations": {"items": entry}}}


def _phonetics(alphabet: PhoneticAlphabet, pattern: str) -> JsonValue:
    entry: JsonValue = {
        "if": {"properties": {"alphabet": {"const": alphabet}}, "required": ["alphabet"]},
        "then": {"properties": {"phonetic": {"pattern": pattern}}},
    }
    return {"properties": {"pronunciations": {"items": entry}}}


SCHEMA_RULES: Final[list[JsonValue]] = [
    {
        "if": {"properties": {"language": {"type": "string", "pattern": _CHINESE}}, "required": ["language"]},
        "then": _in_alphabets([*_FOR_CHINESE], _FOR_OTHERS, required=True),
        "else": _in_alphabets([*_FOR_OTHERS, None], _FOR_CHINESE, required=False),
    },
    *(_phonetics(alphabet, pattern) for alphabet, pattern in _SYLLABLES.items()),
]
"""The same rules in JSON Schema, as members of the job's `allOf`."""
