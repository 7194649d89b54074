"""Generates the JSON Schemas and the AsyncAPI document from the models: `python -m schemas.generate`."""

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from schemas.announcement import RolloutAnnouncement
from schemas.asyncapi import asyncapi
from schemas.audio_stream import StreamEnd
from schemas.batch_run import BatchRun
from schemas.cancellation import Cancellation
from schemas.completion import Completion
from schemas.feedback import Feedback
from schemas.job import Job
from schemas.pair import Pair
from schemas.revision import Revision
from schemas.rollout_status import RolloutStatus
from schemas.verdict import Verdict
from schemas.vote import Vote

TARGET: Final = Path(__file__).parent / "generated"


def json_schema(model: type[BaseModel], mode: Any = "validation") -> dict[str, Any]:
    """A model's JSON Schema, draft 2020-12."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(mode=mode)}


def documents() -> dict[str, str]:
    """The text of every generated file, by its name."""
    made = {
        "job.schema.json": json_schema(Job),
        "stream-end.schema.json": json_schema(StreamEnd, "serialization"),
        "completion.schema.json": json_schema(Completion, "serialization"),
        "feedback.schema.json": json_schema(Feedback),
        "vote.schema.json": json_schema(Vote),
        "cancellation.schema.json": json_schema(Cancellation),
        "pair.schema.json": json_schema(Pair),
        "batch-run.schema.json": json_schema(BatchRun),
        "verdict.schema.json": json_schema(Verdict),
        "revision.schema.json": json_schema(Revision),
        "rollout-status.schema.json": json_schema(RolloutStatus, "serialization"),
        "rollout-announcement.schema.json": json_schema(RolloutAnnouncement, "serialization"),
        "asyncapi.json": asyncapi(),
    }
    return {name: json.dumps(document, indent=2) + "\n" for name, document in made.items()}


def main() -> None:
    """Writes the files and prints their names."""
    TARGET.mkdir(exist_ok=True)
    for name, text in documents().items():
        (TARGET / name).write_text(text, encoding="utf-8")
        print(f"wrote schemas/generated/{name}")


if __name__ == "__main__":
    main()
