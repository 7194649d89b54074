"""The neutral marks of a line's text, and what is refused as somebody else's markup."""

import re
from typing import Final

PAUSES: Final = {"[pause short]": 0.25, "[pause]": 0.6, "[pause long]": 1.2}
"""The pause marks and about how many seconds each is; Chirp 3: HD has the same three and its own lengths."""

PAUSE_MARK: Final = re.compile(r"\[pause(?: short| long)?\]")
# Tags that look like ours or that a predecessor wrote: no voice model knows them, they would be read aloud.
_UNKNOWN_MARK: Final = re.compile(
    r"\[/?\s*(?:pause|break|pitch|pace|rate|speed|volume|emphasis|ipa|voice)\b[^\]]*\]?", re.IGNORECASE
)
_TAG: Final = re.compile(r"<[A-Za-z][^>]*>?|<[!?/][^>]*>?")
_WORD: Final = re.compile(r"[^\W_]")


def check_markup(text: str) -> None:
    """Checks that a text can be spoken as it stands.

    Raises:
        ValueError: it is empty, holds no word, a mark that isn't one of ours, or SSML.
    """
    spoken = PAUSE_MARK.sub(" ", text)
    if not _WORD.search(spoken):
        raise ValueError("holds no word to speak")
    found = _UNKNOWN_MARK.search(spoken)
    if found:
        raise ValueError(f"{found[0][:40]!a} is no mark; the marks are {', '.join(PAUSES)}")
    found = _TAG.search(spoken)
    if found:
        raise ValueError(f"{found[0][:40]!a} looks like SSML; send SSML in the field ssml, without text")
