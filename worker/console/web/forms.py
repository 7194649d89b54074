"""Reads a form, and refuses those that another site's page may have sent."""

import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from worker.console.web.session import Session

CSRF_FIELD: Final = "csrf"
_LARGEST: Final = 2**18
_MOST_FIELDS: Final = 200


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form; of a name that comes several times, the last one.

    Raises:
        HTTPException: the body is no form, or is too large.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from None


def check_origin(request: Request) -> None:
    """Refuses a request that another site's page makes. Programs that are no browser send neither header.

    Raises:
        HTTPException: 403.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HTTPException(HTTPStatus.FORBIDDEN)
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(HTTPStatus.FORBIDDEN)


def check_csrf(form: Mapping[str, str], session: Session) -> None:
    """Refuses a form without this session's secret.

    Raises:
        HTTPException: 403.
    """
    if not secrets.compare_digest(form.get(CSRF_FIELD, "").encode(), session.csrf.encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN)


def local_path(text: str) -> str:
    """An address within the console, to go to after a login; `/` in place of any other."""
    # Browsers take `//host` and `/\host` for other hosts, and drop tabs and line breaks before they look.
    well_formed = text.startswith("/") and not text.startswith("//") and text.isprintable() and "\\" not in text
    return text if well_formed else "/"
