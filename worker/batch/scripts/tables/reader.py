"""Reads the tables of a file, by its ending and content. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.archive import NotASpreadsheetError
from worker.batch.scripts.tables.csv import read_csv
from worker.batch.scripts.tables.json_document import read_json, read_json_lines
from worker.batch.scripts.tables.model import IsKnown, Table
from worker.batch.scripts.tables.ods import read_ods
from worker.batch.scripts.tables.po import po_charset, read_po
from worker.batch.scripts.tables.subtitles import read_srt, read_vtt
from worker.batch.scripts.tables.units import broken_file
from worker.batch.scripts.tables.xliff import read_xliff
from worker.batch.scripts.tables.xlsx import read_xlsx
from worker.batch.scripts.tables.yarn import read_yarn
from worker.batch.scripts.text_encoding import Decoded, decode

_TextReader = Callable[[str, str, IsKnown], Table]
_OF_TEXT: Final[dict[str, _TextReader]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".tab": read_csv,
    # Spreadsheets save "Unicode text" with this suffix.
    ".txt": read_csv,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".yarn": read_yarn,
    ".srt": read_srt,
    ".vtt": read_vtt,
    ".po": read_po,
    ".pot": read_po,
}
_SPREADSHEETS: Final = {".xlsx": read_xlsx, ".xlsm": read_xlsx, ".ods": read_ods}
# XML says its encoding itself.
_OF_XML: Final = {".xlf": read_xliff, ".xliff": read_xliff}
OWN_TABLES: Final = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".ods")
"""Endings of tables that may be written for chirp-worker, so that they need no mapping."""
JSON_LINES: Final = (".jsonl", ".ndjson")
ENDINGS: Final = (*OWN_TABLES, *JSON_LINES, ".json", ".xlsm", ".po", ".pot", ".xlf", ".xliff", ".yarn", ".srt", ".vtt")
"""Endings of files that can be read."""

_AS_TABLE: Final = "put each line into a row of a table, with who speaks and an id, and save it as XLSX or CSV"
OTHER_KINDS: Final = {
    ".xls": "is an old workbook: save it as XLSX",
    ".xlsb": "is a binary workbook: save it as XLSX",
    ".numbers": "is a sheet of Numbers: export it as CSV or XLSX",
    ".gsheet": "is a link to a Google sheet: download that as XLSX",
    ".ink": "is ink's source: compile it to JSON, inklecate -o story.json story.ink, and import that",
    ".dialogue": "is Dialogue Manager's source: save its translations as CSV, with _character, and import that",
    ".rpy": "is Ren'Py's source: extract its dialogue in the launcher, and import dialogue.tab",
    ".rpym": "is Ren'Py's source: extract its dialogue in the launcher, and import dialogue.tab",
    **dict.fromkeys(
        (".twee", ".tw", ".twine", ".html", ".htm"),
        "is no JSON: publish the Twine story as JSON by the story format Twison, or convert it by Extwee",
    ),
    ".uasset": "is Unreal's own file: export the table as CSV, or the dialogue script from the localization dashboard",
    ".locres": "is Unreal's compiled text: export it as PO from the localization dashboard",
    ".mo": "is compiled: give the PO file that it was made of",
    **dict.fromkeys(
        (".docx", ".doc", ".odt", ".pdf", ".rtf", ".fdx", ".fountain", ".md"), f"is a document: {_AS_TABLE}"
    ),
}
"""What to do with files of other kinds, by ending."""


def read_tables(content: bytes, file: str, ending: str, is_known: IsKnown, encoding: str | None) -> Iterator[Table]:
    """The tables of a file; of a spreadsheet one for each sheet that has content.

    Args:
        file: its name in findings.
        ending: of its name, in lower case, with the dot.
        is_known: whether a cell names a column, as in a header and not in a title.
        encoding: of a text; None for the file's own, UTF-8 or the detected one.

    Raises:
        UndecodableError: the content is no text.
        UsageError: a library isn't installed.
    """
    if ending in _SPREADSHEETS:
        yield from _sheets(content, file, ending, is_known)
    elif ending in _OF_XML:
        yield _OF_XML[ending](content, file, is_known)
    else:
        said = encoding or (po_charset(content) if _OF_TEXT[ending] is read_po else None)
        decoded = decode(content, said)
        table = _OF_TEXT[ending](decoded.text, file, is_known)
        yield replace(table, findings=(*doubts(decoded, file), *table.findings))


def doubts(decoded: Decoded, file: str) -> Iterator[Finding]:
    """A warning about an encoding that was detected."""
    if decoded.doubt is not None:
        line, column, message = decoded.doubt
        hint = "; if that is wrong, or to confirm it, set encoding in chirp-batch.yaml"
        yield Finding(Severity.WARNING, Place(file, line, str(column)), f"{message}{hint}")


def _sheets(content: bytes, file: str, ending: str, is_known: IsKnown) -> Iterator[Table]:
    form = ending[1:].upper()
    found = False
    try:
        for table in _SPREADSHEETS[ending](content, file, is_known):
            found = True
            yield table
    except NotASpreadsheetError as error:
        yield broken_file(file, form, str(error))
        return
    if not found:
        yield broken_file(file, form, "is empty; the first row of a sheet names the columns")
