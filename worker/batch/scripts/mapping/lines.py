"""Makes the lines of a table by its mapping. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from worker.batch.scripts.mapping.ids import line_id, placed_id
from worker.batch.scripts.mapping.model import MAPPING_NAME, Cast, TableMapping
from worker.batch.scripts.mapping.resolved_mapping import INPUTS, ResolvedMapping, label_warning, resolve_mapping
from worker.batch.scripts.mapping.speakers import split_speaker
from worker.batch.scripts.mapping.unreal import plain_text
from worker.batch.scripts.model import Finding, Line, Place, Severity
from worker.batch.scripts.rows import cell_value, is_label, nested, read_line
from worker.batch.scripts.tables.grid import line_list
from worker.batch.scripts.tables.model import Row, Table

SOURCE_ID: Final = "source_id"
"""The label with the script's own id of a line, where a job's id may not be the same."""
DIRECTION: Final = "direction"
"""The label with what stands in parentheses behind a speaker's name before the text."""
NOBODY: Final = "?"
"""Who speaks a row of which neither the script nor the mapping says it; the row is an error."""
_LABEL_CHARACTERS: Final = 1024


@dataclass(frozen=True)
class Reading:
    """How lines are made.

    Attributes:
        own_ids: ids and characters are taken as they stand: the script is written for chirp-worker.
    """

    cast: Cast
    max_text_bytes: int
    own_ids: bool = False


def read_lines(table: Table, mapping: TableMapping, reading: Reading) -> Iterator[Line | Finding]:
    """The lines of a table, and the errors in it.

    The table's own findings come first. Rows without a text are skipped, and counted in a warning.
    """
    yield from table.findings
    if not table.columns:
        return
    resolved, missing = resolve_mapping(table, mapping)
    if missing:
        yield from missing
        return
    rows = _Rows(table, resolved, reading)
    if mapping.labels is None and resolved.labels:
        yield label_warning(table, resolved.labels)
    yield from rows.read()
    at = Place(table.file, table.header.line, resolved.input_column)
    for language, lines in rows.without_text.items():
        message = _without_text(len(lines), language)
        yield Finding(Severity.WARNING, at, f"{message}: {line_list(sorted(lines))}")


def _without_text(count: int, language: str) -> str:
    rows = f"{count:,} rows have" if count > 1 else "1 row has"
    if language:
        return f"{rows} no text in {language}"
    return f"{rows} no text and {'are no lines' if count > 1 else 'is no line'}"


