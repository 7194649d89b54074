"""The table of topics says what the issues say, and a worker reads its own deployment's alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import IncompatibleBrokerVersion, TopicAuthorizationFailedError, UnknownTopicOrPartitionError
from hypothesis import given
from hypothesis import strategies as st

from schemas.enums import Lane
from schemas.topics import (
    BATCH_RUNS,
    CANCELLATIONS,
    COMPLETIONS,
    DEAD_LETTERS,
    FEEDBACK,
    FOR_EVER,
    LANE_RECORD_BYTES,
    LANES,
    PAIRS,
    RETRY_DELAYS,
    ROLLOUT,
    ROLLOUT_STATUS,
    STREAMS,
    TOPICS,
    VERDICTS,
    VOTES,
    all_topics,
    delay_seconds,
    is_delay,
    lane_of,
    prefixed,
    reply_topics_allowed,
    retry_topic,
    unprefixed,
)
from worker.kafka.client.topics import Source, TopicDeniedError, TopicError, list_sources, missing_topics, parse_source

TABLE = {topic.name: topic for topic in TOPICS}
DAYS = 24 * 60 * 60 * 1000


def test_every_lane_has_its_topic_and_no_topic_stands_twice() -> None:
    assert len(TABLE) == len(TOPICS)
    others = {COMPLETIONS, STREAMS, DEAD_LETTERS, ROLLOUT, ROLLOUT_STATUS, FEEDBACK, VOTES, PAIRS, CANCELLATIONS}
    others |= {BATCH_RUNS, VERDICTS}
    assert {*LANES.values(), *others} == set(TABLE)
    assert LANES == {Lane.DIALOGUE: "tts.dialogue", Lane.BATCH: "tts.batch"}


def test_completions_are_kept_thirty_days_and_the_rollout_for_ever_in_one_partition() -> None:
    assert TABLE[COMPLETIONS].retention_ms == 30 * DAYS
    assert TABLE[COMPLETIONS].key == "the job record's"
    assert TABLE[ROLLOUT].retention_ms == FOR_EVER == -1
    assert TABLE[ROLLOUT].partitions == 1
    assert TABLE[ROLLOUT].config()["retention.ms"] == "-1"


def test_the_controllers_reports_are_in_one_partition_that_keeps_an_hour() -> None:
    assert (TABLE[ROLLOUT_STATUS].partitions, TABLE[ROLLOUT_STATUS].key) == (1, "none")
    assert TABLE[ROLLOUT_STATUS].retention_ms == 60 * 60 * 1000


def test_a_cancellation_outlives_every_job_that_it_may_be_of() -> None:
    kept = TABLE[CANCELLATIONS].retention_ms
    assert kept == max(TABLE[name].retention_ms for name in LANES.values())
    assert all(each.retention_ms <= kept for each in all_topics() if ".retry." in each.name)
    assert (TABLE[CANCELLATIONS].partitions, TABLE[CANCELLATIONS].key) == (1, "job_id")


def test_streams_are_kept_for_an_hour_in_the_order_of_each_job() -> None:
    assert (TABLE[STREAMS].key, TABLE[STREAMS].retention_ms) == ("job_id", 60 * 60 * 1000)


def test_the_http_apis_own_topic_is_always_allowed_for_replies() -> None:
    assert reply_topics_allowed((), "game") == {"game.streams"}
    assert reply_topics_allowed(("replies.a",), "tts") == {"replies.a", STREAMS}


def test_feedback_is_kept_as_long_as_completions_and_votes_a_year_in_one_order() -> None:
    assert (TABLE[FEEDBACK].retention_ms, TABLE[FEEDBACK].key) == (TABLE[COMPLETIONS].retention_ms, "user_id")
    assert (TABLE[VERDICTS].partitions, TABLE[VERDICTS].retention_ms) == (1, 365 * DAYS)
    assert (TABLE[VOTES].partitions, TABLE[VOTES].retention_ms) == (1, 365 * DAYS)
    assert (TABLE[PAIRS].partitions, TABLE[PAIRS].retention_ms) == (1, 365 * DAYS)


def test_a_dead_letter_has_room_for_a_whole_record_and_its_reason() -> None:
    assert TABLE[DEAD_LETTERS].record_bytes == 2 * LANE_RECORD_BYTES
    assert int(TABLE[DEAD_LETTERS].config()["max.message.bytes"]) == TABLE[DEAD_LETTERS].record_bytes


def test_a_record_with_a_megabyte_of_text_arrives() -> None:
    assert all(TABLE[name].record_bytes > 2**20 for name in LANES.values())


def test_a_prefix_takes_the_place_of_tts() -> None:
    assert prefixed("tts.completions", "staging") == "staging.completions"
    assert [prefixed(name, "tts") for name in TABLE] == list(TABLE)
    assert prefixed("tts.batch", "tts.tts") == "tts.tts.batch"


# Retries


def test_batch_waits_ten_seconds_a_minute_and_ten_and_dialogue_ten_seconds_alone() -> None:
    assert RETRY_DELAYS == {Lane.DIALOGUE: ("10s",), Lane.BATCH: ("10s", "1m", "10m")}
    retries = {topic.name: topic for topic in all_topics()}.keys() - TABLE.keys()
    assert retries == {"tts.retry.dialogue.10s", *(f"tts.retry.batch.{delay}" for delay in ("10s", "1m", "10m"))}


def test_the_table_has_a_row_for_each_delay_that_is_set() -> None:
    of_deployment = all_topics({Lane.DIALOGUE: (), Lane.BATCH: ("3h",)})
    assert of_deployment[: len(TOPICS)] == TOPICS
    assert [topic.name for topic in of_deployment[len(TOPICS) :]] == ["tts.retry.batch.3h"]


def test_a_retry_topic_takes_what_a_lane_takes_and_the_history_and_keeps_it_as_long() -> None:
    for topic in all_topics()[len(TOPICS) :]:
        assert topic.record_bytes == 2 * LANE_RECORD_BYTES
        assert topic.retention_ms >= TABLE["tts.batch"].retention_ms


@pytest.mark.parametrize(("text", "seconds"), [("1s", 1), ("10s", 10), ("1m", 60), ("10m", 600), ("99999h", 359996400)])
def test_a_delay_is_a_whole_number_of_seconds_minutes_or_hours(text: str, seconds: int) -> None:
    assert is_delay(text)
    assert delay_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "s", "0s", "01s", "-1s", "1.5m", "1d", "1S", "10s ", "10s\n", "١s", "100000h"]
)
def test_other_texts_are_no_delays(text: str) -> None:
    assert not is_delay(text)
    with pytest.raises(ValueError, match="not a delay"):
        delay_seconds(text)


# What a worker reads


@given(st.sampled_from(Lane), st.integers(1, 99999), st.sampled_from("smh"))
def test_a_lanes_topics_are_told_by_their_names(lane: Lane, number: int, unit: str) -> None:
    delay = f"{number}{unit}"
    assert parse_source(LANES[lane]) == Source(lane)
    assert parse_source(retry_topic(lane, delay)) == Source(lane, delay)
    assert lane_of(LANES[lane]) is lane_of(retry_topic(lane, delay)) is lane


@pytest.mark.parametrize(
    "name",
    [
        *(COMPLETIONS, DEAD_LETTERS, ROLLOUT, "tts", "tts.batch2", "tts.batch.10s", "batch", "x.tts.batch"),
        *(
            "tts.retry.batch",
            "tts.retry.batch.",
            "tts.retry.batch.10s.x",
            "tts.retry.other.10s",
            "tts.retry.batch.soon",
        ),
    ],
)
def test_other_topics_hold_no_jobs(name: str) -> None:
    assert parse_source(name) is None


def test_a_prefix_is_taken_off_again() -> None:
    for name in TABLE:
        for prefix in ("tts", "staging", "tts.tts", "a.b"):
            assert unprefixed(prefixed(name, prefix), prefix) == name
    assert unprefixed("staging2.batch", "staging") == "staging2.batch"


class Cluster:
    def __init__(self, *topics: str) -> None:
        self.topics = topics

    async def list_topics(self) -> list[str]:
        return [*self.topics]

    async def _send_request(self, _: object) -> object:
        # An older broker doesn't know what a missing topic is asked for.
        raise IncompatibleBrokerVersion


def deployment(prefix: str) -> list[str]:
    return [prefixed(topic.name, prefix) for topic in all_topics()]


@pytest.mark.parametrize("prefix", ["tts", "staging", "tts.eu", "eu.tts"])
async def test_a_worker_reads_no_lane_of_another_deployment_in_the_same_cluster(prefix: str) -> None:
    others = {"tts", "staging", "tts.eu", "eu.tts", f"{prefix}2", f"x{prefix}"} - {prefix}
    admin: Any = Cluster(*deployment(prefix), *(name for other in others for name in deployment(other)), "unrelated")
    lanes = {f"{prefix}.{lane.value}": Source(lane) for lane in Lane}
    retries = {
        f"{prefix}.retry.{lane.value}.{delay}": Source(lane, delay) for lane in Lane for delay in RETRY_DELAYS[lane]
    }
    assert await list_sources(admin, prefix, RETRY_DELAYS) == lanes | retries


async def test_retries_of_a_delay_that_is_set_no_more_are_read_to_their_end() -> None:
    admin: Any = Cluster(*deployment("tts"), "tts.retry.dialogue.3h")
    sources = await list_sources(admin, "tts", {Lane.DIALOGUE: (), Lane.BATCH: ()})
    assert sources["tts.retry.dialogue.3h"] == Source(Lane.DIALOGUE, "3h")
    assert sources["tts.retry.batch.10m"] == Source(Lane.BATCH, "10m")


async def test_a_topic_that_is_missing_is_told_by_name() -> None:
    present = [name for name in deployment("staging") if name != "staging.retry.batch.1m"]
    assert missing_topics(present, "staging", RETRY_DELAYS) == ["staging.retry.batch.1m"]
    admin: Any = Cluster(*present, *deployment("tts"))
    with pytest.raises(TopicError, match=r"staging\.retry\.batch\.1m"):
        await list_sources(admin, "staging", RETRY_DELAYS)


async def test_a_topic_to_reply_to_that_is_missing_is_told_by_name_and_none_of_them_is_read() -> None:
    admin: Any = Cluster(*deployment("staging"), "game-1")
    with pytest.raises(TopicError, match=r"no topic game-2;"):
        await list_sources(admin, "staging", RETRY_DELAYS, {"game-1", "game-2"})
    assert "game-1" not in await list_sources(admin, "staging", RETRY_DELAYS, {"game-1"})


class Guarded(Cluster):
    """Hides a topic that its client may not describe."""

    def __init__(self, hidden: str, *topics: str) -> None:
        super().__init__(*topics)
        self.hidden = hidden

    async def _send_request(self, request: Any) -> Any:
        codes = {True: TopicAuthorizationFailedError.errno, False: UnknownTopicOrPartitionError.errno}
        return SimpleNamespace(topics=[(codes[name == self.hidden], name, False, [], 0) for name in request._topics])


async def test_a_topic_that_the_login_may_not_see_is_not_called_missing() -> None:
    present = [name for name in deployment("tts") if name != "tts.batch"]
    message = r"this login lacks the right Describe \(which Read and Write imply\) on tts.batch; `chirp-worker acl`"
    with pytest.raises(TopicDeniedError, match=message):
        await list_sources(Guarded("tts.batch", *present), "tts", RETRY_DELAYS)
    with pytest.raises(TopicError, match=r"no topic tts.batch; `chirp-worker topics create`"):
        await list_sources(Guarded("another", *present), "tts", RETRY_DELAYS)
