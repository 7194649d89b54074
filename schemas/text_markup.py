r"""The markup of a line's text: the pause marks that both voice models get, and what is rejected as markup. Pure.

The patterns are written for Python and for ECMA-262 alike, since `job.schema.json` has them too: no flags, and no class
that the two read differently (`\w`, `\b`).
"""

import re
from typing import Final

PAUSES: Final = {"[pause short]": 0.25, "[pause]": 0.6, "[pause long]": 1.2}
"""The pause marks and their approximate length in seconds; Chirp 3: HD has the same three, with its own lengths."""

PAUSE_MARK: Final = re.compile(r"\[pause(?: short| long)?\]")

# Letters and digits by blocks. A list of what counts, not of what doesn't: Unicode has letters that nobody sees (the
# Hangul fillers U+115F, U+1160, U+3164 and U+FFA0, Khmer U+17B4 and U+17B5), blank Braille and ever more of that kind.
# Blocks of a script hold its accents and some of its punctuation too.
_WORD_RANGES: Final = (
    # Latin, Greek, Cyrillic, Armenian, Hebrew
    r"0-9A-Za-z\u00aa\u00b2\u00b3\u00b5\u00b9\u00ba\u00bc-\u00be\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02c1\u0370-\u037d"
    r"\u0386\u0388-\u0559\u0560-\u0588\u05d0-\u05f2"
    # Arabic, Indic, Thai, Lao, Tibetan, Myanmar, Georgian, Hangul's letters, Ethiopic, Khmer, Mongolian and more
    r"\u0620-\u0669\u066e-\u06d3\u06d5-\u06ff\u0710-\u085b\u0860-\u0963\u0966-\u0df3\u0e01-\u0e3a\u0e40-\u0e4e"
    r"\u0e50-\u0e59\u0e81-\u10fa\u10fc-\u115e\u1161-\u135f\u1369-\u167f\u1681-\u17b3\u17b6-\u17d3\u17dc-\u17ff"
    r"\u1810-\u1fff"
    # raised and enclosed digits and letters, letter-like symbols, fractions
    r"\u2070-\u2079\u207f-\u2089\u2090-\u209c\u2100-\u2189\u2460-\u24ff\u2776-\u2793\u2c00-\u2dde"
    # Chinese, Japanese, Korean, Yi
    r"\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u3163"
    r"\u3165-\u4dbf\u4e00-\ua48c\ua4d0-\ua66e\ua680-\uabff\uac00-\ud7fb\uf900-\ufd3d\ufd50-\ufdfb\ufe70-\ufefc"
    r"\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9f\uffa1-\uffdc"
    # beyond the basic plane: scripts, letters of mathematics, Chinese
    "\U00010000-\U0001342f\U00013460-\U0001bc9f\U0001bcb0-\U0001cfff\U0001d400-\U0001d7ff\U0001e000-\U0001eeff"
    "\U00020000-\U0003ffff"
)
WORD: Final = re.compile(f"[{_WORD_RANGES}]")
"""A letter or digit that can be spoken."""

NO_WORD_PATTERN: Final = rf"^(?:{PAUSE_MARK.pattern}|[^{_WORD_RANGES}])*$"
"""Pause marks and what is no word; nothing else."""
NO_WORD_IN_SSML_PATTERN: Final = rf"^(?:<[^>]*>|&(?:amp|lt|gt|quot|apos);|[^<{_WORD_RANGES}])*$"
"""The same of SSML: tags and what is no word."""


def _any_case(word: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


_NAMES: Final = ("pause", "break", "pitch", "pace", "rate", "speed", "volume", "emphasis", "ipa", "voice")
UNKNOWN_MARK_PATTERN: Final = (
    rf"(?!{PAUSE_MARK.pattern})\[/?\s*(?:{'|'.join(map(_any_case, _NAMES))})(?![A-Za-z0-9_])[^\]]*\]?"
)
"""Marks that look like ours or come from older tools: no voice model knows them, it would read them aloud."""
TAG_PATTERN: Final = r"<[A-Za-z!?/][^>]*>?"

_UNKNOWN_MARK: Final = re.compile(UNKNOWN_MARK_PATTERN)
_TAG: Final = re.compile(TAG_PATTERN)


def has_word(text: str) -> bool:
    """Whether there is anything to speak in a text, apart from its pause marks."""
    return WORD.search(PAUSE_MARK.sub(" ", text)) is not None


def check_markup(text: str) -> None:
    """Checks that a text can be spoken as it is.

    Raises:
        ValueError: it is empty, has no word, or has a mark other than the pause marks, or SSML.
    """
    if not has_word(text):
        raise ValueError("has no word to speak")
    found = _UNKNOWN_MARK.search(text)
    if found:
        raise ValueError(f"{found[0][:40]!a} is not a mark; the marks are {', '.join(PAUSES)}")
    found = _TAG.search(text)
    if found:
        raise ValueError(f"{found[0][:40]!a} looks like SSML; send SSML in the field ssml, without text")
