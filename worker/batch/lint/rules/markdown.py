"""Markdown, which people write without thinking: words in asterisks, underscores or backticks. Pure."""

import re
from typing import Final

from worker.batch.lint.model import Level, TextRule
from worker.batch.lint.rules.patterns import finder, only_with

_MARKDOWN: Final = re.compile(
    r"\*\*(?P<bold>[^*\n]+)\*\*|(?<!\w)__(?P<strong>[^_\n]+)__(?!\w)|~~(?P<struck>[^~\n]+)~~|`(?P<code>[^`\n]+)`|"
    r"\A#{1,6} (?P<heading>.*)|\A\s*(?:[-*•–] |\d{1,2}[.)] )(?P<item>(?=[A-Z\"“'¿¡\u4e00-\u9fff]))|"
    r"(?<![*\w])\*(?P<stressed>[^*\s](?:[^*\n]{0,80}[^*\s])?)\*(?![*\w])|"
    r"(?<!\w)_(?P<slanted>[^\s_](?:[^_\n]{0,80}[^\s_])?)_(?!\w)"
)
# What each of them has.
_MARKDOWN_SIGN: Final = re.compile(r"[*_~`#•–-]|\A\s*\d")


def _markdown_text(found: re.Match[str]) -> str:
    return next((each for each in found.groups() if each is not None), "")


RULES: Final = (
    TextRule(
        "markdown",
        "is Markdown, whose signs are read aloud or lost",
        Level.WARN,
        only_with(_MARKDOWN_SIGN, finder((_MARKDOWN, _markdown_text))),
        needs="*_~`#-•–.)",
    ),
)
