"""Writes the ZIP of a spreadsheet again with other content of some files; its times stay, so do its bytes. Pure."""

import io
import zipfile
from collections.abc import Mapping


def with_members(archive: zipfile.ZipFile, changed: Mapping[str, bytes]) -> bytes:
    """The archive's files, in its order.

    Args:
        changed: content by name.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for member in archive.infolist():
            info = zipfile.ZipInfo(member.filename, member.date_time)
            info.compress_type, info.external_attr = member.compress_type, member.external_attr
            written.writestr(info, changed.get(member.filename) or archive.read(member))
    return file.getvalue()
