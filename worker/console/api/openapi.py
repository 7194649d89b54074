"""The OpenAPI document of the HTTP API: `python -m worker.console.api.openapi` writes it."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas.feedback import Feedback
from schemas.job import Job
from worker.console.api.problems import ProblemDocument

TARGET: Final = Path(__file__).parent / "openapi.json"
_REFERENCES: Final = "#/components/schemas/{model}"


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an application. Jobs and feedback may leave fields out; their routes read them by themselves."""
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
    )
    schemas = document["components"]["schemas"]
    for model in (Job, Feedback, ProblemDocument):
        schema = model.model_json_schema(ref_template=_REFERENCES)
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema
    for model, made_here in ((Job, {"job_id"}), (Feedback, {"feedback_id", "time", "source"})):
        document_of = schemas[model.__name__]
        document_of["required"] = [each for each in document_of["required"] if each not in made_here]
    return document


def document_text(app: FastAPI) -> str:
    """The document as it is committed."""
    return json.dumps(describe(app), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file and print its name."""
    from worker.console.api.app import describe_app  # noqa: PLC0415  # which needs this module

    TARGET.write_text(document_text(describe_app()), encoding="utf-8")
    sys.stdout.write(f"wrote worker/console/api/{TARGET.name}\n")


if __name__ == "__main__":
    main()
