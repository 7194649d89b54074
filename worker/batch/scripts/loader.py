"""Loads a script: a file of any format that can be read, or a folder of such files, with the mapping beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from schemas.errors import UsageError
from worker.batch.regular_file import read_regular
from worker.batch.scripts.jsonl import read_jsonl
from worker.batch.scripts.mapping.file import is_for, is_ignored, read_mapping
from worker.batch.scripts.mapping.lines import Reading, read_lines
from worker.batch.scripts.mapping.model import MAPPING_NAME, Cast, ScriptMapping, TableMapping
from worker.batch.scripts.mapping.own_columns import is_own_column, is_own_table, read_own_table
from worker.batch.scripts.model import JOURNAL_SUFFIX, MANIFEST_SUFFIX, Finding, Line, Place, Script, Severity
from worker.batch.scripts.tables.model import IsKnown, Table
from worker.batch.scripts.tables.reader import ENDINGS, JSON_LINES, OTHER_KINDS, OWN_TABLES, doubts, read_tables
from worker.batch.scripts.text_encoding import UndecodableError, decode

_KEPT_BESIDE: Final = (MANIFEST_SUFFIX, JOURNAL_SUFFIX, ".choices.yaml", ".verdicts.json")
"""Endings of what `batch` itself keeps beside a script."""
LARGEST_BYTES: Final = 200 * 2**20
"""The largest file that is read; a file is read into memory as a whole."""


def read_script(path: Path, max_text_bytes: int, mapping: ScriptMapping | None = None) -> Script:
    """Reads all lines, and finds the errors in rows that are no valid lines.

    Args:
        path: a file, or a folder: its files, also in subfolders, are read in the order of their names.
        max_text_bytes: the longest `text` of a line, in bytes of UTF-8.
        mapping: None for the one beside the script.

    Raises:
        UsageError: the file doesn't exist, the folder holds no script, or the mapping is broken.
    """
    lines: list[Line] = []
    findings: list[Finding] = []
    files = script_files(path)
    mapping = mapping or read_mapping(path)
    for file, name in files:
        if is_ignored(mapping, name):
            continue
        for each in _read_file(file, name, mapping, max_text_bytes, alone=path == file):
            (lines if isinstance(each, Line) else findings).append(each)  # type: ignore[arg-type]
    return Script(tuple(lines), tuple(findings))


def script_files(path: Path) -> list[tuple[Path, str]]:
    """The files of a script, each with its name below the script's folder, with forward slashes.

    Raises:
        UsageError: there is no such file, or none that can be read.
    """
    try:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder")
        if path.is_dir():
            found = [(each, name) for each, name in _visible(path) if each.suffix.lower() in ENDINGS]
            if not found:
                raise UsageError(f"{path}: no file in this folder ends in {', '.join(ENDINGS)}")
            return found
        if not path.is_file():
            raise UsageError(f"{path}: is neither a regular file nor a folder")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if path.suffix.lower() not in ENDINGS:
        hint = OTHER_KINDS.get(path.suffix.lower())
        raise UsageError(f"{path}: {hint or 'a script ends in ' + ', '.join(ENDINGS)}")
    return [(path, path.name)]


def unread_files(path: Path) -> list[str]:
    """The names of a folder's files that are read by no format, such as `notes.docx`."""
    if not path.is_dir():
        return []
    others = [name for each, name in _visible(path) if each.suffix.lower() not in ENDINGS]
    return [printable(name) for name in others if name != MAPPING_NAME]


def _visible(folder: Path) -> Iterator[tuple[Path, str]]:
    """The regular files of a folder with their names in it, but for hidden ones and what programs keep beside."""
    for each in sorted(folder.rglob("*")):
        parts = each.relative_to(folder).parts
        hidden = any(part.startswith((".", "~$", "__MACOSX")) for part in parts)
        if not hidden and each.is_file() and not each.name.endswith(_KEPT_BESIDE):
            yield each, "/".join(parts)


def load_tables(path: Path, name: str, encoding: str | None, is_known: IsKnown) -> Iterator[Table | Finding]:
    """The tables of a file; findings for what can't be read.

    Raises:
        UsageError: a library isn't installed.
    """
    content = _content(path, shown := printable(name))
    if isinstance(content, Finding):
        yield content
        return
    try:
        yield from read_tables(content, shown, path.suffix.lower(), is_known, encoding)
    except UndecodableError as error:
        for line, column, message in error.problems:
            yield Finding(Severity.ERROR, Place(shown, line, str(column)), message)


