"""Opens the ZIP that an XLSX or ODS file is, unless it is a bomb. Pure."""

import io
import zipfile
from typing import Final

from schemas.errors import ChirpWorkerError

LARGEST_BYTES: Final = 192 * 2**20
"""Of all files inside, unpacked; a sheet of 20,000 lines has some 10 MB."""
# Excel's older files, and the encrypted ones of today.
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_FILES: Final = 5_000


class NotASpreadsheetError(ChirpWorkerError):
    """The content is no spreadsheet that may be read."""


def open_archive(content: bytes) -> zipfile.ZipFile:
    """The archive. What its directory says of sizes is kept: Python's zipfile reads no more than that of a file.

    Raises:
        NotASpreadsheetError: it is no ZIP, is encrypted, or unpacks to too much.
    """
    if content.startswith(_OLE):
        raise NotASpreadsheetError("is an old workbook (XLS) or has a password: save it as XLSX, without one")
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
        raise NotASpreadsheetError(f"is no spreadsheet: {error}") from None
    members = archive.infolist()
    size = sum(member.file_size for member in members)
    if size > LARGEST_BYTES:
        raise NotASpreadsheetError(f"unpacks to {size / 2**20:,.0f} MiB; at most {LARGEST_BYTES // 2**20} MiB are read")
    if len(members) > _MOST_FILES:
        raise NotASpreadsheetError(f"holds {len(members):,} files; a spreadsheet of at most {_MOST_FILES:,} is read")
    if any(member.flag_bits & 1 for member in members):
        raise NotASpreadsheetError("is encrypted: save it without a password")
    return archive
