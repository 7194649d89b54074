"""Where a stream of completions is: the next offset of each partition, as it stands in an event's id. Pure.

Every process can go on from it, since all of them read the same topic.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.headers import LARGEST_NUMBER

ALLOWED: Final = "the id of an event of this API, such as 104.99.0:3f9a…"
_ID: Final = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,19})*):.*")

Positions = Mapping[int, int]
"""The next offset to read, by partition."""


@dataclass(frozen=True)
class Resumption:
    """Where reading again begins, in all partitions; `has_gap` if something in between isn't there any more."""

    positions: Positions
    has_gap: bool


def event_id(positions: Positions, ce_id: str) -> str:
    """The id of an event, after which a stream is there.

    Args:
        positions: of all partitions.
        ce_id: of the completion's own event, for clients that drop repeats.
    """
    partitions = range(max(positions, default=-1) + 1)
    return f"{'.'.join(str(positions.get(each, 0)) for each in partitions)}:{ce_id}"


def parse_event_id(text: str) -> dict[int, int]:
    """The positions that an event's id has.

    Raises:
        ValueError: it is none.
    """
    matched = _ID.fullmatch(text)
    if matched is None:
        raise ValueError(f"allowed is {ALLOWED}")
    positions = {partition: int(each) for partition, each in enumerate(matched[1].split("."))}
    if any(each > LARGEST_NUMBER for each in positions.values()):
        raise ValueError(f"allowed is {ALLOWED}")
    return positions
