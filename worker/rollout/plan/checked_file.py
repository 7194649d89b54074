"""Reads the text of a plan's or trace's file: a built-in one by its name, any other by its path."""

from importlib import resources
from pathlib import Path
from typing import Final

from worker.rollout.plan.document import InvalidFileError
from worker.rollout.plan.yaml import LARGEST_CHARACTERS

LARGEST_BYTES: Final = LARGEST_CHARACTERS


def read_file(kind: str, argument: str, built_in: tuple[str, ...], folder: str) -> tuple[str, str]:
    """Return a file's name and text.

    Args:
        kind: as messages call it, such as `plan`.
        argument: a path, or one of the built-in names.
        built_in: the names of the files that come with chirp-worker.
        folder: their folder, relative to `worker.rollout`.

    Raises:
        InvalidFileError: there is no such file, or it can't be read.
    """
    if argument in built_in:
        file = resources.files("worker.rollout") / folder / f"{argument}.yaml"
        return f"{argument}.yaml", file.read_text(encoding="utf-8")
    try:
        with Path(argument).open("rb") as opened:
            content = opened.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise InvalidFileError(f"{argument}: too long for a {kind}; allowed are {LARGEST_BYTES:,} bytes")
        return argument, content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidFileError(f"{argument}: not UTF-8 (byte {error.start})") from None
    except OSError as error:
        known = ", ".join(built_in)
        raise InvalidFileError(f"{argument}: {error.strerror}; a {kind} is a YAML file, or one of {known}") from None
