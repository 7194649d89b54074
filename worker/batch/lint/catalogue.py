"""All rules by name, in the order in which they look at a text, each with the level that it has by itself. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from worker.batch.lint.model import Level, TextRule
from worker.batch.lint.rules import (
    characters,
    dates,
    direction_signs,
    directions,
    escapes,
    languages,
    markdown,
    markup,
    numbers,
    pauses,
    placeholders,
    roman,
    sounds,
    unfinished,
    units,
)

TEXT_RULES: Final[tuple[TextRule, ...]] = (
    *characters.RULES,
    *escapes.RULES,
    *unfinished.RULES,
    *pauses.RULES,
    # <name_g> and [player_name] are placeholders, and what is left in such brackets is markup.
    *placeholders.RULES,
    *direction_signs.RULES,
    *markup.RULES,
    *directions.RULES,
    # What is in asterisks and no direction is stressed.
    *markdown.RULES,
    *units.RULES,
    *dates.RULES,
    *roman.RULES,
    *numbers.RULES,
    *sounds.RULES,
    *languages.RULES,
)
SAME_TEXT: Final = "same-text"
LONG_LINE: Final = "longer-than-neighbours"
OTHER_RULES: Final[Mapping[str, str]] = {
    SAME_TEXT: "the same text twice, by the same character",
    LONG_LINE: "a line far longer than its neighbours",
    "file-name": "an id that is no file name on Windows",
    "pitch": "a pitch that Chirp doesn't have",
    "ssml": "SSML that Chirp drops",
    "pauses": "pause marks where Chirp knows none",
    "pronunciations": "pronunciations that Chirp doesn't know",
    "drawing": "more signs than letters",
    "long-sentence": "a sentence that is spoken in parts",
    "long-text": "a text that is spoken in parts",
}
"""Rules about more than a text, by name, with what each finds; they warn."""


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What the mapping may say of a rule."""

    name: str
    level: Level
    allowed: tuple[Level, ...]


def _info(rule: TextRule) -> RuleInfo:
    fix = (Level.FIX,) if rule.fixes else ()
    return RuleInfo(rule.name, rule.level, (Level.ERROR, Level.WARN, *fix, Level.OFF))


RULES: Final[Mapping[str, RuleInfo]] = {
    **{rule.name: _info(rule) for rule in TEXT_RULES},
    **{name: RuleInfo(name, Level.WARN, (Level.ERROR, Level.WARN, Level.OFF)) for name in OTHER_RULES},
}
"""Every rule that can be switched."""
