"""The AsyncAPI document: the topics, and the messages that the worker sends and receives there. Pure."""

from typing import Any, Final

from schemas.enums import AudioEncoding
from schemas.events import (
    AUDIO_CHUNK_TYPE,
    BATCH_RUN_TYPE,
    CANCELLATION_TYPE,
    COMPLETION_TYPE,
    FEEDBACK_TYPE,
    PAIR_TYPE,
    STREAM_END_TYPE,
    VERDICT_TYPE,
    VOTE_TYPE,
)
from schemas.headers import CE_ENCODING, CE_NUMBER, CE_SAMPLE_RATE, CE_STREAM, TRACE_PARENT, TRACE_STATE
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

_TRACE_CONTEXT: Final[dict[str, Any]] = {
    TRACE_PARENT: {
        "type": "string",
        "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
        "maxLength": 256,
        "description": "W3C Trace Context: the span that sent the record. One of another form is ignored.",
    },
    TRACE_STATE: {"type": "string", "maxLength": 512, "description": "W3C Trace Context, beside traceparent."},
}

_STREAMED: Final = ("audio-chunk", "stream-end")
_STREAM_ID: Final = {
    "type": "string",
    "description": "Id of the stream. Another try of the job is another stream: it begins anew, and this one is over.",
}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: the channels, and which messages the worker sends and receives there."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "chirp-worker",
            "version": "1.0.0",
            "description": "Lines in, voices out: synthesis jobs and their completions on Kafka.",
        },
        "defaultContentType": "application/json",
        "channels": _channels(),
        "operations": _operations(),
        "components": {
            "messages": {
                "job": {
                    "headers": {"type": "object", "properties": _TRACE_CONTEXT},
                    "payload": {"$ref": "./job.schema.json"},
                },
                "revision": {"payload": {"$ref": "./revision.schema.json"}},
                "completion": _event(
                    COMPLETION_TYPE, "The job_id.", "completion", "Drop an event with an id that you have seen before."
                ),
                "audio-chunk": _audio_chunk(),
                "stream-end": _stream_end(),
                "feedback": _event(FEEDBACK_TYPE, "The job_id, or else the audio.", "feedback", "The feedback_id."),
                "vote": _event(VOTE_TYPE, "The line.", "vote", "The vote_id."),
                "cancellation": _event(CANCELLATION_TYPE, "The job_id.", "cancellation", "The cancellation_id."),
                "pair": _event(PAIR_TYPE, "The line.", "pair", "The pair_id."),
                "batch-run": _event(BATCH_RUN_TYPE, "The run_id.", "batch-run", "The run_id and the time."),
                "verdict": _event(VERDICT_TYPE, "The line.", "verdict", "The verdict_id."),
            }
        },
    }


def _channels() -> dict[str, Any]:
    lanes = {lane.value: _channel(topic, f"Jobs of the {lane.value} lane.", "job") for lane, topic in LANES.items()}
    return {
        **lanes,
        "completions": _channel(
            COMPLETIONS, "How each job ended. The record has the key of the job's record.", "completion"
        ),
        "replies": _channel(
            # The job names the topic.
            None,
            "The topic that a job names as reply_topic, one of those that the worker allows, for a copy of its "
            "completion; and for its audio in chunks, if it has `stream`; those have the key job_id.",
            "completion",
            *_STREAMED,
        ),
        "streams": _channel(
            STREAMS,
            "The reply topic of the HTTP API, for streams alone: its clients hear their lines from there.",
            *_STREAMED,
        ),
        "rollout": _channel(
            ROLLOUT,
            "The rollout's revisions in one partition, from the first one on. A record with a base other than the "
            "current revision doesn't count.",
            "revision",
        ),
        "feedback": _channel(
            FEEDBACK,
            "What players say of lines that they heard. Plain JSON is taken too, without the headers.",
            "feedback",
        ),
        "votes": _channel(VOTES, "Listeners' votes on pairs of takes.", "vote"),
        "pairs": _channel(
            PAIRS,
            "Pairs of takes that listeners compare. The last record of a key counts; one without a value takes the "
            "pair away.",
            "pair",
        ),
        "cancellations": _channel(
            CANCELLATIONS,
            "Jobs that nobody wants any more. Plain JSON is taken too, without the headers.",
            "cancellation",
        ),
        "batch-runs": _channel(BATCH_RUNS, "How far the studios' scripts are.", "batch-run"),
        "verdicts": _channel(
            VERDICTS,
            "Directors' verdicts on the lines of scripts. The last record of a script's line counts.",
            "verdict",
        ),
    }


