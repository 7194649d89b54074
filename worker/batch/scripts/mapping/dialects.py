"""The tables of game engines and tools, by the columns that each of them writes. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from worker.batch.scripts.mapping.column_names import is_synonym


@dataclass(frozen=True)
class Dialect:
    """A tool's table.

    Attributes:
        name: of the table, for people.
        needs: the columns, in lower case, that tell it from others.
        columns: by field of a job, in lower case; only those that a table has.
        speaker_prefix: whether the tool writes who speaks before the text.
        skip: values by column that the tool marks as no line to be spoken.
        audio: the column that a line's audio file may stand in when the tool reads the table again.
    """

    name: str
    needs: frozenset[str]
    columns: Mapping[str, str]
    speaker_prefix: bool = False
    skip: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    audio: str = "Audio"


# Godot takes any other header for a language's tag.
_GODOT_AUDIO: Final = "_audio"
DIALECTS: Final = (
    Dialect(
        "Ren'Py dialogue export",
        frozenset({"identifier", "character", "dialogue"}),
        {"job_id": "identifier", "character": "character", "text": "dialogue", "scene": "filename"},
    ),
    Dialect(
        "Yarn Spinner string table",
        frozenset({"id", "text", "file", "node", "linenumber"}),
        {"job_id": "id", "text": "text", "language": "language", "scene": "node"},
        speaker_prefix=True,
    ),
    Dialect(
        "Godot Dialogue Manager translations",
        frozenset({"keys", "_character"}),
        {"job_id": "keys", "character": "_character"},
        audio=_GODOT_AUDIO,
    ),
    Dialect(
        "Godot Dialogue Manager translations", frozenset({"keys", "_notes"}), {"job_id": "keys"}, audio=_GODOT_AUDIO
    ),
    Dialect("Godot translations", frozenset({"keys"}), {"job_id": "keys"}, audio=_GODOT_AUDIO),
    Dialect("Unity Localization table", frozenset({"key", "id", "shared comments"}), {"job_id": "key"}),
    Dialect(
        "Unreal dialogue script",
        frozenset({"speakingvoice", "spokendialogue"}),
        {"job_id": "audiofilename", "character": "speakingvoice", "text": "spokendialogue"},
        skip={"isrecorded": ("true",)},
    ),
    Dialect("Unreal string table", frozenset({"key", "sourcestring"}), {"job_id": "key", "text": "sourcestring"}),
    Dialect("Unreal DataTable", frozenset({"---"}), {"job_id": "---"}, audio="Sound"),
)
"""In the order in which they are tried."""

_NAMES: Final = frozenset(name for dialect in DIALECTS for name in (*dialect.needs, *dialect.columns.values()))


def find_dialect(columns: Collection[str]) -> Dialect | None:
    """The tool that has written a table with these columns; None if it is none that is known."""
    names = {name.casefold() for name in columns}
    return next((dialect for dialect in DIALECTS if dialect.needs <= names), None)


def is_usual_name(name: str) -> bool:
    """Whether a cell is what a tool or people call a column."""
    return name.casefold() in _NAMES or is_synonym(name)
