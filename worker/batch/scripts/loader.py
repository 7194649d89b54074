"""Loads a script: a file of any format that can be read, or a folder of such files, with the mapping beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from schemas.errors import UsageError
from worker.batch.scripts.jsonl import read_jsonl
from worker.batch.scripts.mapping.file import is_for, read_mapping
from worker.batch.scripts.mapping.lines import Reading, read_lines
from worker.batch.scripts.mapping.model import Cast, ScriptMapping, TableMapping
from worker.batch.scripts.mapping.own_columns import is_own_column, read_own_table
from worker.batch.scripts.model import JOURNAL_SUFFIX, MANIFEST_SUFFIX, Finding, Line, Place, Script, Severity
from worker.batch.scripts.tables.model import IsKnown, Table
from worker.batch.scripts.tables.reader import ENDINGS, JSON_LINES, OWN_TABLES, doubts, read_tables
from worker.batch.scripts.text_encoding import UndecodableError, decode

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
            found = [
                (each, each.relative_to(path).as_posix())
                for each in sorted(path.rglob("*"))
                if each.is_file()
                and each.suffix.lower() in ENDINGS
                and not each.name.endswith((MANIFEST_SUFFIX, JOURNAL_SUFFIX))
            ]
            if not found:
                raise UsageError(f"{path}: no file in this folder ends in {', '.join(ENDINGS)}")
            return found
        if not path.is_file():
            raise UsageError(f"{path}: is neither a regular file nor a folder")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: a script ends in {', '.join(ENDINGS)}")
    return [(path, path.name)]


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
            yield from _read_mapped(path, name, [each for each in mapped if each.encoding == encoding], reading)
        return
    if ending in JSON_LINES:
        yield from _read_jsonl(path, name, max_text_bytes)
    elif ending in OWN_TABLES:
        for table in load_tables(path, name, None, is_own_column):
            yield from (table,) if isinstance(table, Finding) else read_own_table(table, max_text_bytes)
    else:
        severity = Severity.ERROR if alone else Severity.WARNING
        message = (
            "no mapping says which column is what: `chirp-worker batch import` writes one; the file is not read without"
        )
        yield Finding(severity, Place(printable(name), 1, "1"), message)


def _read_mapped(path: Path, name: str, mapped: Sequence[TableMapping], reading: Reading) -> Iterator[Line | Finding]:
    columns = {column for each in mapped for column in (*each.columns.values(), *each.texts.values())}
    known = {" ".join(column.split()).casefold() for column in columns}
    sheets = []
    for table in load_tables(path, name, mapped[0].encoding, lambda cell: cell.casefold() in known):
        if isinstance(table, Finding):
            yield table
            return
        sheets.append(table.sheet)
        wanted = [each for each in mapped if each.sheet in {None, table.sheet}]
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
        return path.read_bytes()
    except OSError as error:
        return _wrong(shown, f"can't be read: {error.strerror}")


def _wrong(file: str, message: str) -> Finding:
    return Finding(Severity.ERROR, Place(file, 1, "1"), message)
