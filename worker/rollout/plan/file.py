"""Reads a plan's file: a built-in plan by its name, any other by its path."""

from typing import Final

from worker.rollout.plan.checked_file import read_file

BUILT_IN: Final = ("staging", "production")


def read_plan_file(argument: str) -> tuple[str, str]:
    """Return a plan's name and text, by its path or by the name of a built-in one.

    Raises:
        InvalidFileError: there is no such file, or it can't be read.
    """
    return read_file("plan", argument, BUILT_IN, "plan/built_in")
