"""Copies a script's own files with the audio of each line in them, in the formats that have a place for it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.errors import UsageError
from worker.batch.delivery.annotated.delimited import edit_delimited
from worker.batch.delivery.annotated.model import GridEdit, NoPlaceError
from worker.batch.delivery.annotated.ods import edit_ods
from worker.batch.delivery.annotated.po import edit_po
from worker.batch.delivery.annotated.records import edit_json, edit_json_lines, record_names
from worker.batch.delivery.annotated.xliff import edit_xliff
from worker.batch.delivery.annotated.xlsx import edit_xlsx
from worker.batch.delivery.model import DeliveredLine
from worker.batch.delivery.model import Table as DeliveredTable
from worker.batch.scripts.loader import known_columns, printable, script_files
from worker.batch.scripts.mapping.dialects import find_dialect
from worker.batch.scripts.mapping.file import is_for
from worker.batch.scripts.mapping.model import ScriptMapping, TableMapping
from worker.batch.scripts.mapping.own_columns import is_own_column
from worker.batch.scripts.tables.archive import NotASpreadsheetError
from worker.batch.scripts.tables.grid import column_index
from worker.batch.scripts.tables.model import IsKnown, Table
from worker.batch.scripts.tables.po import po_charset
from worker.batch.scripts.tables.reader import JSON_LINES, read_tables
from worker.batch.scripts.text_encoding import BOMS, UndecodableError, decode

FOLDER: Final = "script"
_AUDIO: Final = "Audio"
_OWN_AUDIO: Final = "labels.audio"
_USUAL: Final = frozenset({"audio", "_audio", "sound", "clip", _OWN_AUDIO})
"""Columns that are filled where a table has one, in lower case."""
_WITHOUT: Final = {
    ".srt": "subtitles have no place for audio: --subtitles writes new ones",
    ".vtt": "subtitles have no place for audio: --subtitles writes new ones",
    ".yarn": "a Yarn script has no place for audio: Yarn Spinner finds it by the line's id",
}
_Values = Mapping[int, Mapping[str, str]]


@dataclass
class ScriptCopies:
    """Makes the copies, as tables of a delivery.

    Attributes:
        reference: how the engine calls a line's audio, from its path in the delivery.
        notes: why files have no copy.
    """

    script: Path
    mapping: ScriptMapping
    reference: Callable[[str], str]
    notes: list[str] = field(default_factory=list)

    def tables(self, lines: Sequence[DeliveredLine]) -> Iterator[DeliveredTable]:
        """The copies of the files that have delivered lines.

        Raises:
            UsageError: the script can't be read, or a library isn't installed.
        """
        by_file: defaultdict[str, list[DeliveredLine]] = defaultdict(list)
        for line in lines:
            by_file[line.line.place.file.partition("[")[0] if _has_sheet(line) else line.line.place.file].append(line)
        for path, name in script_files(self.script):
            if spoken := by_file.get(printable(name)):
                try:
                    content = self._copy(path, name, spoken)
                except (NoPlaceError, NotASpreadsheetError, UndecodableError, UnicodeEncodeError) as error:
                    self.notes.append(f"{name}: no copy with the audio: {error}")
                else:
                    yield DeliveredTable(f"{FOLDER}/{name}", content)

    def _copy(self, path: Path, name: str, lines: Sequence[DeliveredLine]) -> bytes:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from None
        mapped = [each for each in self.mapping.scripts if is_for(each, name)]
        return _Copy(printable(name), path.suffix.lower(), content, mapped, lines, self.reference).made()


def _has_sheet(line: DeliveredLine) -> bool:
    return line.line.place.file.endswith("]")


@dataclass(frozen=True)
class _Copy:
    name: str
    ending: str
    content: bytes
    mapped: Sequence[TableMapping]
    lines: Sequence[DeliveredLine]
    reference: Callable[[str], str]

    def made(self) -> bytes:
        if self.ending in _WITHOUT:
            raise NoPlaceError(_WITHOUT[self.ending])
        if self.ending in {".xlf", ".xliff"}:
            return edit_xliff(self.content, self._by_line())
        if self.ending == ".ods":
            return edit_ods(self.content, self._grid_edits())
        if self.ending in {".xlsx", ".xlsm"}:
            return edit_xlsx(self.content, self._grid_edits())
        return self._text_copy()

    def _text_copy(self) -> bytes:
        is_po = self.ending in {".po", ".pot"}
        said = self._encoding or (po_charset(self.content) if is_po else None)
        decoded = decode(self.content, said)
        text = decoded.text
        if is_po:
            edited = edit_po(text, self._by_line())
        elif self.ending in JSON_LINES:
            edited = edit_json_lines(text, self._by_column(_AUDIO if self.mapped else _OWN_AUDIO))
        elif self.ending == ".json":
            there = sorted(name for name in record_names(text) if name.casefold() in _USUAL)
            edited = edit_json(text, self._by_column(there[0] if there else _AUDIO))
        else:
            (edit,) = self._grid_edits().values()
            edited = edit_delimited(text, self._is_known, edit)
        bom = next(
            (bom for bom, encoding in BOMS if encoding == decoded.encoding and self.content.startswith(bom)), b""
        )
        return bom + edited.encode(decoded.encoding)

    @property
    def _encoding(self) -> str | None:
        return self.mapped[0].encoding if self.mapped else None

    @property
    def _is_known(self) -> IsKnown:
        return known_columns(self.mapped) if self.mapped else is_own_column

    def _by_line(self) -> dict[int, str]:
        return {each.line.place.line: self.reference(each.file) for each in self.lines}

    def _by_column(self, name: str, sheet: str | None = None) -> _Values:
        """The audio by the row's line and the column; of a table with texts in several languages a column each."""
        several = any(len(each.texts) > 1 for each in self.mapped)
        values: defaultdict[int, dict[str, str]] = defaultdict(dict)
        for each in self.lines:
            place = each.line.place
            if sheet is None or place.file == f"{self.name}[{sheet}]":
                column = f"{name} {each.language}" if several else name
                values[place.line][column] = self.reference(each.file)
        return values

    def _grid_edits(self) -> dict[str, GridEdit]:
        """What each sheet gets; a text's one table has no title."""
        edits = {}
        for table in read_tables(self.content, self.name, self.ending, self._is_known, self._encoding):
            values = self._by_column(self._audio_column(table), table.sheet)
            if values:
                there = {name.casefold(): name for name in table.columns}
                names = dict.fromkeys(name for row in values.values() for name in row)
                columns = {name: _index(table, there.get(name.casefold())) for name in names}
                edits[table.sheet or ""] = GridEdit(table.header.line, columns, values)
        return edits

    def _audio_column(self, table: Table) -> str:
        if not self.mapped:
            return _OWN_AUDIO
        used = {column.casefold() for each in self.mapped for column in (*each.columns.values(), *each.texts.values())}
        there = [name for name in table.columns if name.casefold() in _USUAL - used]
        dialect = find_dialect(table.columns)
        return there[0] if there else dialect.audio if dialect else _AUDIO


def _index(table: Table, column: str | None) -> int | None:
    return None if column is None else column_index(table.shown[column].partition(" ")[0])
