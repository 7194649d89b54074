"""Loads the libraries of the extra `studio`, which workers don't have."""

from importlib import import_module
from typing import Any

from schemas.errors import UsageError


def load_studio_library(module: str, reads: str) -> Any:
    """A library's module.

    Args:
        reads: what it is needed for, for people.

    Raises:
        UsageError: it isn't installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{reads} needs {error.name}: install the extra `studio`, pip install 'chirp-worker[studio]'"
        ) from None
