"""Whether a PromQL query may give several series, told by its shape alone. Pure.

It is no parser: what it takes for several may be one (a metric without labels), and the controller asks Prometheus
anyway. It knows the shapes that are sure to be one: an aggregation over everything, and what is made of such.
"""

import re
from typing import Final

_QUIET: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*")
_BRACES: Final = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
_NUMBER: Final = re.compile(r"[+-]?(?:0x[0-9a-f]+|[0-9.]+(?:e[+-]?[0-9]+)?|inf|nan)", re.IGNORECASE)
_AGGREGATION: Final = re.compile(r"(?:sum|avg|min|max|count|group|stddev|stdvar|quantile)\s*(\(.*\))", re.DOTALL)
_BEST: Final = re.compile(r"(?:topk|bottomk|limitk)\s*\(\s*1\s*,.*\)", re.DOTALL)
_ONE: Final = re.compile(r"(?:scalar|vector|absent|absent_over_time)\s*\(.*\)|(?:time|pi)\s*\(\s*\)", re.DOTALL)
_QUANTILE: Final = re.compile(
    r"histogram_quantile\s*\([^(),]*,\s*sum\s*(?:by\s*\(\s*le\s*\)\s*\(.*\)|\(.*\)\s*by\s*\(\s*le\s*\))\s*\)", re.DOTALL
)
_KEEPS: Final = re.compile(
    r"(?:abs|ceil|floor|round|sqrt|exp|ln|log2|log10|sgn|clamp|clamp_min|clamp_max|timestamp)\s*\((.*)\)", re.DOTALL
)
_OPERATOR: Final = re.compile(r"(?:==|!=|>=|<=|[-+*/%^<>]|\b(?:and|or|unless|atan2)\b)(?:\s*bool\b)?", re.IGNORECASE)


def may_give_several(query: str) -> str | None:
    """The part of a query that may give several series; None if the whole is sure to give one at most.

    Args:
        query: PromQL.
    """
    return _several(_BRACES.sub("", _QUIET.sub("", query)).strip())


def _several(text: str) -> str | None:
    text = text.removeprefix("-").lstrip()
    operands = [each for each in _operands(text) if each]
    if len(operands) > 1:
        return next((found for found in map(_several, operands) if found is not None), None)
    if _NUMBER.fullmatch(text):
        return None
    if _closes(text, text.find("(")):
        if text.startswith("("):
            return _several(text[1:-1].strip())
        if any(shape.fullmatch(text) for shape in (_AGGREGATION, _BEST, _ONE, _QUANTILE)):
            return None
        if kept := _KEEPS.fullmatch(text):
            return _several(_first_argument(kept[1]))
    return text or "nothing"


def _operands(text: str) -> list[str]:
    """What stands between the operators outside of all parentheses."""
    operands, start, place = [], 0, 0
    for found in _OPERATOR.finditer(text):
        # A sign, or a number's exponent, is no operator.
        before = text[start : found.start()].strip()
        if _depth(text, found.start()) or not before or re.fullmatch(r"[0-9.]+e", before, re.IGNORECASE):
            continue
        operands.append(before)
        start = place = found.end()
    return [*operands, text[place:].strip()]


def _first_argument(text: str) -> str:
    for place, letter in enumerate(text):
        if letter == "," and not _depth(text, place):
            return text[:place].strip()
    return text.strip()


def _depth(text: str, place: int) -> int:
    return text.count("(", 0, place) - text.count(")", 0, place)


def _closes(text: str, opening: int) -> bool:
    """Whether the first parenthesis closes at the very end."""
    return opening >= 0 and text.endswith(")") and all(_depth(text, at) for at in range(opening + 1, len(text)))
