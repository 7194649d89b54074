"""The one table of Kafka topics: name, partitions, key, retention and record size."""

from dataclasses import dataclass
from typing import Final

from schemas.words import Lane

DAY_MS: Final = 24 * 60 * 60 * 1000
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

# The retry topics (tts.retry.<lane>.<delay>) get their rows when retries are built.
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
        "jobs that can't be done, whole",
    ),
    Topic(ROLLOUT, 1, "none", FOR_EVER, LANE_RECORD_BYTES, "the rollout's revisions: state and audit"),
)


def prefixed(name: str, prefix: str) -> str:
    """A topic's name in a cluster that several deployments share.

    Args:
        name: a name of this table, such as `tts.completions`.
        prefix: what takes the place of `tts`.
    """
    return prefix + name.removeprefix("tts")
