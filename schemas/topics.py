"""The one table of Kafka topics: name, partitions, key, retention and record size. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.enums import Lane

HOUR_MS: Final = 60 * 60 * 1000
DAY_MS: Final = 24 * HOUR_MS
FOR_EVER: Final = -1

LANE_RECORD_BYTES: Final = 2**20 + 2**17
"""A record with 1 MB of invalid text must still arrive, so that it can be rejected with a reason."""


@dataclass(frozen=True)
class Topic:
    """One row. `retention_ms` is -1 for unlimited retention, `record_bytes` the size of the largest record allowed."""

    name: str
    partitions: int
    key: str
    retention_ms: int
    record_bytes: int
    holds: str

    def config(self) -> dict[str, str]:
        """The topic's configuration, by Kafka's own names."""
        return {"retention.ms": str(self.retention_ms), "max.message.bytes": str(self.record_bytes)}


LANES: Final = {lane: f"tts.{lane.value}" for lane in Lane}
COMPLETIONS: Final = "tts.completions"
DEAD_LETTERS: Final = "tts.dead-letters"
ROLLOUT: Final = "tts.rollout"
ROLLOUT_STATUS: Final = "tts.rollout-status"
STREAMS: Final = "tts.streams"
FEEDBACK: Final = "tts.feedback"
VOTES: Final = "tts.votes"
CANCELLATIONS: Final = "tts.cancellations"
PAIRS: Final = "tts.pairs"
BATCH_RUNS: Final = "tts.batch-runs"
VERDICTS: Final = "tts.verdicts"

_SMALL_RECORD_BYTES: Final = 2**16

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
    # Twice the size of a lane's records: a dead letter is the whole record and the reason of the failure.
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
    # Whoever listens does so at once; the whole take is stored.
    Topic(STREAMS, 12, "job_id", HOUR_MS, LANE_RECORD_BYTES, "audio for the HTTP API's clients, while it is made"),
    # As long as completions: a report about a line is of no use once nobody knows how the line was made.
    Topic(FEEDBACK, 3, "user_id", 30 * DAY_MS, _SMALL_RECORD_BYTES, "what players say of lines that they heard"),
    # One partition: the order of the votes is the same for everybody who counts them.
    Topic(VOTES, 1, "character", 365 * DAY_MS, _SMALL_RECORD_BYTES, "listeners' votes on pairs of takes"),
    # As long as the votes on them.
    Topic(PAIRS, 1, "pair_id", 365 * DAY_MS, LANE_RECORD_BYTES, "pairs of takes that listeners compare"),
    # As long as the lane that keeps its jobs longest: a cancellation that ended before its job would be none.
    Topic(CANCELLATIONS, 1, "job_id", 7 * DAY_MS, _SMALL_RECORD_BYTES, "jobs that nobody wants any more"),
    # As long as completions: a run's lines are read from those.
    Topic(BATCH_RUNS, 1, "run_id", 30 * DAY_MS, _SMALL_RECORD_BYTES, "how far the studios' scripts are"),
    # One partition: the last verdict on a line is the same for everybody. A script is worked on for months.
    Topic(VERDICTS, 1, "line", 365 * DAY_MS, _SMALL_RECORD_BYTES, "directors' verdicts on the lines of scripts"),
)

Delays = Mapping[Lane, Sequence[str]]
"""The delays of each lane's retries in order, as texts such as `10s`, `1m`, `1h`."""

RETRY_DELAYS: Final[Delays] = {Lane.DIALOGUE: ("10s",), Lane.BATCH: ("10s", "1m", "10m")}

_DELAY: Final = re.compile(r"([1-9][0-9]{0,4})([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def is_delay(text: str) -> bool:
    """Whether a text is a delay such as `10s`, `1m` or `1h`."""
    return _DELAY.fullmatch(text) is not None


def delay_seconds(delay: str) -> int:
    """The seconds of a delay such as `10s`, `1m` or `1h`.

    Raises:
        ValueError: it has another form, or is 0.
    """
    matched = _DELAY.fullmatch(delay)
    if matched is None:
        raise ValueError(f"{delay!r} is not a delay such as 10s, 1m or 1h")
    return int(matched[1]) * _SECONDS[matched[2]]


RETRIES: Final = "tts.retry."
"""What the names of all retry topics begin with."""


def retry_topic(lane: Lane, delay: str) -> str:
    """The topic of a lane's jobs that are retried after this delay."""
    return f"{RETRIES}{lane.value}.{delay}"


def lane_of(name: str) -> Lane | None:
    """The lane of a topic, by its name in the table: a lane's own topic or one of its retry topics; None for others."""
    for lane, topic in LANES.items():
        if name == topic or name.startswith(retry_topic(lane, "")):
            return lane
    return None


def all_topics(delays: Delays = RETRY_DELAYS) -> tuple[Topic, ...]:
    """The table, with a row for each retry topic that the deployment's delays need."""
    retries = (
        Topic(
            retry_topic(lane, delay),
            3,
            "the job record's",
            7 * DAY_MS,
            # The whole record, and in its headers the attempts of its earlier tries.
            2 * LANE_RECORD_BYTES,
            f"{lane.value} jobs, each due no earlier than after {delay}",
        )
        for lane, lane_delays in delays.items()
        for delay in lane_delays
    )
    return (*TOPICS, *retries)


def reply_topic(name: str) -> Topic:
    """The row of a topic that jobs may name for their completions; it gets no prefix."""
    return Topic(
        name,
        12,
        "the job record's",
        3 * DAY_MS,
        LANE_RECORD_BYTES,
        "completions, and streams, of the jobs that name it",
    )


def reply_topics_allowed(named: Iterable[str], prefix: str) -> frozenset[str]:
    """The topics that a job may name for its replies, by their names in the cluster.

    Args:
        named: those that the deployment allows (REPLY_TOPICS); the HTTP API's own is allowed always.
        prefix: replaces `tts`.
    """
    return frozenset({*named, prefixed(STREAMS, prefix)})


def prefixed(name: str, prefix: str) -> str:
    """A topic's name in a cluster that several deployments share.

    Args:
        name: a name of this table, such as `tts.completions`.
        prefix: replaces `tts`.
    """
    return prefix + name.removeprefix("tts")


def unprefixed(name: str, prefix: str) -> str:
    """The reverse of `prefixed`; the name itself if it doesn't begin with the prefix."""
    return "tts" + name.removeprefix(prefix) if name.startswith(f"{prefix}.") else name
