"""The one table of Kafka topics: name, partitions, key, retention and record size."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.words import Lane

HOUR_MS: Final = 60 * 60 * 1000
DAY_MS: Final = 24 * HOUR_MS
FOR_EVER: Final = -1

LANE_RECORD_BYTES: Final = 2**20 + 2**17
"""A job's text may be 1 MB of rubbish and must still arrive, to be refused with a reason."""


@dataclass(frozen=True)
class Topic:
    """One row: `retention_ms` is -1 for ever, `record_bytes` the largest record that the topic takes."""

    name: str
    partitions: int
    key: str
    retention_ms: int
    record_bytes: int
    holds: str

    def config(self) -> dict[str, str]:
        """The topic's settings in Kafka's own names."""
        return {"retention.ms": str(self.retention_ms), "max.message.bytes": str(self.record_bytes)}


LANES: Final = {lane: f"tts.{lane.value}" for lane in Lane}
COMPLETIONS: Final = "tts.completions"
DEAD_LETTERS: Final = "tts.dead-letters"
ROLLOUT: Final = "tts.rollout"
ROLLOUT_STATUS: Final = "tts.rollout-status"

TOPICS: Final = (
    Topic(
        LANES[Lane.DIALOGUE],
        12,
        "the producer's",
        3 * DAY_MS,
        LANE_RECORD_BYTES,
        "jobs that somebody waits for",
    ),
    Topic(LANES[Lane.BATCH], 12, "the producer's", 7 * DAY_MS, LANE_RECORD_BYTES, "jobs that nobody waits for"),
    Topic(COMPLETIONS, 12, "the job record's", 30 * DAY_MS, LANE_RECORD_BYTES, "how each job ended"),
    # Twice a lane's records: a dead letter is the whole record and the reason beside it.
    Topic(
        DEAD_LETTERS,
        3,
        "the job record's",
        30 * DAY_MS,
        2 * LANE_RECORD_BYTES,
        "jobs that can't be done, whole; and what was replayed",
    ),
    Topic(ROLLOUT, 1, "none", FOR_EVER, LANE_RECORD_BYTES, "the rollout's revisions: state and audit"),
    Topic(ROLLOUT_STATUS, 1, "none", HOUR_MS, LANE_RECORD_BYTES, "what the controller of the rollout last judged"),
)

Delays = Mapping[Lane, Sequence[str]]
"""The delays of a lane's retries, the first retry's first, as texts such as `10s`, `1m`, `1h`."""

RETRY_DELAYS: Final[Delays] = {Lane.DIALOGUE: ("10s",), Lane.BATCH: ("10s", "1m", "10m")}

_DELAY: Final = re.compile(r"([1-9][0-9]{0,4})([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def is_delay(text: str) -> bool:
    """Whether a text is a delay such as `10s`, `1m` or `1h`."""
    return _DELAY.fullmatch(text) is not None


def delay_seconds(delay: str) -> int:
    """Seconds of a delay such as `10s`, `1m` or `1h`.

    Raises:
        ValueError: it is no such text, or not above 0.
    """
    matched = _DELAY.fullmatch(delay)
    if matched is None:
        raise ValueError(f"{delay!r} is no delay such as 10s, 1m or 1h")
    return int(matched[1]) * _SECONDS[matched[2]]


def retry_topic(lane: Lane, delay: str) -> str:
    """The topic of a lane's jobs that wait for this delay."""
    return f"tts.retry.{lane.value}.{delay}"


def lane_of(name: str) -> Lane | None:
    """The lane of a lane's own or retry topic, by its name in the table; None for other topics."""
    for lane, topic in LANES.items():
        if name == topic or name.startswith(retry_topic(lane, "")):
            return lane
    return None


def all_topics(delays: Delays = RETRY_DELAYS) -> tuple[Topic, ...]:
    """The table with the rows of the retries.

    Args:
        delays: of a deployment.
    """
    retries = (
        Topic(
            retry_topic(lane, delay),
            3,
            "the job record's",
            7 * DAY_MS,
            # The record whole, and what happened to it in its headers.
            2 * LANE_RECORD_BYTES,
            f"{lane.value} jobs, each due no earlier than after {delay}",
        )
        for lane, of_lane in delays.items()
        for delay in of_lane
    )
    return (*TOPICS, *retries)


def reply_topic(name: str) -> Topic:
    """The row of a topic that jobs may name for their completions.

    Args:
        name: as the cluster calls it; no prefix is put before it.
    """
    return Topic(name, 12, "the job record's", 3 * DAY_MS, LANE_RECORD_BYTES, "completions of the jobs that name it")


def prefixed(name: str, prefix: str) -> str:
    """A topic's name in a cluster that several deployments share.

    Args:
        name: a name of this table, such as `tts.completions`.
        prefix: what takes the place of `tts`.
    """
    return prefix + name.removeprefix("tts")


def unprefixed(name: str, prefix: str) -> str:
    """The name in this table of a topic of a deployment; the name itself where the prefix isn't its."""
    return "tts" + name.removeprefix(prefix) if name.startswith(f"{prefix}.") else name
