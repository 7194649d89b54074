"""The mapping of a script's tables to lines: what the file itself doesn't say. Pure."""

import codecs
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from schemas.field_types import CharacterKey
from worker.batch.scripts.rows import is_column

MAPPING_NAME: Final = "chirp-batch.yaml"
"""A script's mapping lies beside it, or in the folder that is the script."""


def _text_encoding(name: str) -> str:
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, TypeError, ValueError):
        raise ValueError("is no encoding that Python knows, such as gb18030, big5, cp1252 or utf-16-le") from None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Column = Annotated[str, Field(min_length=1, max_length=256)]


class TableMapping(_Part):
    """How the rows of a table become lines. Columns are the file's own names, in any case.

    Attributes:
        file: a name or pattern of files, such as `act-*/*.csv`, relative to the mapping.
        sheet: of a spreadsheet; None for all.
        columns: by field of a job, `scene` or `labels.NAME`.
        texts: the column of the text by language, for files with several.
        language: of the lines whose row says none.
        character: of the lines whose row says none.
        speaker_prefix: whether the text begins with who speaks, as in `Tom: Hello.`
        carry_speaker: whether a row that names nobody is spoken by who was named last, as below a name of its own row.
        id_prefix: what is written before each id that the file says, where several tables have the same.
        id_suffix: the same behind each id.
        labels: columns that are kept as labels; None for all that have no other meaning, with a warning.
        keep: the only values by column of rows that are lines.
        skip: values by column of rows that are no lines.
    """

    file: Annotated[str, Field(min_length=1, max_length=512)]
    sheet: str | None = None
    encoding: Annotated[str, AfterValidator(_text_encoding)] | None = None
    columns: dict[str, Column] = Field(default_factory=dict)
    texts: dict[str, Column] = Field(default_factory=dict)
    language: str | None = None
    character: CharacterKey | None = None
    speaker_prefix: bool = False
    carry_speaker: bool = False
    id_prefix: str = ""
    id_suffix: str = ""
    labels: list[str] | None = None
    keep: dict[str, list[str]] = Field(default_factory=dict)
    skip: dict[str, list[str]] = Field(default_factory=dict)

    @field_validator("columns")
    @classmethod
    def _fields_exist(cls, columns: dict[str, str]) -> dict[str, str]:
        for name in columns:
            if not is_column(name):
                raise ValueError(f"{name[:60]!a} is no field of a job; allowed are {', '.join(FIELDS)} and labels.NAME")
        return columns


FIELDS: Final = ("job_id", "character", "text", "language", "scene", "ssml", "speaking_rate", "pitch", "voice", "take")
"""The fields that a column is usually there for; the others of a job are allowed too."""


class ScriptMapping(_Part):
    """The content of a mapping's file.

    Attributes:
        ignore: files, and sheets as `act.xlsx[Notes]`, that are no script; patterns with * and ?.
        characters: the character's key by the script's name of it; None where nobody has said it yet.
        lint: the level of each rule that isn't to have its own; the lint knows the rules and their levels.
        lexicon: the name of a CSV file that says how words are spoken, relative to the mapping.
    """

    scripts: list[TableMapping] = Field(default_factory=list)
    ignore: list[Annotated[str, Field(min_length=1, max_length=512)]] = Field(default_factory=list)
    characters: dict[str, CharacterKey | None] = Field(default_factory=dict)
    lint: dict[str, str] = Field(default_factory=dict)
    lexicon: Annotated[str, Field(min_length=1, max_length=512)] | None = None

    @field_validator("lint", mode="before")
    @classmethod
    def _off_is_a_level(cls, lint: object) -> object:
        # YAML 1.1 reads `off` as false.
        return (
            {name: "off" if each is False else each for name, each in lint.items()} if isinstance(lint, dict) else lint
        )


class Cast:
    """The characters by the script's names of them, whatever their case."""

    def __init__(self, characters: Mapping[str, str | None]) -> None:
        self._by_name = {_folded(name): key for name, key in characters.items()}

    def __contains__(self, name: str) -> bool:
        return _folded(name) in self._by_name

    def key(self, name: str) -> str | None:
        """The character's key; None where nobody has said it."""
        return self._by_name.get(_folded(name))


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
