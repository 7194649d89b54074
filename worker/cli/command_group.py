"""A group of commands that are imported when they are used: imports take most of the time of a short command."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup


def group_of(places: Mapping[str, str]) -> type[TyperGroup]:
    """A class of group for `typer.Typer(cls=…)`.

    Args:
        places: where each command is, `module:attribute`, by its name: a function, or a Typer app for a group. Help
            shows them in this order.
    """

    class CommandGroup(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # Click's signature
            return list(places)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # Click's signature
            # Of an unknown name all are loaded: Typer suggests those that it has.
            for name in [cmd_name] if cmd_name in places else places:
                if name not in self.commands:
                    self.commands[name] = _load(name, places[name])
            return self.commands.get(cmd_name)

    return CommandGroup


def _load(name: str, place: str) -> Any:
    module, attribute = place.split(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)
