"""Whether a PromQL query may return several series, judged by the shape of its text. Pure.

This is no parser. It knows the shapes that certainly return one series: an aggregation over everything, and expressions
of such. A query that it flags may still return one (a metric without labels); the controller queries Prometheus anyway.
"""

import re
from typing import Final

_LITERALS: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*")
_SELECTORS: Final = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
_NUMBER: Final = re.compile(r"[+-]?(?:0x[0-9a-f]+|[0-9.]+(?:e[+-]?[0-9]+)?|inf|nan)", re.IGNORECASE)
_AGGREGATION: Final = re.compile(r"(?:sum|avg|min|max|count|group|stddev|stdvar|quantile)\s*(\(.*\))", re.DOTALL)
_TOP_ONE: Final = re.compile(r"(?:topk|bottomk|limitk)\s*\(\s*1\s*,.*\)", re.DOTALL)
_SINGLE: Final = re.compile(r"(?:scalar|vector|absent|absent_over_time)\s*\(.*\)|(?:time|pi)\s*\(\s*\)", re.DOTALL)
_QUANTILE: Final = re.compile(
    r"histogram_quantile\s*\([^(),]*,\s*sum\s*(?:by\s*\(\s*le\s*\)\s*\(.*\)|\(.*\)\s*by\s*\(\s*le\s*\))\s*\)", re.DOTALL
)
_KEEPS_SERIES: Final = re.compile(
    r"(?:abs|ceil|floor|round|sqrt|exp|ln|log2|log10|sgn|clamp|clamp_min|clamp_max|timestamp)\s*\((.*)\)", re.DOTALL
)
_OPERATOR: Final = re.compile(r"(?:==|!=|>=|<=|[-+*/%^<>]|\b(?:and|or|unless|atan2)\b)(?:\s*bool\b)?", re.IGNORECASE)


def part_with_several_series(query: str) -> str | None:
    """Return the part of a PromQL query that may return several series; None if the query returns at most one."""
    return _several(_SELECTORS.sub("", _LITERALS.sub("", query)).strip())


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
        if any(shape.fullmatch(text) for shape in (_AGGREGATION, _TOP_ONE, _SINGLE, _QUANTILE)):
            return None
        if kept := _KEEPS_SERIES.fullmatch(text):
            return _several(_first_argument(kept[1]))
    return text or "nothing"


def _operands(text: str) -> list[str]:
    """Split a query at the operators outside of all parentheses."""
    operands, start = [], 0
    for found in _OPERATOR.finditer(text):
        # A sign or a number's exponent is no operator.
        before = text[start : found.start()].strip()
        if _depth(text, found.start()) or not before or re.fullmatch(r"[0-9.]+e", before, re.IGNORECASE):
            continue
        operands.append(before)
        start = found.end()
    return [*operands, text[start:].strip()]


def _first_argument(text: str) -> str:
    for index, letter in enumerate(text):
        if letter == "," and not _depth(text, index):
            return text[:index].strip()
    return text.strip()


def _depth(text: str, index: int) -> int:
    return text.count("(", 0, index) - text.count(")", 0, index)


def _closes(text: str, opening: int) -> bool:
    """Whether the first parenthesis closes at the very end of the text."""
    return opening >= 0 and text.endswith(")") and all(_depth(text, at) for at in range(opening + 1, len(text)))
