"""Suggests the mapping of a table, by its tool and its columns' names, and names what it leaves open. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from worker.batch.scripts.mapping.dialects import LANGUAGE_NAMES, SYNONYMS, find_dialect, is_usual_name
from worker.batch.scripts.mapping.model import TableMapping
from worker.batch.scripts.mapping.own_columns import is_own_column, own_field
from worker.batch.scripts.mapping.speakers import split_speaker
from worker.batch.scripts.tables.model import Row, Table

Speaks = Callable[[str], bool]
"""Whether the catalogue has a voice for a language's tag."""

_IN_PARENTHESES: Final = re.compile(r".*\(([A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*)\)\s*")
_TAG: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_LEAST_PREFIXED_SHARE: Final = 0.3
_LETTERS: Final = 2
_WORDS: Final = frozenset({"id", "ID", "Id", "no", "No", "NO", "to", "by", "at", "file", "node"})
_MOST_NAMES: Final = 500
"""Characters that are listed in a mapping: more are no characters, but a wrong column."""


@dataclass(frozen=True)
class Suggestion:
    """A mapping as it would be written.

    Attributes:
        form: what the table was recognized as.
    """

    form: str
    mapping: TableMapping


def may_be_column(speaks: Speaks) -> Callable[[str], bool]:
    """Whether a cell may be the name of a column, for the look-out for the header."""
    return lambda name: is_own_column(name) or is_usual_name(name) or language_of(name, speaks) is not None


def language_of(column: str, speaks: Speaks) -> str | None:
    """The tag of a spoken language that a column's name says, such as `English(en)` or `zh_TW`."""
    tag = _tag(column)
    return tag if tag is not None and speaks(tag) else None


def suggest(table: Table, rows: Sequence[Row], file: str, speaks: Speaks) -> Suggestion:
    """The mapping that a table seems to need.

    Args:
        rows: all of them.
        file: the path that the mapping is for.
    """
    filled = {name for row in rows for name in row.fields}
    by_name = {name.casefold(): name for name in table.columns if name in filled or not rows}
    dialect = find_dialect(table.columns)
    columns = dict(table.roles)
    if dialect is not None:
        columns |= {field: by_name[name] for field, name in dialect.columns.items() if name in by_name}
    columns = {field: name for name in by_name.values() if (field := own_field(name)) is not None} | columns
    texts = {
        tag: name
        for name in by_name.values()
        if name not in columns.values() and (tag := language_of(name, speaks)) is not None
    }
    for field, synonyms in SYNONYMS.items():
        taken = {*columns.values(), *texts.values()}
        free = [by_name[name] for name in synonyms if name in by_name and by_name[name] not in taken]
        if field not in columns and free and not (field == "text" and (texts or "ssml" in columns)):
            columns[field] = free[0]
    language = table.language if table.language and speaks(table.language) else None
    if len(texts) == 1 and "text" not in columns:
        language, columns["text"] = texts.popitem()
    elif "text" in columns or "ssml" in columns:
        texts = {}
    said = [row.fields.get(columns.get("text", ""), "") for row in rows]
    prefixed = bool(dialect and dialect.speaker_prefix) or ("character" not in columns and _are_prefixed(said))
    skip = {
        by_name[name]: list(values) for name, values in (dialect.skip if dialect else {}).items() if name in by_name
    }
    skip |= {name: list(values) for name, values in table.skipped.items()}
    used = {*columns.values(), *texts.values()}
    mapping = TableMapping(
        file=file,
        sheet=table.sheet,
        columns=columns,
        texts=texts,
        language=language,
        speaker_prefix=prefixed,
        labels=[name for name in table.columns if name not in used and name in filled],
        skip=skip,
    )
    form = f"{dialect.name} ({table.form})" if dialect else table.form
    return Suggestion(form, mapping)


def match_characters(names: Iterable[str], known: Collection[str]) -> dict[str, str | None]:
    """The key of each name that is a character's but for its writing, such as `Pip Boy`; None for other names."""
    return {name: key if (key := _as_key(name)) in known else None for name in names}


def _as_key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _tag(column: str) -> str | None:
    named = LANGUAGE_NAMES.get(column.strip().casefold())
    inside = _IN_PARENTHESES.fullmatch(column)
    if named or inside:
        return named or (inside[1] if inside else None)
    return column.strip() if _TAG.fullmatch(column.strip()) else None


def _is_language(column: str) -> bool:
    tag = _tag(column)
    # A column's name of three letters is seldom a language's code: `key`, `tag`, `npc`.
    return tag is not None and (tag != column or len(tag.split("-")[0].split("_")[0]) == _LETTERS) and tag not in _WORDS


def _are_prefixed(texts: Sequence[str]) -> bool:
    spoken = [text for text in texts if text]
    return bool(spoken) and sum(split_speaker(text) is not None for text in spoken) >= _LEAST_PREFIXED_SHARE * len(
        spoken
    )


def speakers(mapping: TableMapping, rows: Sequence[Row]) -> dict[str, int]:
    """How many rows each name of a speaker has, the most frequent first."""
    names: Counter[str] = Counter()
    for row in rows:
        name = row.fields.get(mapping.columns.get("character", ""), "").strip()
        text = row.fields.get(mapping.columns.get("text", next(iter(mapping.texts.values()), "")), "")
        if not name and mapping.speaker_prefix and (spoken := split_speaker(text)) is not None:
            name = spoken[0].strip()
        if name:
            names[" ".join(name.split())] += 1
    return dict(names.most_common(_MOST_NAMES))


def open_questions(mapping: TableMapping, table: Table) -> Iterator[str]:
    """What a mapping leaves open, and the options of `batch import` that answer it."""
    names = ", ".join(table.columns[:20])
    if not mapping.texts and not mapping.columns.keys() & {"text", "ssml"}:
        yield f"which column is the text? --column text=COLUMN; there are {names}"
    if "character" not in mapping.columns and not mapping.speaker_prefix and mapping.character is None:
        yield "who speaks? --column character=COLUMN, --speaker-prefix, or --character KEY for all lines"
    if "job_id" not in mapping.columns:
        yield "no column is the id: ids are made from file and line, and change with the order; --column job_id=COLUMN"
    if not mapping.texts and "language" not in mapping.columns and mapping.language is None:
        which = f"the file says {table.language}, which no character speaks; " if table.language else ""
        yield f"which language? {which}--language TAG; without it each line is en-US"
    used = {*mapping.columns.values(), *mapping.texts.values()}
    if unspoken := [name for name in table.columns if name not in used and _is_language(name)]:
        yield f"no character speaks the language of {', '.join(unspoken[:20])}: kept as labels"
