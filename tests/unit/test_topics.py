"""The table of topics says what the issue says."""

from __future__ import annotations

from schemas.topics import COMPLETIONS, DEAD_LETTERS, FOR_EVER, LANE_RECORD_BYTES, LANES, ROLLOUT, TOPICS, prefixed
from schemas.words import Lane

TABLE = {topic.name: topic for topic in TOPICS}
DAYS = 24 * 60 * 60 * 1000


def test_every_lane_has_its_topic_and_no_topic_stands_twice() -> None:
    assert len(TABLE) == len(TOPICS)
    assert {*LANES.values(), COMPLETIONS, DEAD_LETTERS, ROLLOUT} == set(TABLE)
    assert LANES == {Lane.DIALOGUE: "tts.dialogue", Lane.BATCH: "tts.batch"}


def test_completions_are_kept_thirty_days_and_the_rollout_for_ever_in_one_partition() -> None:
    assert TABLE[COMPLETIONS].retention_ms == 30 * DAYS
    assert TABLE[COMPLETIONS].key == "the job record's"
    assert TABLE[ROLLOUT].retention_ms == FOR_EVER == -1
    assert TABLE[ROLLOUT].partitions == 1
    assert TABLE[ROLLOUT].config()["retention.ms"] == "-1"


def test_a_dead_letter_has_room_for_a_whole_record_and_its_reason() -> None:
    assert TABLE[DEAD_LETTERS].record_bytes == 2 * LANE_RECORD_BYTES
    assert int(TABLE[DEAD_LETTERS].config()["max.message.bytes"]) == TABLE[DEAD_LETTERS].record_bytes


def test_a_record_with_a_megabyte_of_text_arrives() -> None:
    assert all(TABLE[name].record_bytes > 2**20 for name in LANES.values())


def test_a_prefix_takes_the_place_of_tts() -> None:
    assert prefixed("tts.completions", "staging") == "staging.completions"
    assert [prefixed(name, "tts") for name in TABLE] == list(TABLE)
    assert prefixed("tts.batch", "tts.tts") == "tts.tts.batch"
