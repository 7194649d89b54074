"""Pauses that other tools write: `[PAUSE]`, `[wait=1]`, `<break time="2s"/>`, `(pause)`. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from schemas.text_markup import PAUSE_MARK, PAUSES
from worker.batch.lint.model import Level, Match, Spoken, TextRule

_PAUSE: Final = re.compile(
    r"(?i:[\[(<{*]\s*(?:pause|break|wait)\b(?:\s*(?:[:=]|time\s*=)?\s*[\"']?(?P<length>short|long|medium|"
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|sec|seconds?)?)[\"']?)?\s*/?\s*[\])>}*])"
)
_SHORT_BELOW_S: Final = 0.45
_LONG_ABOVE_S: Final = 0.9


def _find_pauses(text: str, _: Spoken) -> Iterator[Match]:
    for found in _PAUSE.finditer(text):
        if not PAUSE_MARK.fullmatch(found[0]):
            yield Match(found.start(), found.end(), replacement=_pause_mark(found))


def _pause_mark(found: re.Match[str]) -> str:
    """The pause mark that is nearest."""
    short, medium, long = PAUSES
    if found["number"] is None:
        return {"short": short, "long": long}.get((found["length"] or "").lower(), medium)
    seconds = float(found["number"]) / (1000 if found["unit"] and found["unit"].lower() == "ms" else 1)
    return short if seconds < _SHORT_BELOW_S else long if seconds > _LONG_ABOVE_S else medium


RULES: Final = (
    TextRule(
        "pause-mark", f"is no pause mark; the marks are {', '.join(PAUSES)}", Level.ERROR, _find_pauses, needs="[(<{*"
    ),
)
