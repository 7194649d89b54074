"""Parses what stands in a request's address and headers; an error names value and what is allowed."""

import re
from typing import Final

from schemas.parsing import FieldProblem
from worker.console.api.problems import ProblemError, invalid
from worker.console.lines.event_positions import parse_event_id
from worker.console.lines.idempotency import job_id_of_key

_WAIT: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}
_LABEL: Final = re.compile(r"([^:]{1,256}):(.{0,1024})", re.DOTALL)
_SHOWN: Final = 100


def parse_wait(text: str, longest_s: float) -> float:
    """A duration such as `2s`, `500ms` or `1m`, in seconds.

    Raises:
        ProblemError: it has another form, or is longer than is allowed.
    """
    matched = _WAIT.fullmatch(text)
    wait_s = float(matched[1]) * _SECONDS[matched[2]] if matched else None
    if wait_s is None or wait_s > longest_s:
        raise _wrong("wait", text, f"a number and ms, s or m, such as 500ms or 2s, at most {longest_s:g}s")
    return wait_s


def parse_key(client: str, key: str) -> str:
    """The id that a client's Idempotency-Key makes.

    Raises:
        ProblemError: the key isn't allowed.
    """
    try:
        return job_id_of_key(client, key)
    except ValueError as error:
        raise invalid(FieldProblem("Idempotency-Key", f"{key[:_SHOWN]!a}: {error}")) from None


def parse_last_event_id(text: str) -> dict[int, int]:
    """The positions that the header Last-Event-ID has.

    Raises:
        ProblemError: it is no event's id.
    """
    try:
        return parse_event_id(text)
    except ValueError as error:
        raise invalid(FieldProblem("Last-Event-ID", f"{text[:_SHOWN]!a}: {error}")) from None


def parse_labels(texts: list[str]) -> dict[str, str]:
    """Labels, each as `name:value`.

    Raises:
        ProblemError: one has another form.
    """
    labels = {}
    for text in texts:
        matched = _LABEL.fullmatch(text)
        if matched is None:
            raise _wrong("label", text, "name:value, such as scene:tavern")
        labels[matched[1]] = matched[2]
    return labels


def _wrong(name: str, value: str, allowed: str) -> ProblemError:
    return invalid(FieldProblem(name, f"{value[:_SHOWN]!a}: allowed is {allowed}"))
