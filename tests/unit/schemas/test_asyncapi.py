"""The AsyncAPI document has the topics and the messages, and refers to what there is."""

from __future__ import annotations

from schemas.asyncapi import asyncapi
from schemas.enums import Lane
from schemas.generate import TARGET
from schemas.topics import (
    BATCH_RUNS,
    CANCELLATIONS,
    COMPLETIONS,
    FEEDBACK,
    LANES,
    PAIRS,
    ROLLOUT,
    STREAMS,
    VERDICTS,
    VOTES,
)


def test_the_asyncapi_document_has_the_topics_of_all_who_write_or_read_messages() -> None:
    document = asyncapi()
    assert document["asyncapi"].startswith("3.")
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {
        *LANES.values(),
        COMPLETIONS,
        STREAMS,
        ROLLOUT,
        FEEDBACK,
        VOTES,
        PAIRS,
        CANCELLATIONS,
        BATCH_RUNS,
        VERDICTS,
        None,
    }, "a job names the topic of its reply"
    for operation in document["operations"].values():
        name = operation["channel"]["$ref"].removeprefix("#/channels/")
        assert name in document["channels"]
    received = [o["channel"]["$ref"] for o in document["operations"].values() if o["action"] == "receive"]
    others = ("rollout", "feedback", "votes", "cancellations", "pairs", "batch-runs", "verdicts")
    assert received == [f"#/channels/{name}" for name in (*(lane.value for lane in Lane), *others)]
    for message in document["components"]["messages"].values():
        if message.get("contentType") != "application/octet-stream":
            assert (TARGET / message["payload"]["$ref"]).is_file()
