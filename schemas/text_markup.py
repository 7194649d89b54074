"""The markup of a line's text: the pause marks that both voice models get, and what is rejected as markup. Pure."""

import re
from typing import Final

PAUSES: Final = {"[pause short]": 0.25, "[pause]": 0.6, "[pause long]": 1.2}
"""The pause marks and their approximate length in seconds; Chirp 3: HD has the same three, with its own lengths."""

PAUSE_MARK: Final = re.compile(r"\[pause(?: short| long)?\]")
# Marks that look like ours or come from older tools: no voice model knows them, it would read them aloud.
_UNKNOWN_MARK: Final = re.compile(
    r"\[/?\s*(?:pause|break|pitch|pace|rate|speed|volume|emphasis|ipa|voice)\b[^\]]*\]?", re.IGNORECASE
)
_TAG: Final = re.compile(r"<[A-Za-z][^>]*>?|<[!?/][^>]*>?")
_WORD: Final = re.compile(r"[^\W_]")


def check_markup(text: str) -> None:
    """Checks that a text can be spoken as it is.

    Raises:
        ValueError: it is empty, has no word, or has a mark other than the pause marks, or SSML.
    """
    spoken = PAUSE_MARK.sub(" ", text)
    if not _WORD.search(spoken):
        raise ValueError("has no word to speak")
    found = _UNKNOWN_MARK.search(spoken)
    if found:
        raise ValueError(f"{found[0][:40]!a} is not a mark; the marks are {', '.join(PAUSES)}")
    found = _TAG.search(spoken)
    if found:
        raise ValueError(f"{found[0][:40]!a} looks like SSML; send SSML in the field ssml, without text")
