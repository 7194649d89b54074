"""A record of a lane as Kafka delivered it."""

from dataclasses import dataclass, field

from schemas.enums import Lane
from schemas.headers import Headers


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a lane: from the lane's own topic or, with a `delay`, from that retry topic.

    `timestamp_ms` is Kafka's, since 1970; `unreadable` says why it has no content.
    """

    lane: Lane
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = field(default_factory=list)
    timestamp_ms: int = 0
    unreadable: str | None = None
    delay: str | None = None
