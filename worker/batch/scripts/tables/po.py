"""Reads gettext's PO and POT files. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from worker.batch.scripts.extra import load_studio_library
from worker.batch.scripts.tables.model import IsKnown, Row, Table
from worker.batch.scripts.tables.units import broken_file, unit_row, unit_table

_FORM: Final = "gettext PO"
_CHARSET: Final = re.compile(rb"charset=([A-Za-z0-9._-]{1,40})")
# Unreal's comments: `InfoMetaData: "Voice Actor Direction" : "tired"`.
_METADATA: Final = re.compile(r'InfoMetaData:\s*"([^"]{1,60})"\s*:\s*"([^"]*)"')
_SPEAKERS: Final = frozenset({"speaker", "speaking voice", "character", "actor"})
_MOST_SHARED: Final = 0.8
"""Share of contexts that are different from which they are ids: a message's own, and not who speaks."""
_KEY: Final = re.compile(r"[A-Za-z][\w.:/-]*[_.:/\d][\w.:/-]*")
_LOOKED_AT: Final = 10_000
_LINE: Final = re.compile(r"\(line (\d+)\)")


def po_charset(content: bytes) -> str | None:
    """The encoding that a PO file's header says; None where it says none that is known."""
    found = _CHARSET.search(content[:_LOOKED_AT])
    if found is None:
        return None
    name = found[1].decode("ascii")
    try:
        "".encode(name)
    except LookupError:
        # A template has `charset=CHARSET`.
        return None
    return name


def read_po(text: str, file: str, _is_known: IsKnown) -> Table:
    """The messages, each of a plural's forms as a row; obsolete ones are left out.

    The id is the context (msgctxt). The text is the translation, or the source's text where no message is translated.

    Raises:
        UsageError: polib isn't installed.
    """
    polib = load_studio_library("polib", "PO")
    try:
        # polib takes a text without a newline for the name of a file.
        catalogue = polib.pofile(f"{text}\n")
    except (OSError, ValueError, IndexError, AssertionError) as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else 1
        return broken_file(
            file, _FORM, "is no PO file from here on: a line is a comment, a keyword or a quoted text", line
        )
    messages = [entry for entry in catalogue if not entry.obsolete]
    translated = any(entry.msgstr or any(entry.msgstr_plural.values()) for entry in messages)
    roles = {"text": "msgstr" if translated else "msgid"}
    roles |= _roles_of_contexts(messages)
    language = (catalogue.metadata.get("Language") or "").strip() or None
    shared = ("comment", "reference", "fuzzy")
    metadata = {name: None for entry in messages for name, _ in _METADATA.findall(entry.comment or "")}
    speaker = next((name for name in metadata if name.casefold() in _SPEAKERS), None)
    if speaker is not None and "character" not in roles:
        roles["character"] = speaker
    columns = ("msgctxt", "msgid", "msgstr", *shared, *(name for name in metadata if name not in shared))
    rows = (row for number, entry in enumerate(messages, start=1) for row in _rows(entry, file, number))
    return unit_table(
        file, _FORM, columns, rows, roles=roles, language=language if translated else None, skipped={"fuzzy": ("yes",)}
    )


def _roles_of_contexts(messages: Sequence[Any]) -> dict[str, str]:
    """What contexts (msgctxt) are: ids if each has its own, speakers if few have many; without, keys may be msgids."""
    contexts = [entry.msgctxt for entry in messages if entry.msgctxt]
    if contexts:
        different = len(set(contexts))
        is_id = different > _MOST_SHARED * len(contexts) or len(contexts) == 1
        return {"job_id" if is_id else "character": "msgctxt"}
    keys = [entry.msgid for entry in messages]
    is_key = keys and all(_KEY.fullmatch(key) for key in keys) and any(entry.msgstr for entry in messages)
    return {"job_id": "msgid"} if is_key else {}


def _rows(entry: Any, file: str, number: int) -> Iterator[Row]:
    line = entry.linenum or number
    shared = {
        **dict(_METADATA.findall(entry.comment or "")),
        "comment": "\n".join(filter(None, (entry.comment, entry.tcomment))),
        "reference": ", ".join(":".join(filter(None, map(str, each))) for each in entry.occurrences),
        "fuzzy": "yes" if "fuzzy" in entry.flags else None,
    }
    unit = entry.msgctxt or entry.msgid[:40]
    if not entry.msgid_plural:
        yield unit_row(
            file, line, unit, {"msgctxt": entry.msgctxt, "msgid": entry.msgid, "msgstr": entry.msgstr, **shared}
        )
        return
    for form, translation in entry.msgstr_plural.items():
        source = entry.msgid if form == 0 else entry.msgid_plural
        context = f"{entry.msgctxt}[{form}]" if entry.msgctxt else None
        # Each form has a place of its own: a finding leaves out one of them.
        fields = {"msgctxt": context, "msgid": source, "msgstr": translation, **shared}
        yield unit_row(file, line + int(form), f"{unit}[{form}]", fields)
