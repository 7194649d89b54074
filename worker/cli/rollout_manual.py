"""The commands that change the rollout by hand: `rollout set`, `off`, `exclude` and `include`."""

from functools import partial
from typing import Annotated, Literal

import typer

from schemas.errors import UsageError
from worker.cli.option_groups import grouped_options
from worker.cli.rollout_change import (
    ChangeOptions,
    UnconfirmedChangeOptions,
    change_rollout,
    rollout_settings,
    verbs,
)
from worker.config.parsing import hundredths
from worker.config.settings import Settings
from worker.rollout import changes
from worker.rollout.changes import ALL
from worker.rollout.controller.verbs import check_characters
from worker.speech.catalogue_file import load_catalogue

Character = Annotated[str, typer.Argument(metavar="CHARACTER")]


@grouped_options
def set_rollout(
    *,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Chirp on or off.")] = None,
    percentage: Annotated[str | None, typer.Option(help="Of users, 0 to 100, at most two decimals.")] = None,
    characters: Annotated[
        str | None,
        typer.Option(help="The characters, with commas; all for all. none or an empty list turns Chirp off."),
    ] = None,
    fallback: Annotated[
        bool | None, typer.Option("--fallback/--no-fallback", help="Whether WaveNet answers when Chirp fails.")
    ] = None,
    options: ChangeOptions,
) -> None:
    """Set one or more values at once; everything else stays as it is."""
    settings = rollout_settings()
    if enabled is None and percentage is None and characters is None and fallback is None:
        raise UsageError("nothing to set: give --enabled, --disabled, --percentage, --characters or --fallback")
    verb = partial(
        changes.set_to,
        enabled=enabled,
        percentage=None if percentage is None else _parse_percentage(percentage),
        characters=None if characters is None else _parse_characters(settings, characters),
        fallback=fallback,
    )
    change_rollout(settings, verbs(settings).by_hand(verb), options)


@grouped_options
def off(options: UnconfirmedChangeOptions) -> None:
    """Turn Chirp off for everybody, at once and without confirmation; all else is kept for `set --enabled`."""
    settings = rollout_settings()
    change_rollout(settings, verbs(settings).turn_off(), options)


@grouped_options
def exclude(character: Character, options: UnconfirmedChangeOptions) -> None:
    """Take one character out, at once and without confirmation; without the last listed one Chirp is off."""
    settings = rollout_settings()
    change_rollout(settings, verbs(settings).exclude(character), options)


@grouped_options
def include(character: Character, options: ChangeOptions) -> None:
    """Put one character in: on the list if there is one, neither excluded nor quarantined."""
    settings = rollout_settings()
    change_rollout(settings, verbs(settings).include(character), options)


def _parse_percentage(text: str) -> int:
    """In hundredths."""
    try:
        return hundredths(text)
    except ValueError:
        raise UsageError(
            f"--percentage {text!r}: allowed is a number from 0 to 100 with at most two decimals"
        ) from None


def _parse_characters(settings: Settings, text: str) -> frozenset[str] | Literal["all"]:
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    if names == {ALL}:
        return ALL
    if names <= {"none"}:
        return frozenset()
    check_characters(names, load_catalogue(settings.worker.characters_file).names)
    return names
