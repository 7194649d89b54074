"""Detects the encoding of a text that says none."""

import re
from collections.abc import Collection
from typing import Final

from worker.batch.scripts.extra import load_studio_library

_WIDE: Final = re.compile(r"[\u2e80-\uffef]")
# An accented letter and the one after it are a Chinese character too, by their bytes; it then stands inside of a word.
_WIDE_IN_A_WORD: Final = re.compile(r"(?<=[a-z])[\u2e80-\uffef]|[\u2e80-\uffef](?=[a-z])")
_MOST_IN_WORDS_SHARE: Final = 0.5


def likeliest_encoding(content: bytes, among: Collection[str]) -> str | None:
    """The likeliest of some encodings, by Python's names; None if the bytes are valid in none of them.

    Raises:
        UsageError: the library isn't installed.
    """
    library = load_studio_library("charset_normalizer", "text that is not UTF-8")
    for found in library.from_bytes(content, cp_isolation=list(among)):
        try:
            text = content.decode(found.encoding)
        except UnicodeDecodeError:
            continue
        if len(_WIDE_IN_A_WORD.findall(text)) <= _MOST_IN_WORDS_SHARE * len(_WIDE.findall(text)):
            return str(found.encoding)
    return None
