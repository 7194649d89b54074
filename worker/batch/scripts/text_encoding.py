"""Decodes the bytes of a script: as its byte order mark (BOM) says, as UTF-8, or as detected. Pure."""

import codecs
import re
from dataclasses import dataclass
from typing import Final

from schemas.errors import ChirpWorkerError

# UTF-32's BOM begins with UTF-16's.
BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, and what they say."""
DETECTED: Final = ("gb18030", "big5", "cp1252")
"""The encodings that are detected beside UTF-16: those that spreadsheets write in English and Chinese."""
_ZIP: Final = b"PK\x03\x04"
_SAMPLE_BYTES: Final = 1000
# UTF-16 of a table has a zero byte in each delimiter, digit and Latin letter; a text may have a stray one.
_WIDE_NULS_SHARE: Final = 0.1
_FOREIGN_NULS_SHARE: Final = 0.2
_SAVE_AS: Final = "save it as UTF-8, or as UTF-16 with a BOM, or say its encoding: --encoding"
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\ufffe\uffff]")
_SHOWN_CHARACTERS: Final = 20


class UndecodableError(ChirpWorkerError):
    """The bytes are no text. `problems` holds (line, column, message); lines and columns count from 1."""

    def __init__(self, problems: list[tuple[int, int, str]]) -> None:
        super().__init__(problems[0][2])
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text.

    Attributes:
        encoding: by Python's name.
        doubt: line, column and message of the first place that is not UTF-8; None where the file or its reader says the
            encoding.
    """

    text: str
    encoding: str
    doubt: tuple[int, int, str] | None = None


def decode(content: bytes, encoding: str | None = None) -> Decoded:
    """Decodes a file.

    Args:
        encoding: Python's name of it; None for the one of the BOM, UTF-8, or the detected one.

    Raises:
        UndecodableError: the bytes are in no supported encoding; for UTF-8, with a problem for each invalid line.
    """
    for bom, of_bom in BOMS:
        if content.startswith(bom):
            return Decoded(_decode_as(of_bom, content[len(bom) :]), of_bom)
    if content.startswith(_ZIP):
        raise UndecodableError([(1, 1, "is no text at all, but a ZIP as XLSX and ODS are: name it so")])
    if encoding is not None:
        return Decoded(_decode_as(encoding, content), encoding)
    if (wide := _wide_encoding(content[:_SAMPLE_BYTES])) is not None:
        return _wide(content, wide)
    try:
        return Decoded(content.decode(), "utf-8")
    except UnicodeDecodeError as error:
        return _detected(content, error.start)


def _wide_encoding(beginning: bytes) -> str | None:
    """UTF-16 by its zero bytes, which are all on one side of the pairs; empty for bytes that are no text."""
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    share = (even + odd) / max(1, len(beginning))
    if share <= (_FOREIGN_NULS_SHARE if even and odd else _WIDE_NULS_SHARE):
        return None
    if even and odd:
        return ""
    return "utf-16-le" if odd else "utf-16-be"


def _wide(content: bytes, encoding: str) -> Decoded:
    try:
        text = content.decode(encoding) if encoding else ""
    except UnicodeDecodeError:
        text = ""
    if not text or _CONTROL.search(text[:_SAMPLE_BYTES]):
        raise UndecodableError([(1, 1, f"is no text at all; {_SAVE_AS}")])
    return Decoded(text, encoding, (1, 1, f"UTF-16 without a BOM: read as {encoding}, by detection"))


def _detected(content: bytes, at: int) -> Decoded:
    """The text in the likeliest of the encodings in which the bytes are valid."""
    from worker.batch.scripts.detection import likeliest_encoding  # noqa: PLC0415  # a second of loading, seldom needed

    encoding = likeliest_encoding(content, DETECTED)
    if encoding is None:
        raise UndecodableError(_bad_lines(content))
    text = content.decode(encoding)
    before = content[:at].decode(encoding, "ignore")
    line, start = before.count("\n") + 1, before.rfind("\n") + 1
    shown = text[start:].split("\n", 1)[0][max(0, len(before) - start - _SHOWN_CHARACTERS // 2) :][:_SHOWN_CHARACTERS]
    message = f"byte 0x{content[at]:02X} is not UTF-8: read as {encoding}, by detection: {shown.strip()!r}"
    return Decoded(text, encoding, (line, len(before) - start + 1, message))


def _decode_as(encoding: str, content: bytes) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            raise UndecodableError(_bad_lines(content)) from None
        before = content[: error.start].decode(encoding, "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        raise UndecodableError([(line, column, f"is not {encoding.upper()}: {error.reason}; {_SAVE_AS}")]) from None


def _bad_lines(content: bytes) -> list[tuple[int, int, str]]:
    found = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            column = len(line[: error.start].decode()) + 1
            found.append((number, column, f"byte 0x{line[error.start]:02X} is not UTF-8; {_SAVE_AS}"))
    return found
