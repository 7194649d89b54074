"""Loads a script from a CSV or JSON Lines file, or from a folder of such files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from schemas.errors import UsageError
from worker.batch.scripts.csv import read_csv
from worker.batch.scripts.jsonl import read_jsonl
from worker.batch.scripts.model import JOURNAL_SUFFIX, MANIFEST_SUFFIX, Finding, Line, Place, Script, Severity
from worker.batch.scripts.text_encoding import UndecodableError, decode

_READERS: Final = {
    ".csv": read_csv,
    ".tsv": read_csv,
    # Spreadsheets save "Unicode text" with this suffix.
    ".txt": read_csv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
}
LARGEST_BYTES: Final = 200 * 2**20
"""The largest file that is read; a file is read into memory as a whole."""


def read_script(path: Path, max_text_bytes: int) -> Script:
    """Reads all lines, and finds the errors in rows that are no valid lines.

    Args:
        path: a file, or a folder: its files, also in subfolders, are read in the order of their names.
        max_text_bytes: the longest `text` of a line, in bytes of UTF-8.

    Raises:
        UsageError: the file doesn't exist, or the folder holds no script.
    """
    lines: list[Line] = []
    findings: list[Finding] = []
    for file, name in _files(path):
        for each in _read_file(file, name, max_text_bytes):
            (lines if isinstance(each, Line) else findings).append(each)  # type: ignore[arg-type]
    return Script(tuple(lines), tuple(findings))


def _files(path: Path) -> list[tuple[Path, str]]:
    try:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or folder")
        if path.is_dir():
            found = [
                (each, str(each.relative_to(path)))
                for each in sorted(path.rglob("*"))
                if each.is_file()
                and each.suffix.lower() in _READERS
                and not each.name.endswith((MANIFEST_SUFFIX, JOURNAL_SUFFIX))
            ]
            if not found:
                raise UsageError(f"{path}: no file in this folder ends in {', '.join(_READERS)}")
            return found
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if path.suffix.lower() not in _READERS:
        raise UsageError(f"{path}: a script ends in {', '.join(_READERS)}")
    return [(path, path.name)]


def _read_file(path: Path, name: str, max_text_bytes: int) -> Iterator[Line | Finding]:
    # A file's name is untrusted: a terminal would run an escape sequence in it.
    shown = "".join(character if character.isprintable() else "?" for character in name)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            yield _wrong(shown, f"is larger than {LARGEST_BYTES // 2**20} MiB; split it into several files of a folder")
            return
        text = decode(path.read_bytes())
    except OSError as error:
        yield _wrong(shown, f"can't be read: {error.strerror}")
    except UndecodableError as error:
        for line, column, message in error.problems:
            yield Finding(Severity.ERROR, Place(shown, line, str(column)), message)
    else:
        yield from _READERS[path.suffix.lower()](text, shown, max_text_bytes)


def _wrong(file: str, message: str) -> Finding:
    return Finding(Severity.ERROR, Place(file, 1, "1"), message)
