"""Makes the JSON Schemas and the AsyncAPI document from the models: `python -m schemas.generate`."""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from schemas.completion import Completion
from schemas.events import COMPLETION_TYPE
from schemas.job import Job
from schemas.revision import Revision
from schemas.rollout_status import RolloutStatus
from schemas.topics import COMPLETIONS, LANES, ROLLOUT

TARGET: Final = Path(__file__).parent / "generated"


def json_schema(model: type[BaseModel], mode: Any = "validation") -> dict[str, Any]:
    """A model's JSON Schema, draft 2020-12."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(mode=mode)}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: who sends what where."""
    channels: dict[str, Any] = {
        lane.value: {
            "address": topic,
            "description": f"jobs of the {lane.value} lane",
            "messages": {"job": {"$ref": "#/components/messages/job"}},
        }
        for lane, topic in LANES.items()
    }
    channels["completions"] = {
        "address": COMPLETIONS,
        "description": "how each job ended; the record's key is the job record's",
        "messages": {"completion": {"$ref": "#/components/messages/completion"}},
    }
    channels["replies"] = {
        # Unknown here: the job names it.
        "address": None,
        "description": "the topic that a job names as reply_topic, one of those that the worker allows: its completion "
        "stands there too",
        "messages": {"completion": {"$ref": "#/components/messages/completion"}},
    }
    channels["rollout"] = {
        "address": ROLLOUT,
        "description": "the rollout's revisions, one partition, from the first on; a record whose base isn't the "
        "current revision doesn't count",
        "messages": {"revision": {"$ref": "#/components/messages/revision"}},
    }
    operations = {
        f"send-{lane.value}": {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{lane.value}"},
            "summary": f"The worker takes the jobs of {topic}.",
        }
        for lane, topic in LANES.items()
    }
    operations["complete"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/completions"},
        "summary": "The worker says how a job ended.",
    }
    operations["reply"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/replies"},
        "summary": "The worker answers whoever asked, in the topic that the job names.",
    }
    operations["follow-rollout"] = {
        "action": "receive",
        "channel": {"$ref": "#/channels/rollout"},
        "summary": "The worker follows the rollout.",
    }
    headers = {
        "type": "object",
        "required": ["ce_specversion", "ce_type", "ce_source", "ce_id"],
        "properties": {
            "ce_specversion": {"const": "1.0"},
            "ce_type": {"const": COMPLETION_TYPE},
            "ce_source": {"type": "string"},
            "ce_id": {"type": "string", "description": "drop an event whose id you have seen"},
            "ce_time": {"type": "string", "format": "date-time"},
            "ce_subject": {"type": "string", "description": "the job_id"},
            "content-type": {"const": "application/json"},
        },
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "chirp-worker",
            "version": "1.0.0",
            "description": "Lines in, voices out: synthesis jobs and their completions on Kafka.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                "job": {"payload": {"$ref": "./job.schema.json"}},
                "revision": {"payload": {"$ref": "./revision.schema.json"}},
                "completion": {
                    "summary": "A CloudEvent 1.0 in Kafka's binary mode.",
                    "headers": headers,
                    "payload": {"$ref": "./completion.schema.json"},
                },
            }
        },
    }


def documents() -> dict[str, str]:
    """Every generated file's name and text."""
    made = {
        "job.schema.json": json_schema(Job),
        "completion.schema.json": json_schema(Completion, "serialization"),
        "revision.schema.json": json_schema(Revision),
        "rollout-status.schema.json": json_schema(RolloutStatus, "serialization"),
        "asyncapi.json": asyncapi(),
    }
    return {name: json.dumps(document, indent=2) + "\n" for name, document in made.items()}


def main() -> None:
    """Writes the files and says which."""
    TARGET.mkdir(exist_ok=True)
    for name, text in documents().items():
        (TARGET / name).write_text(text, encoding="utf-8")
        print(f"wrote schemas/generated/{name}")


if __name__ == "__main__":
    main()
