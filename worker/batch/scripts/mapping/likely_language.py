"""Says in which language texts seem to be that are written in East Asian characters, for a question. Pure."""

import re
from collections.abc import Sequence
from typing import Final

_HAN: Final = re.compile("[\u3400-\u9fff]")
_KANA: Final = re.compile("[\u3041-\u30ff]")
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")
_LEAST_SHARE: Final = 0.3
_LOOKED_AT: Final = 20_000


def likely_language(texts: Sequence[str]) -> str:
    """The language, with its tag, such as `Chinese in traditional characters (zh-TW)`; empty for any other."""
    text = "".join("".join(texts)[:_LOOKED_AT].split())
    for letters, language in ((_KANA, "Japanese (ja)"), (_HANGUL, "Korean (ko)")):
        if len(letters.findall(text)) > _LEAST_SHARE * len(text) / 2:
            return language
    han = _HAN.findall(text)
    if len(han) <= _LEAST_SHARE * len(text):
        return ""
    # Each charset has the characters of its orthography, and what is in both says nothing.
    traditional, simplified = (sum(not _is_in(each, charset) for each in han) for charset in ("gb2312", "big5"))
    if traditional == simplified:
        return "Chinese (zh-TW or zh-CN)"
    kind, tag = ("traditional", "zh-TW") if traditional > simplified else ("simplified", "zh-CN")
    return f"Chinese in {kind} characters ({tag})"


def _is_in(character: str, charset: str) -> bool:
    try:
        character.encode(charset)
    except UnicodeEncodeError:
        return False
    return True
