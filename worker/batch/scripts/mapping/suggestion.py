"""Suggests the mapping of a table, by its tool and its columns' names, and names what it leaves open. Pure."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from schemas.languages import written_as_usual
from worker.batch.scripts.mapping.column_names import SYNONYMS, language_tag, plain_name
from worker.batch.scripts.mapping.dialects import find_dialect, is_usual_name
from worker.batch.scripts.mapping.likely_language import likely_language
from worker.batch.scripts.mapping.model import TableMapping
from worker.batch.scripts.mapping.own_columns import is_own_column, own_field
from worker.batch.scripts.mapping.speakers import split_speaker
from worker.batch.scripts.tables.model import Row, Table

Speaks = Callable[[str], bool]
"""Whether the catalogue has a voice for a language's tag."""

_LEAST_PREFIXED_SHARE: Final = 0.3
_LETTERS: Final = 2
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
    tag = language_tag(column)
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
    texts = _texts_by_language([name for name in by_name.values() if name not in columns.values()], speaks)
    called = _by_plain_name(by_name.values())
    for field, synonyms in SYNONYMS.items():
        taken = {*columns.values(), *texts.values()}
        free = [called[name] for name in (field, *synonyms) if name in called and called[name] not in taken]
        if table.roles and free and plain_name(free[0]) == "name":
            # A format's own name of a unit is nobody's.
            continue
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


def _by_plain_name(columns: Iterable[str]) -> dict[str, str]:
    """The columns by what people call them; one of an inner object also by its first and its last name."""
    called: dict[str, str] = {}
    names = list(columns)
    for name in names:
        called.setdefault(plain_name(name), name)
    for name in names:
        first, dot, last = name.partition(".")[0], *name.rpartition(".")[1:]
        for part in (first, last) if dot else ():
            called.setdefault(plain_name(part), name)
    return called


def _texts_by_language(columns: Sequence[str], speaks: Speaks) -> dict[str, str]:
    """The columns of texts by their language's tag; of two in one language the first."""
    texts: dict[str, str] = {}
    seen: set[str] = set()
    for name in columns:
        tag = language_of(name, speaks)
        if tag is not None and written_as_usual(tag) not in seen:
            seen.add(written_as_usual(tag))
            texts[tag] = name
    return texts


def match_characters(names: Iterable[str], known: Collection[str]) -> dict[str, str | None]:
    """The key of each name that is a character's but for its writing, such as `Pip Boy`; None for other names."""
    return {name: key if (key := _as_key(name)) in known else None for name in names}


def _as_key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _is_language(column: str) -> bool:
    tag = language_tag(column)
    # A column's name of three letters is seldom a language's code: `vox`, `cut`.
    return tag is not None and (tag != column or len(re.split("[-_]", tag)[0]) == _LETTERS)


def _are_prefixed(texts: Sequence[str]) -> bool:
    spoken = [text for text in texts if text]
    return bool(spoken) and sum(split_speaker(text) is not None for text in spoken) >= _LEAST_PREFIXED_SHARE * len(
        spoken
    )


def speakers(mapping: TableMapping, rows: Sequence[Row]) -> dict[str, int]:
    """How many rows with a text each name of a speaker has, the most frequent first."""
    names: Counter[str] = Counter()
    for row in rows:
        spoken = texts_of(mapping, row)
        if not spoken or not is_wanted(mapping, row):
            continue
        name = row.fields.get(mapping.columns.get("character", ""), "").strip()
        if not name and mapping.speaker_prefix and (split := split_speaker(spoken[0])) is not None:
            name = split.name
        if name:
            names[" ".join(name.split())] += 1
    return dict(names.most_common(_MOST_NAMES))


def texts_of(mapping: TableMapping, row: Row) -> list[str]:
    """What is spoken in a row, in each language."""
    columns = [*mapping.texts.values()] or [mapping.columns.get(field, "") for field in ("text", "ssml")]
    return [text for column in columns if (text := row.fields.get(column, "").strip())]


def is_wanted(mapping: TableMapping, row: Row) -> bool:
    """Whether the filters of a mapping let a row through."""

    def has(column: str, values: Collection[str]) -> bool:
        cell = next((text for name, text in row.fields.items() if name.casefold() == column.casefold()), "")
        return cell.strip().casefold() in {value.casefold() for value in values}

    kept = all(has(column, values) for column, values in mapping.keep.items())
    return kept and not any(has(column, values) for column, values in mapping.skip.items())


def open_questions(mapping: TableMapping, table: Table, rows: Sequence[Row]) -> Iterator[str]:
    """What a mapping leaves open, and the options of `batch import` that answer it."""
    names = ", ".join(table.columns[:20])
    if not mapping.texts and not mapping.columns.keys() & {"text", "ssml"}:
        yield (
            f"which column is the text? --column text=COLUMN; there are {names}. If these are no names but a line, add "
            "a row with names above it"
        )
    if "character" not in mapping.columns and not mapping.speaker_prefix and mapping.character is None:
        yield "who speaks? --column character=COLUMN, --speaker-prefix, or --character KEY for all lines"
    if (column := mapping.columns.get("character")) is not None and not mapping.carry_speaker:
        spoken = [row for row in rows if texts_of(mapping, row) and is_wanted(mapping, row)]
        nameless = sum(column not in row.fields for row in spoken)
        if nameless and mapping.character is None:
            count = f"{nameless:,} rows that name" if nameless > 1 else "the row that names"
            yield f"who speaks {count} nobody? --character KEY, or --carry-speaker for who is above"
    if "job_id" not in mapping.columns:
        yield "no column is the id: ids are made from file and line, and change with the order; --column job_id=COLUMN"
    if not mapping.texts and "language" not in mapping.columns and mapping.language is None:
        which = f"the file says {table.language}, which no character speaks; " if table.language else ""
        looks = likely_language([text for row in rows for text in texts_of(mapping, row)])
        like = f"the texts look like {looks}; " if looks else ""
        yield f"which language? {which}{like}--language TAG; without it each line is en-US"
    used = {*mapping.columns.values(), *mapping.texts.values()}
    if unspoken := [name for name in table.columns if name not in used and _is_language(name)]:
        yield f"no line is made of {', '.join(unspoken[:20])}, kept as labels; --text TAG=COLUMN"
