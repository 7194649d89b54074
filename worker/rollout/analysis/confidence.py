"""One-sided confidence bounds of rates (Wilson) and means (normal), and the sample size that shows a rate. Pure.

Wilson's score interval (E. B. Wilson, "Probable inference", J. Am. Stat. Assoc. 22, 1927) is right for small samples
and for rates near 0 too, where the normal interval isn't.
"""

import math
from collections.abc import Callable


def wilson_lower(errors: int, attempts: int, z: float) -> float:
    """Return the lower confidence bound of an error rate; 0 without attempts.

    Args:
        errors: the failed attempts.
        attempts: all attempts.
        z: the confidence as a one-sided normal quantile: 1.645 is 95 %, 2.58 is 99.5 %.
    """
    return max(0.0, _wilson(errors / attempts, attempts, -z)) if attempts else 0.0


def wilson_upper(errors: int, attempts: int, z: float) -> float:
    """Return the upper confidence bound of an error rate; 1 without attempts. Arguments as of `wilson_lower`."""
    return min(1.0, _wilson(errors / attempts, attempts, z)) if attempts else 1.0


def _wilson(rate: float, attempts: int, z: float) -> float:
    z2n = z * z / attempts
    spread = z * math.sqrt(rate * (1 - rate) / attempts + z2n / (4 * attempts))
    return (rate + z2n / 2 + spread) / (1 + z2n)


def mean_bounds(attempts: int, total: float, squares: float, z: float) -> tuple[float, float]:
    """Return the lower and upper confidence bound of a mean, by the normal distribution; 0 and inf below two attempts.

    Args:
        attempts: the number of values.
        total: the sum of the values.
        squares: the sum of their squares.
        z: the confidence as a one-sided normal quantile.
    """
    if attempts <= 1:
        return 0.0, math.inf
    mean = total / attempts
    variance = max(0.0, squares - attempts * mean * mean) / (attempts - 1)
    margin = z * math.sqrt(variance / attempts)
    return mean - margin, mean + margin


def attempts_to_show_above(rate: float, limit: float, z: float) -> int | None:
    """Return the sample size at which the lower bound of a rate passes a limit; None if the rate isn't above it."""
    if rate <= limit:
        return None
    return _smallest(lambda attempts: _wilson(rate, attempts, -z) > limit)


def attempts_to_show_below(rate: float, limit: float, z: float) -> int | None:
    """Return the sample size at which the upper bound of a rate falls below a limit; None if it never does."""
    if rate >= limit:
        return None
    return _smallest(lambda attempts: _wilson(rate, attempts, z) < limit)


def _smallest(holds: Callable[[int], bool]) -> int:
    """Return the smallest number from 1 up for which a monotone condition holds, by bisection."""
    high = 1
    while not holds(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
