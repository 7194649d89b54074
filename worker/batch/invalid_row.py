"""Describes a row of a batch's own files that can't be read. Pure."""

from pydantic import ValidationError


def describe_row(error: ValidationError) -> str:
    """The field, or 1 where the row is no object, and what is wrong with it: `take: Input should be an integer`."""
    problem = error.errors(include_input=False)[0]
    where = ".".join(map(str, problem["loc"])) or "1"
    if problem["type"] == "extra_forbidden":
        return f"{where}: this version of chirp-worker doesn't know this field: use the version that wrote it"
    return f"{where}: {problem['msg']}"
