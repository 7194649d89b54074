"""How a table's values are written and how wide its columns are. Pure."""

from collections.abc import Sequence
from typing import Final

LONGEST_WHOLE: Final = 28
"""Columns of a word that is kept whole; a longer one, such as a path, is broken where the table lacks room."""


def cell_text(value: object) -> str:
    """A value as people read it: nothing for None, yes or no, a number without an exponent, six decimals at most."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return decimal_text(value) if isinstance(value, float) else str(value)


def decimal_text(value: float) -> str:
    """A number without an exponent, with six decimals at most: `0.000036`, `1,234.5`, `3`."""
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def column_widths(natural: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Widths at which no word is broken: the widest columns give way, down to their longest words.

    Args:
        natural: the columns' widths with each cell in one line.
        least: the widths of the columns' longest words.
        room: the width of all columns together.

    Returns:
        None where nothing has to give way, or where the words don't fit.
    """
    if sum(natural) <= room or sum(least) > room:
        return None
    widths = list(natural)
    while sum(widths) > room:
        widest = max((at for at, width in enumerate(widths) if width > least[at]), key=widths.__getitem__)
        widths[widest] -= 1
    return widths
