"""Plans a replay: which dead letters are sent, to which lane, with which edits, in which transactions. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from schemas import headers as names
from schemas.enums import Lane
from schemas.errors import UsageError
from schemas.headers import MOST_REPLAYS, Headers, header_number, without_headers
from schemas.topics import LANE_RECORD_BYTES
from worker.kafka.dead_letters.decoder import DeadLetter
from worker.kafka.dead_letters.edit import Edit, JobCheck, apply_edits

_TRANSACTION_ITEMS: Final = 100
_TRANSACTION_BYTES: Final = 8 * 2**20
# Leaves room for the replay's own headers and the overhead of Kafka's record batch.
_LARGEST: Final = LANE_RECORD_BYTES - 2**12


@dataclass(frozen=True)
class ReplayItem:
    """A dead letter with the lane, value, headers and replay number of the record to send."""

    letter: DeadLetter
    lane: Lane
    value: bytes | None
    headers: Headers
    number: int

    @property
    def size(self) -> int:
        """Its bytes, without the overhead of Kafka's record batch."""
        return (
            len(self.letter.key or b"")
            + len(self.value or b"")
            + sum(len(name.encode()) + len(value or b"") for name, value in self.headers)
        )


@dataclass(frozen=True)
class ReplayPlan:
    """The items of a replay, oldest letter first, and the number of letters left out for each reason."""

    items: tuple[ReplayItem, ...]
    replayed_before: int = 0
    truncated: int = 0
    too_large: int = 0
    no_lane: int = 0

    @property
    def left_out_summary(self) -> str:
        """The numbers of letters left out, for people."""
        reasons = [
            f"{self.replayed_before} replayed before",
            f"{self.truncated} cut (only their beginning was kept)",
            *([f"{self.too_large} too large for a lane"] if self.too_large else []),
            *([f"{self.no_lane} of no known lane (give one with --to-lane)"] if self.no_lane else []),
        ]
        return ", ".join(reasons)


@dataclass(frozen=True)
class ReplayRequest:
    """How letters are replayed.

    Attributes:
        to_lane: None for each letter's own lane.
        again: include letters that were replayed before.
        limit: the most letters that are sent; None for no limit.
        max_text_bytes: the longest `text` of an edited job, in bytes of UTF-8.
        check: refuses edited jobs that the worker would refuse.
    """

    to_lane: Lane | None = None
    again: bool = False
    limit: int | None = None
    edits: tuple[Edit, ...] = ()
    max_text_bytes: int = 0
    check: JobCheck = lambda _: None


def plan_replay(letters: Iterable[DeadLetter], request: ReplayRequest) -> ReplayPlan:
    """Plans the replay of letters, in their order.

    Raises:
        UsageError: an edit makes no valid job of a letter; names letter, field, value and what is allowed.
    """
    plan = ReplayPlan(())
    items: list[ReplayItem] = []
    for letter in letters:
        lane = request.to_lane or letter.lane
        if letter.replays.times and not request.again:
            plan = replace(plan, replayed_before=plan.replayed_before + 1)
        elif letter.truncated:
            plan = replace(plan, truncated=plan.truncated + 1)
        elif lane is None:
            plan = replace(plan, no_lane=plan.no_lane + 1)
        elif request.limit is None or len(items) < request.limit:
            item = _item(letter, lane, request)
            if item.size > _LARGEST:
                plan = replace(plan, too_large=plan.too_large + 1)
            else:
                items.append(item)
    return replace(plan, items=tuple(items))


def _item(letter: DeadLetter, lane: Lane, request: ReplayRequest) -> ReplayItem:
    value = letter.value
    if request.edits:
        try:
            value = apply_edits(value, request.edits, request.max_text_bytes, request.check)
        except UsageError as error:
            raise UsageError(f"dead letter {letter.id}: {error}") from None
    number = max(header_number(letter.headers, names.REPLAY_NUMBER, MOST_REPLAYS) or 0, letter.replays.number) + 1
    headers = [
        *without_headers(letter.headers, names.RETRY_HEADERS | names.LETTER_HEADERS | names.REPLAY_HEADERS),
        (names.REPLAY_NUMBER, str(number).encode()),
        (names.REPLAY_OF, letter.id.encode()),
    ]
    # Kafka's clients reject a record that has neither a key nor a value.
    sent_value = b"" if letter.key is None and value is None else value
    return ReplayItem(letter, lane, sent_value, headers, number)


def marker_headers(item: ReplayItem, now: datetime) -> Headers:
    """The headers of the marker that records a replay in the dead-letter topic."""
    return [
        (names.REPLAYED_ID, item.letter.id.encode()),
        (names.REPLAY_NUMBER, str(item.number).encode()),
        (names.REPLAYED_TIME, now.isoformat().encode()),
    ]


def split_into_transactions(items: Sequence[ReplayItem], rate: float | None) -> Iterator[list[ReplayItem]]:
    """Splits items into transactions of at most about one second each.

    Args:
        items: in the order in which they are sent.
        rate: records a second; None for no limit.
    """
    most = _TRANSACTION_ITEMS if rate is None else max(1, min(_TRANSACTION_ITEMS, int(rate)))
    group: list[ReplayItem] = []
    size = 0
    for item in items:
        if group and (len(group) == most or size + item.size > _TRANSACTION_BYTES):
            yield group
            group, size = [], 0
        group.append(item)
        size += item.size
    if group:
        yield group
