"""How sure a rate or a mean is: bounds to one side. Pure.

Wilson's score interval (E. B. Wilson, "Probable inference", J. Am. Stat. Assoc. 22, 1927): right for few attempts and
for rates near 0 too, where the normal one isn't.
"""

import math
from collections.abc import Callable


def wilson_lower(errors: int, attempts: int, z: float) -> float:
    """What a rate is at least; 0 without attempts.

    Args:
        errors: of the attempts.
        attempts: how many.
        z: how sure, as a one-sided normal quantile: 1.645 is 95 %, 2.58 is 99.5 %.
    """
    return max(0.0, _wilson(errors / attempts, attempts, -z)) if attempts else 0.0


def wilson_upper(errors: int, attempts: int, z: float) -> float:
    """What a rate is at most; 1 without attempts. Arguments as of `wilson_lower`."""
    return min(1.0, _wilson(errors / attempts, attempts, z)) if attempts else 1.0


def _wilson(rate: float, attempts: int, z: float) -> float:
    z2n = z * z / attempts
    spread = z * math.sqrt(rate * (1 - rate) / attempts + z2n / (4 * attempts))
    return (rate + z2n / 2 + spread) / (1 + z2n)


def mean_bounds(attempts: int, total: float, squares: float, z: float) -> tuple[float, float]:
    """What a mean is at least and at most, by the normal distribution; anything below two attempts.

    Args:
        attempts: how many.
        total: of their values.
        squares: of their values' squares.
        z: how sure, as a one-sided normal quantile.
    """
    if attempts <= 1:
        return 0.0, math.inf
    mean = total / attempts
    variance = max(0.0, squares - attempts * mean * mean) / (attempts - 1)
    off = z * math.sqrt(variance / attempts)
    return mean - off, mean + off


def attempts_to_show_above(rate: float, limit: float, z: float) -> int | None:
    """After how many attempts at a rate its lower bound passes a limit; None if never, as the rate is not above it."""
    if rate <= limit:
        return None
    return _least(lambda attempts: _wilson(rate, attempts, -z) > limit)


def attempts_to_show_below(rate: float, limit: float, z: float) -> int | None:
    """After how many attempts at a rate its upper bound falls below a limit; None if never."""
    if rate >= limit:
        return None
    return _least(lambda attempts: _wilson(rate, attempts, z) < limit)


def _least(holds: Callable[[int], bool]) -> int:
    high = 1
    while not holds(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
