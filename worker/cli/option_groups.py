"""Option groups: a command's parameter that is a dataclass of typer options becomes one option for each field.

typer reads options from a command's signature, one parameter an option. A group that several commands share is written
once, as a dataclass in which each field is `Annotated` with its option.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, get_args, get_origin, get_type_hints

Command = Callable[..., None]


@dataclass(frozen=True)
class Without:
    """Leaves fields of a group out of a command: `Annotated[Group, Without("yes")]`. They keep their defaults."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


def grouped_options(command: Command) -> Command:
    """A command for typer: its groups taken apart in its signature, and put together again when it is called."""
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[type, list[str]]] = {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group, left_out = _group(parameter.annotation)
        if group is None:
            # Keyword-only: an argument without a default may then follow an option with one.
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        options = [each for each in _options(group) if each.name not in left_out]
        groups[parameter.name] = group, [each.name for each in options]
        parameters += options

    @wraps(command)
    def flat(**values: Any) -> None:
        built = {name: group(**{each: values.pop(each) for each in names}) for name, (group, names) in groups.items()}
        command(**values, **built)

    flat.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    flat.__annotations__ = {each.name: each.annotation for each in parameters}
    return flat


def _group(annotation: Any) -> tuple[type | None, tuple[str, ...]]:
    """The group that a parameter takes, and the fields that the command leaves out of it."""
    left_out: tuple[str, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *more = get_args(annotation)
        left_out = tuple(name for each in more if isinstance(each, Without) for name in each.names)
    is_group = isinstance(annotation, type) and is_dataclass(annotation)
    return (annotation if is_group else None), left_out


def _options(group: Any) -> Iterator[inspect.Parameter]:
    annotations = get_type_hints(group, include_extras=True)
    for each in fields(group):
        yield inspect.Parameter(
            each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=annotations[each.name]
        )
