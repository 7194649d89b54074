"""Numbers in sentences: with as many decimals as it takes to show on which side of its limit a value is. Pure."""

from collections.abc import Callable
from typing import Final

_MOST_DECIMALS: Final = 20


def percent_beside(limit: float, *values: float, decimals: int = 2) -> tuple[str, ...]:
    """Write a limit and values as percentages, all with the same decimals; the limit comes first."""
    return _beside(limit, values, lambda value, places: f"{value:.{places}%}", decimals)


def number_beside(limit: float, *values: float, decimals: int = 0) -> tuple[str, ...]:
    """Write a limit and values as numbers with the same decimals; the limit comes first."""
    return _beside(limit, values, lambda value, places: f"{value:,.{places}f}", decimals)


def value_beside(limit: float, *values: float, decimals: int = 2) -> tuple[str, ...]:
    """Write a limit as short as it is, and values with the same decimals; the limit comes first."""
    exact = f"{limit:g}" if float(f"{limit:g}") == limit else repr(limit)

    def write(value: float, places: int) -> str:
        return exact if value == limit else f"{value:.{places}f}"

    return _beside(limit, values, write, decimals)


def _beside(
    limit: float, values: tuple[float, ...], write: Callable[[float, int], str], decimals: int
) -> tuple[str, ...]:
    texts: tuple[str, ...] = ()
    for places in range(decimals, _MOST_DECIMALS + 1):
        texts = tuple(write(each, places) for each in (limit, *values))
        shown = [float(text.replace(",", "").rstrip("%")) for text in texts]
        if all(_order(text, shown[0]) == _order(each, limit) for text, each in zip(shown[1:], values, strict=True)):
            break
    return texts


def _order(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)
