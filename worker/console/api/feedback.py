"""The route of feedback: a player's report or praise of a line, passed on to the rollout."""

import uuid
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response

from schemas.message_parsing import feedback_document, validate_feedback
from worker.console.api.authorization import Reporter, check_limit
from worker.console.api.documents import FeedbackReceipt
from worker.console.api.parameters import parse_key
from worker.console.api.parts import Parts
from worker.console.api.problems import PROBLEMS
from worker.console.api.readiness import check_ready
from worker.console.api.request_body import read_json_body
from worker.console.lines.idempotency import ALLOWED

router = APIRouter(prefix="/v1/feedback", tags=["feedback"])

_SCHEMA: Final = {"$ref": "#/components/schemas/Feedback"}
_BODY: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": {"application/json": {"schema": _SCHEMA}}}}


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    operation_id="give_feedback",
    summary="Report or praise a line",
    responses={HTTPStatus.ACCEPTED: {"model": FeedbackReceipt, "description": "Kafka has it."}, **PROBLEMS},
    openapi_extra=_BODY,
)
async def give_feedback(
    *,
    request: Request,
    client: Reporter,
    parts: Parts,
    idempotency_key: Annotated[
        str | None, Header(description=f"Makes feedback_id, unless there is one: {ALLOWED}.")
    ] = None,
) -> Response:
    """Passes on what a player says of a line that they heard, named by its job's id or its audio's address.

    Of Kafka's message `feedback_id`, `time` (now) and `source` (the client) may be left out. The rollout's controller
    finds out which line it is.
    """
    now = parts.clock.now().isoformat()
    known = {"feedback_id": _new_id(client.name, idempotency_key), "time": now, "source": f"/clients/{client.name}"}
    given = feedback_document(await read_json_body(request))
    feedback = validate_feedback(known | {name: value for name, value in given.items() if value is not None})
    check_ready(parts)
    check_limit(parts.feedback, client, parts, "reports")
    await parts.send_event(feedback)
    receipt = FeedbackReceipt(feedback_id=feedback.feedback_id)
    return Response(receipt.model_dump_json(), HTTPStatus.ACCEPTED, media_type="application/json")


def _new_id(client: str, key: str | None) -> str:
    return f"http-{uuid.uuid4()}" if key is None else parse_key(client, key)
