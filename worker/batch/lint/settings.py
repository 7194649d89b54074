"""The section `lint` of a script's mapping: the level of each rule. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from worker.batch.lint.catalogue import RULES, TEXT_RULES
from worker.batch.lint.model import Level
from worker.batch.lint.text import Rules


@dataclass(frozen=True)
class LintSettings:
    """The levels that a mapping gives; other rules have their own."""

    levels: Mapping[str, Level] = field(default_factory=dict)

    def level(self, rule: str) -> Level:
        """The level of a rule."""
        return self.levels.get(rule, RULES[rule].level)

    def text_rules(self) -> Rules:
        """The rules about texts that are on, with their levels."""
        levels = [(rule, self.level(rule.name)) for rule in TEXT_RULES]
        return [(rule, level) for rule, level in levels if level is not Level.OFF]

    def mending_rules(self) -> Rules:
        """The rules up to the last that fixes: what a rule finds, fixed or not, is hidden from those after it."""
        rules = self.text_rules()
        after_last_fix = max((index for index, (_, level) in enumerate(rules, 1) if level is Level.FIX), default=0)
        return rules[:after_last_fix]

    def with_all_fixes(self) -> "LintSettings":
        """The same, with `fix` for each rule that can and isn't off."""
        fixable = {
            name for name, info in RULES.items() if Level.FIX in info.allowed and self.level(name) is not Level.OFF
        }
        return replace(self, levels={**self.levels, **dict.fromkeys(fixable, Level.FIX)})


def parse_lint_section(section: Mapping[str, str]) -> LintSettings:
    """The settings of a mapping's section: levels by rule.

    Raises:
        ValueError: a rule or a level isn't known, or not allowed; the message names field, value and what is allowed.
    """
    return LintSettings({name: _level(name, value) for name, value in section.items()})


def _level(name: str, value: str) -> Level:
    info = RULES.get(name)
    if info is None:
        nearest = get_close_matches(name, RULES, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"the rules are {', '.join(sorted(RULES))}"
        raise ValueError(f"lint.{name[:60]}: is no rule; {hint}")
    if value not in info.allowed:
        raise ValueError(f"lint.{name}: {value[:60]!a} is no level of this rule; allowed are {', '.join(info.allowed)}")
    return Level(value)
