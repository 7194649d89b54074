"""Adds a translator's comment with the audio to the messages of gettext PO. Pure."""

from collections.abc import Mapping

from worker.batch.delivery.annotated.xliff import AUDIO
from worker.batch.scripts.extra import load_studio_library


def edit_po(text: str, values: Mapping[int, str]) -> str:
    """The catalogue as polib writes it, with the comments; those of an earlier delivery are replaced.

    A translator's comment is what msgmerge keeps. Of a plural's forms each has a comment.

    Args:
        values: by the number of the line of a message, or of that line and the form of the plural.

    Raises:
        UsageError: polib isn't installed.
    """
    polib = load_studio_library("polib", "PO")
    catalogue = polib.pofile(f"{text}\n")
    messages = (entry for entry in catalogue if not entry.obsolete)
    for number, entry in enumerate(messages, start=1):
        line = entry.linenum or number
        forms = range(len(entry.msgstr_plural)) if entry.msgid_plural else range(1)
        comments = [f"{AUDIO}{values[line + form]}" for form in forms if line + form in values]
        if comments:
            kept = [each for each in entry.tcomment.split("\n") if each and not each.startswith(AUDIO)]
            entry.tcomment = "\n".join([*kept, *comments])
    return f"{catalogue}\n".rstrip("\n") + "\n"