class _Rows:
    """Makes the lines of the rows, and counts what is left out."""

    def __init__(self, table: Table, resolved: ResolvedMapping, reading: Reading) -> None:
        self._table = table
        self._resolved = resolved
        self._reading = reading
        self._shown = {field: table.shown.get(column, column) for field, column in resolved.columns.items()}
        self.without_text: dict[str, list[int]] = {}
        """Lines of the file by language; without one, of rows that have none at all."""
        self._speaker: str | None = None

    def read(self) -> Iterator[Line | Finding]:
        for row in self._table.rows:
            if isinstance(row, Finding):
                yield row
            elif self._is_wanted(row):
                yield from self._lines(self._spoken_on(row))

    def _spoken_on(self, row: Row) -> Row:
        """The row with who was named last, if it names nobody and the mapping says that speakers go on."""
        column = self._resolved.columns.get("character")
        if not self._resolved.mapping.carry_speaker or column is None:
            return row
        self._speaker = row.fields.get(column, self._speaker)
        return row if self._speaker is None else replace(row, fields={**row.fields, column: self._speaker})

    def _is_wanted(self, row: Row) -> bool:
        def value(column: str) -> str:
            return row.fields.get(column, "").strip().casefold()

        kept = all(value(column) in values for column, values in self._resolved.keep.items())
        return kept and not any(value(column) in values for column, values in self._resolved.skip.items())

    def _lines(self, row: Row) -> Iterator[Line | Finding]:
        texts = self._resolved.texts
        if not texts:
            yield from self._line(row, self._resolved.columns, None, self._shown)
            return
        if not any(row.fields.get(column) or column in row.problems for column in texts.values()):
            self.without_text.setdefault("", []).append(row.place.line)
            return
        reported: set[tuple[Place, str]] = set()
        for language, column in texts.items():
            columns = {**self._resolved.columns, "text": column}
            shown = {**self._shown, "text": self._table.shown.get(column, column)}
            for each in self._line(row, columns, language, shown):
                # What is wrong with the row as a whole is reported once, not for each language.
                if isinstance(each, Line) or (each.place, each.message) not in reported:
                    yield each
                if isinstance(each, Finding):
                    reported.add((each.place, each.message))

    def _line(
        self, row: Row, columns: Mapping[str, str], language: str | None, shown: Mapping[str, str]
    ) -> Iterator[Line | Finding]:
        own = self._reading.own_ids
        if unit := row.place.column:
            shown = {field: f"{unit} ({name})" for field, name in shown.items()}
        inputs = [columns[field] for field in INPUTS if field in columns]
        if not own and not any(row.fields.get(column) or column in row.problems for column in inputs):
            self.without_text.setdefault(language or "", []).append(row.place.line)
            return
        fields, problems = self._fields(row, columns)
        if not own:
            problems += self._complete(row, fields, language)
        for column in self._resolved.labels:
            if (cell := row.fields.get(column)) is not None and not is_label(column):
                fields.setdefault(f"labels.{column}", _label(cell))
        found = list(read_line(nested(fields), row.place, shown, self._reading.max_text_bytes))
        line_of = fields.get("job_id")
        places = set()
        for field, message in problems:
            column = shown.get(field, f"{row.place.column} ({field})" if row.place.column else field)
            places.add(at := Place(row.place.file, row.place.line, column))
            yield Finding(Severity.ERROR, at, message, line_of)
        # What can't be read is missing, too: one finding for it is enough.
        yield from (each for each in found if (each.place not in places if isinstance(each, Finding) else not problems))

    def _fields(self, row: Row, columns: Mapping[str, str]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """The fields of a job in a row, and what is wrong with them: field and message."""
        problems: list[tuple[str, str]] = []
        fields: dict[str, Any] = {}
        for field, column in columns.items():
            if column in row.problems:
                problems.append((field, row.problems[column]))
            elif (cell := row.fields.get(column)) is not None:
                is_foreign_text = field == "text" and not self._reading.own_ids
                try:
                    fields[field] = plain_text(cell) if is_foreign_text else cell_value(field, cell)
                except ValueError as error:
                    problems.append((field, str(error)))
        return fields, problems

    def _complete(self, row: Row, fields: dict[str, Any], language: str | None) -> Iterator[tuple[str, str]]:
        """Adds what a foreign script doesn't say as a job does: id, character, language."""
        mapping = self._resolved.mapping
        said = language or fields.get("language") or mapping.language or self._table.language
        if said is not None:
            fields["language"] = said
        yield from self._character(fields)
        source = fields.get("job_id")
        if source:
            made = line_id(f"{mapping.id_prefix}{source.strip()}{mapping.id_suffix}")
        else:
            made = placed_id(row.place.file, row.place.line)
        if len(self._resolved.texts) > 1 and language is not None:
            made = line_id(f"{made}.{language}")
        if source is not None and made != source:
            fields[f"labels.{SOURCE_ID}"] = source[:_LABEL_CHARACTERS]
        fields["job_id"] = made

    def _character(self, fields: dict[str, Any]) -> Iterator[tuple[str, str]]:
        cast, mapping = self._reading.cast, self._resolved.mapping
        name = fields.get("character")
        if mapping.speaker_prefix and name is None and isinstance(fields.get("text"), str):
            spoken = split_speaker(fields["text"])
            if spoken is not None and (spoken.full_name in cast or spoken.name in cast or mapping.character is None):
                is_whole = spoken.full_name in cast
                name, fields["text"] = spoken.full_name if is_whole else spoken.name, spoken.text
                if spoken.manner and not is_whole:
                    fields.setdefault(f"labels.{DIRECTION}", _label(spoken.manner))
        if name is None:
            if mapping.character is None:
                yield "character", f"nobody is said to speak: set character in {MAPPING_NAME}, for rows without one"
                fields["character"] = NOBODY
            else:
                fields["character"] = mapping.character
        elif name in cast:
            key = cast.key(name)
            if key is None:
                yield "character", f"{name[:60]!r} has no character yet: write one behind it in {MAPPING_NAME}"
            fields["character"] = key or name[:64]
        else:
            fields["character"] = name


def _label(cell: str) -> str:
    """A cell as a label: without control characters, and no longer than a label may be."""
    return "".join(each if each.isprintable() or each in "\n\t" else " " for each in cell)[:_LABEL_CHARACTERS]
