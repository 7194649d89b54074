"""What a replay would send: which letters, where to, how mended, in which transactions. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from schemas import headers as names
from schemas.errors import UsageError
from schemas.headers import Headers, header_number, without_headers
from schemas.topics import LANE_RECORD_BYTES
from schemas.words import Lane
from worker.kafka.dead_letters.edit import Check, Edit, edited
from worker.kafka.dead_letters.letter import Letter

_GROUP: Final = 100
_GROUP_BYTES: Final = 8 * 2**20
# Room for the replay's own headers and the batch's bytes.
_LARGEST: Final = LANE_RECORD_BYTES - 2**12


@dataclass(frozen=True)
class ReplayItem:
    """One letter on its way: the record's new place and content."""

    letter: Letter
    lane: Lane
    value: bytes | None
    headers: Headers
    number: int

    @property
    def size(self) -> int:
        """Its bytes, without the batch's own."""
        return (
            len(self.letter.key or b"")
            + len(self.value or b"")
            + sum(len(name.encode()) + len(value or b"") for name, value in self.headers)
        )


@dataclass(frozen=True)
class ReplayPlan:
    """What a replay would do, oldest letter first, and how many letters it leaves out, by the reason."""

    items: tuple[ReplayItem, ...]
    replayed_before: int = 0
    cut: int = 0
    too_large: int = 0
    no_lane: int = 0

    @property
    def left_out(self) -> str:
        """In words for people."""
        reasons = [
            f"{self.replayed_before} replayed before",
            f"{self.cut} cut (only their beginning was kept)",
            *([f"{self.too_large} too large for a lane"] if self.too_large else []),
            *([f"{self.no_lane} of no known lane (--to-lane says one)"] if self.no_lane else []),
        ]
        return ", ".join(reasons)


@dataclass(frozen=True)
class ReplayRequest:
    """What is asked for besides the letters: `edits` are checked by `check`; `limit` counts what would be sent."""

    to_lane: Lane | None = None
    again: bool = False
    limit: int | None = None
    edits: tuple[Edit, ...] = ()
    max_text_bytes: int = 0
    check: Check = lambda _: None


def plan_replay(letters: Iterable[Letter], wish: ReplayRequest) -> ReplayPlan:
    """Works out what is sent. Pure.

    Raises:
        UsageError: an edit makes no valid job of a letter; names letter, field, value and what is allowed.
    """
    plan = ReplayPlan(())
    items: list[ReplayItem] = []
    for letter in letters:
        lane = wish.to_lane or letter.lane
        if letter.replays.times and not wish.again:
            plan = replace(plan, replayed_before=plan.replayed_before + 1)
        elif letter.cut:
            plan = replace(plan, cut=plan.cut + 1)
        elif lane is None:
            plan = replace(plan, no_lane=plan.no_lane + 1)
        elif wish.limit is None or len(items) < wish.limit:
            item = _item(letter, lane, wish)
            if item.size > _LARGEST:
                plan = replace(plan, too_large=plan.too_large + 1)
            else:
                items.append(item)
    return replace(plan, items=tuple(items))


def _item(letter: Letter, lane: Lane, wish: ReplayRequest) -> ReplayItem:
    value = letter.value
    if wish.edits:
        try:
            value = edited(value, wish.edits, wish.max_text_bytes, wish.check)
        except UsageError as error:
            raise UsageError(f"dead letter {letter.id}: {error}") from None
    number = max(header_number(letter.headers, names.REPLAY_NUMBER) or 0, letter.replays.number) + 1
    headers = [
        *without_headers(letter.headers, names.RETRY_HEADERS | names.LETTER_HEADERS | names.REPLAY_HEADERS),
        (names.REPLAY_NUMBER, str(number).encode()),
        (names.REPLAY_OF, letter.id.encode()),
    ]
    # Kafka's clients send no record without both key and value.
    empty = b"" if letter.key is None and value is None else value
    return ReplayItem(letter, lane, empty, headers, number)


def marker_headers(item: ReplayItem, now: datetime) -> Headers:
    """What the dead letters' topic tells of a replay."""
    return [
        (names.REPLAYED_ID, item.letter.id.encode()),
        (names.REPLAY_NUMBER, str(item.number).encode()),
        (names.REPLAYED_TIME, now.isoformat().encode()),
    ]


def groups(items: Sequence[ReplayItem], rate: float | None) -> Iterator[list[ReplayItem]]:
    """Cuts into what goes into one transaction: about a second's worth at most.

    Args:
        items: all of them.
        rate: records a second; None for no limit.
    """
    most = _GROUP if rate is None else max(1, min(_GROUP, int(rate)))
    group: list[ReplayItem] = []
    size = 0
    for item in items:
        if group and (len(group) == most or size + item.size > _GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(item)
        size += item.size
    if group:
        yield group