def known_columns(mapped: Sequence[TableMapping]) -> IsKnown:
    """Whether a cell is a column that a file's mappings name."""
    columns = {column for each in mapped for column in (*each.columns.values(), *each.texts.values())}
    known = {" ".join(column.split()).casefold() for column in columns}
    return lambda cell: cell.casefold() in known


def printable(name: str) -> str:
    """A file's name for findings: it is untrusted, and a terminal would run an escape sequence in it."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _read_file(
    path: Path, name: str, mapping: ScriptMapping, max_text_bytes: int, *, alone: bool
) -> Iterator[Line | Finding]:
    ending = path.suffix.lower()
    mapped = [each for each in mapping.scripts if is_for(each, name)]
    if mapped:
        reading = Reading(Cast(mapping.characters), max_text_bytes)
        # A file is opened once for all of its sheets; only another encoding reads it anew.
        for encoding in dict.fromkeys(each.encoding for each in mapped):
            of_encoding = [each for each in mapped if each.encoding == encoding]
            yield from _read_mapped(path, name, of_encoding, reading, mapping)
        return
    if ending in JSON_LINES:
        yield from _read_jsonl(path, name, max_text_bytes)
    elif ending in OWN_TABLES:
        for table in load_tables(path, name, None, is_own_column):
            if isinstance(table, Finding):
                yield table
            elif is_ignored(mapping, name, table.sheet):
                continue
            elif not alone and mapping.scripts and not is_own_table(table):
                yield _unmapped(table.file, "the file is")
            else:
                yield from read_own_table(table, max_text_bytes)
    else:
        yield replace(_unmapped(printable(name), "the file is"), severity=Severity.ERROR if alone else Severity.WARNING)


def _unmapped(table: str, what: str) -> Finding:
    message = f"no mapping says which column is what: `chirp-worker batch import` writes one; {what} not read without"
    return Finding(Severity.WARNING, Place(table, 1, "1"), message)


def _read_mapped(
    path: Path, name: str, mapped: Sequence[TableMapping], reading: Reading, mapping: ScriptMapping
) -> Iterator[Line | Finding]:
    sheets = []
    for table in load_tables(path, name, mapped[0].encoding, known_columns(mapped)):
        if isinstance(table, Finding):
            yield table
            return
        sheets.append(table.sheet)
        if is_ignored(mapping, name, table.sheet):
            continue
        wanted = [each for each in mapped if each.sheet in {None, table.sheet}]
        if not wanted and not any(each.sheet in {None, table.sheet} for each in mapping.scripts if is_for(each, name)):
            yield _unmapped(table.file, "the sheet is")
        # Rows are read once.
        held = replace(table, rows=list(table.rows)) if len(wanted) > 1 else table
        for each in wanted:
            yield from read_lines(held, each, reading)
    for each in mapped:
        if each.sheet is not None and each.sheet not in sheets and sheets != [None]:
            named = ", ".join(repr(sheet) for sheet in sheets if sheet) or "none"
            yield _wrong(printable(name), f"has no sheet {each.sheet[:60]!r}; its sheets are {named}")


def _read_jsonl(path: Path, name: str, max_text_bytes: int) -> Iterator[Line | Finding]:
    content = _content(path, shown := printable(name))
    if isinstance(content, Finding):
        yield content
        return
    try:
        decoded = decode(content)
    except UndecodableError as error:
        for line, column, message in error.problems:
            yield Finding(Severity.ERROR, Place(shown, line, str(column)), message)
    else:
        yield from doubts(decoded, shown)
        yield from read_jsonl(decoded.text, shown, max_text_bytes)


def _content(path: Path, shown: str) -> bytes | Finding:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return _wrong(shown, f"is larger than {LARGEST_BYTES // 2**20} MiB; split it into files of a folder")
        return read_regular(path, LARGEST_BYTES, follow=True)
    except OSError as error:
        return _wrong(shown, f"can't be read: {error.strerror}")


def _wrong(file: str, message: str) -> Finding:
    return Finding(Severity.ERROR, Place(file, 1, "1"), message)