def _event(event_type: str, subject: str, name: str, event_id: str) -> dict[str, Any]:
    headers = _cloud_event_headers(event_type, subject, event_id)
    if event_type == COMPLETION_TYPE:
        worker = {"type": "string", "description": "Name of the worker that published it; for operators."}
        headers["properties"]["ce_worker"] = worker
    return {
        "summary": "A CloudEvent 1.0 in Kafka's binary mode.",
        "headers": headers,
        "payload": {"$ref": f"./{name}.schema.json"},
    }


def _audio_chunk() -> dict[str, Any]:
    headers = _cloud_event_headers(AUDIO_CHUNK_TYPE, "The job_id.", "The stream's id, a slash and the number.")
    headers["required"] += ["content-type", CE_STREAM, CE_NUMBER, CE_ENCODING, CE_SAMPLE_RATE]
    headers["properties"] |= {
        "content-type": {"type": "string", "description": "Of the file that all chunks are together: audio/ogg, …"},
        CE_STREAM: _STREAM_ID,
        CE_NUMBER: {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "1 and up; drop one seen before."},
        CE_ENCODING: {"enum": [each.value for each in AudioEncoding]},
        CE_SAMPLE_RATE: {"type": "string", "pattern": "^[1-9][0-9]*$", "description": "Samples per second, in Hz."},
    }
    return {
        "summary": "A CloudEvent 1.0 in Kafka's binary mode; its data is a piece of audio.",
        "contentType": "application/octet-stream",
        "headers": headers,
        "payload": {"type": "string", "format": "binary"},
    }


def _stream_end() -> dict[str, Any]:
    message = _event(STREAM_END_TYPE, "The job_id.", "stream-end", "The stream's id and /end.")
    message["headers"]["required"].append(CE_STREAM)
    message["headers"]["properties"][CE_STREAM] = _STREAM_ID
    return message


def _channel(address: str | None, description: str, *names: str) -> dict[str, Any]:
    messages = {name: {"$ref": f"#/components/messages/{name}"} for name in names}
    return {"address": address, "description": description, "messages": messages}


def _operations() -> dict[str, Any]:
    lanes = {
        f"send-{lane.value}": _operation("receive", lane.value, f"The worker takes the jobs of {topic}.")
        for lane, topic in LANES.items()
    }
    return {
        **lanes,
        "complete": _operation("send", "completions", "The worker reports how a job ended."),
        "reply": _operation(
            "send", "replies", "The worker reports how a job ended to its producer, in the topic that the job names."
        ),
        "stream": _operation("send", "streams", "The worker sends a line's audio to the HTTP API while it is made."),
        "follow-rollout": _operation("receive", "rollout", "The worker follows the rollout."),
        "count-feedback": _operation("receive", "feedback", "The controller counts reports by voice model."),
        "count-votes": _operation("receive", "votes", "The controller compares the voice models by votes."),
        "cancel": _operation(
            "receive", "cancellations", "The worker ends a job that hasn't started as cancelled, and pays nothing."
        ),
        "show-pairs": _operation("receive", "pairs", "The console shows the pairs to listeners."),
        "show-batch-runs": _operation("receive", "batch-runs", "The console shows the runs of scripts."),
        "show-verdicts": _operation("receive", "verdicts", "The console shows the verdicts on a script's lines."),
    }


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _cloud_event_headers(event_type: str, subject: str, event_id: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["ce_specversion", "ce_type", "ce_source", "ce_id"],
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_type": {"const": event_type},
            "ce_source": {"type": "string"},
            "ce_id": {"type": "string", "description": event_id},
            "ce_time": {"type": "string", "format": "date-time"},
            "ce_subject": {"type": "string", "description": subject},
            "content-type": {"const": "application/json"},
            **_TRACE_CONTEXT,
        },
    }
