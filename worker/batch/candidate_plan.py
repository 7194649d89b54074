"""Plans the candidates of a run: which takes are missing, and which of them a budget allows. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from worker.batch.candidates import candidate
from worker.batch.known_takes import KnownTakes
from worker.batch.line_status import LineStatus
from worker.batch.price_estimate import estimate_price
from worker.batch.scripts.model import MOST_TAKES, Line
from worker.batch.voice_selection import PlannedLine
from worker.pricing.google_terms import list_price, whole_micros

TO_MAKE: Final = frozenset(LineStatus) - {LineStatus.DONE, LineStatus.IN_FLIGHT}
"""A candidate is planned only where it is missing, so that whatever its entry says, it is made."""


def missing_candidates(
    lines: Sequence[Line], planned_lines: Sequence[PlannedLine], known: KnownTakes, per_line: int
) -> Iterator[Line]:
    """The candidates that the lines lack, those of lines with a number of their own first, each in the script's order.

    A line's takes count from the script's own number, whatever take is chosen: with `--takes 3` they are 1, 2 and 3.

    Args:
        lines: of the script.
        planned_lines: the same lines, with their voices.
        known: the takes that there are.
        per_line: the number of takes of lines that say none, the line's own included.
    """
    pairs = sorted(zip(lines, planned_lines, strict=True), key=lambda pair: pair[0].takes is None)
    for line, planned in pairs:
        begin = line.first_take or line.job.take
        count = per_line if line.takes is None else line.takes
        numbers = [each for each in range(begin, min(begin + count, MOST_TAKES + 1)) if each != line.job.take]
        model = (known.model(line) if numbers else None) or planned.decision.voice_model
        yield from (candidate(line, each, model) for each in numbers if known.candidate(line, each) is None)


def within_budget(
    own: Sequence[PlannedLine], candidates: Iterable[PlannedLine], stored: Collection[str], budget: float | None
) -> list[PlannedLine]:
    """The first candidates that a budget allows beside the lines' own takes. What costs nothing is always allowed.

    Args:
        own: the lines to be made.
        candidates: to be made; one that the budget doesn't allow leaves no room for later ones that cost something.
        stored: keys of the takes that are stored.
        budget: in US dollars at list price; None for no limit.
    """
    dollars = estimate_price(own, stored).dollars
    known = {*stored, *(each.key for each in own)}
    is_full = False
    allowed = []
    for each in candidates:
        price = 0.0 if each.key in known else list_price({each.voice.voice_model: each.billed})
        is_full |= budget is not None and whole_micros(dollars + price) > whole_micros(budget)
        if price and is_full:
            continue
        dollars += price
        known.add(each.key)
        allowed.append(each)
    return allowed
