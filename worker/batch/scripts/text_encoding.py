"""Decodes the bytes of a script: as UTF-8, or as its byte order mark (BOM) says. Pure."""

import codecs
from typing import Final

from schemas.errors import ChirpWorkerError

# UTF-32's BOM begins with UTF-16's.
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE_BYTES: Final = 1000
_MOST_NULS_SHARE: Final = 0.2
_SAVE_AS: Final = "save it as UTF-8, or as UTF-16 with a BOM"


class UndecodableError(ChirpWorkerError):
    """The bytes are no text. `problems` holds (line, column, message); lines and columns count from 1."""

    def __init__(self, problems: list[tuple[int, int, str]]) -> None:
        super().__init__(problems[0][2])
        self.problems = problems


def decode(content: bytes) -> str:
    """Decodes a file.

    Raises:
        UndecodableError: the bytes are in no supported encoding; for UTF-8, with a problem for each invalid line.
    """
    for bom, encoding in _BOMS:
        if content.startswith(bom):
            return _decode_as(encoding, content[len(bom) :])
    beginning = content[:_SAMPLE_BYTES]
    if beginning.count(0) > _MOST_NULS_SHARE * len(beginning):
        raise UndecodableError([(1, 1, f"is UTF-16 without a BOM, or no text at all; {_SAVE_AS}")])
    return _decode_as("utf-8", content)


def _decode_as(encoding: str, content: bytes) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            raise UndecodableError(list(_bad_lines(content))) from None
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
