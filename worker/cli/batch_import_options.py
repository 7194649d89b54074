"""The options of `batch import`: what the file doesn't say."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from schemas.errors import UsageError
from worker.batch.scripts.mapping.model import TableMapping


@dataclass(frozen=True)
class ImportOptions:
    """What the file doesn't say; each wins over what is recognized."""

    column: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=COLUMN", help="The column of a job's field, scene or labels.NAME."),
    ] = None
    text: Annotated[
        list[str] | None, typer.Option(metavar="LANGUAGE=COLUMN", help="The column of the text in a language.")
    ] = None
    language: Annotated[str | None, typer.Option(help="The language of rows that say none, such as zh-TW.")] = None
    character: Annotated[str | None, typer.Option(help="Who speaks the rows that say nobody.")] = None
    alias: Annotated[
        list[str] | None, typer.Option(metavar="NAME=KEY", help='A character by the script\'s name: "Pip Boy=pip_boy".')
    ] = None
    speaker_prefix: Annotated[bool | None, typer.Option(help="Whether a text begins with who speaks: Tom: Hello.")] = (
        None
    )
    carry_speaker: Annotated[
        bool | None, typer.Option(help="Whether who is named last speaks the rows that name nobody.")
    ] = None
    sheet: Annotated[str | None, typer.Option(help="The only sheet to read; default: all.")] = None
    encoding: Annotated[str | None, typer.Option(help="Of a text file, such as gb18030 or cp1252.")] = None
    keep: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Only rows with this value are lines.")
    ] = None
    skip: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=VALUE", help="Rows with this value are no lines.")
    ] = None

    def over(self, mapping: TableMapping) -> TableMapping:
        """A mapping with these options in it.

        Raises:
            UsageError: an option is no `NAME=VALUE`, or its value isn't allowed.
        """
        columns, texts = pairs("--column", self.column), pairs("--text", self.text)
        changes: dict[str, Any] = {
            "columns": {**mapping.columns, **columns},
            "texts": texts or ({} if "text" in columns else mapping.texts),
            "keep": {**mapping.keep, **_values("--keep", self.keep)},
            "skip": {**mapping.skip, **_values("--skip", self.skip)},
        }
        if texts:
            changes["columns"].pop("text", None)
        for name in ("language", "character", "speaker_prefix", "carry_speaker", "sheet", "encoding"):
            if (value := getattr(self, name)) is not None:
                changes[name] = value
        used = {column.casefold() for column in (*changes["columns"].values(), *changes["texts"].values())}
        if mapping.labels is not None:
            changes["labels"] = [each for each in mapping.labels if each.casefold() not in used]
        try:
            return TableMapping.model_validate({**mapping.model_dump(), **changes})
        except ValidationError as error:
            problem = error.errors(include_url=False, include_context=False)[0]
            message = problem["msg"].removeprefix("Value error, ")
            raise UsageError(f"{'.'.join(map(str, problem['loc']))}: {message}") from None


def pairs(option: str, given: list[str] | None) -> dict[str, str]:
    """The values of an option that is `NAME=VALUE`, by name.

    Raises:
        UsageError: one has no equals sign, or nothing on a side of it.
    """
    found = {}
    for each in given or []:
        name, _, value = each.partition("=")
        if not name.strip() or not value.strip():
            raise UsageError(f"{option}: {each[:60]!r} is no NAME=VALUE")
        found[name.strip()] = value.strip()
    return found


def _values(option: str, given: list[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in given or []:
        for name, value in pairs(option, [each]).items():
            found.setdefault(name, []).append(value)
    return found
