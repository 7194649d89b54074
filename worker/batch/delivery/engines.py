"""What each engine gets: the form and names of its files by default, and the table that it imports. Pure.

Sources: Wwise, "Importing Media Files from Tab Delimited Text Files"; FMOD Studio, "Audio Tables" (`keys.txt`); Unreal
Engine, "Data Driven Gameplay Elements" (a data table's first column is its row's name); Ren'Py, "Automatic Voice".
Unity and Godot import no table of sounds: theirs is read by the game's own code.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from worker.batch.delivery.model import DeliveredLine, Table
from worker.batch.delivery.options import Engine, Form


@dataclass(frozen=True)
class Target:
    """What an engine gets by default.

    Attributes:
        form: of its files.
        template: of their names.
        tables: makes its tables of all lines.
        reference: what it calls a file, by the file's path in the delivery.
    """

    form: Form
    template: str
    tables: Callable[[Sequence[DeliveredLine]], list[Table]]
    reference: Callable[[str], str] = str


def _rows(header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _lines_table(lines: Sequence[DeliveredLine]) -> list[Table]:
    header = ("id", "file", "character", "language", "text", "seconds")
    rows = ((each.id, each.file, each.character, each.language, each.text, f"{each.seconds:.3f}") for each in lines)
    return [Table("lines.csv", _rows(header, rows))]


def _unity(lines: Sequence[DeliveredLine]) -> list[Table]:
    header = ("Key", "Clip", "Character", "Locale", "Text", "Seconds")
    rows = (
        (each.id, _without_ending(each.file), each.character, each.language, each.text, f"{each.seconds:.3f}")
        for each in lines
    )
    # Resources.Load takes a path without its ending.
    return [Table("voice_lines.csv", _rows(header, rows))]


def _godot(lines: Sequence[DeliveredLine]) -> list[Table]:
    header = ("id", "stream", "character", "locale", "text", "seconds")
    rows = (
        (each.id, _stream(each.file), each.character, each.language.replace("-", "_"), each.text,
         f"{each.seconds:.3f}")
        for each in lines
    )  # fmt: skip
    return [Table("voice_lines.csv", _rows(header, rows))]


def _unreal(lines: Sequence[DeliveredLine]) -> list[Table]:
    header = ("Name", "Sound", "Speaker", "Language", "Text", "Duration")
    rows = (
        (each.id, _sound(each.file), each.character, each.language, each.text,
         f"{each.seconds:.3f}")
        for each in lines
    )  # fmt: skip
    return [Table("voice_lines.csv", _rows(header, rows))]


def _wwise(lines: Sequence[DeliveredLine]) -> list[Table]:
    """One table a language: the language is chosen where a table is imported."""
    header = ("Audio File", "Object Path", "Object Type", "Notes")
    tables = []
    for language in sorted({each.language for each in lines}):
        rows = (
            (each.file.replace("/", "\\"), rf"<Virtual Folder>{each.character}\{each.id}", "Sound Voice", each.text)
            for each in lines
            if each.language == language
        )
        tables.append(Table(f"wwise-{language}.txt", _rows(header, rows, "\t")))
    return tables


def _fmod(lines: Sequence[DeliveredLine]) -> list[Table]:
    """One audio table a language, each in that language's folder: a key is a line's id, whatever the language."""
    tables = []
    for folder in sorted({each.file.partition("/")[0] for each in lines}):
        keys = (
            f"{each.id}, {each.file.partition('/')[2]}\n" for each in lines if each.file.partition("/")[0] == folder
        )
        tables.append(Table(f"{folder}/keys.txt", "".join(keys).encode()))
    return tables


def _renpy(lines: Sequence[DeliveredLine]) -> list[Table]:
    ending = lines[0].file.rpartition(".")[2] if lines else Form.OGG.value
    script = (
        "# Each line of dialogue plays the file that is named by its id, if there is one.\n"
        f'define config.auto_voice = "{{id}}.{ending}"\n'
    )
    return [Table("voice.rpy", script.encode()), *_lines_table(lines)]


def _without_ending(file: str) -> str:
    return file.rpartition(".")[0]


def _stream(file: str) -> str:
    return f"res://voice/{file}"


def _sound(file: str) -> str:
    path = _without_ending(file)
    return f"/Script/Engine.SoundWave'/Game/Voice/{path}.{path.rpartition('/')[2]}'"


_BY_LANGUAGE: Final = "{language}/{character}/{id}.{ext}"
TARGETS: Final = {
    Engine.FOLDER: Target(Form.WAV, _BY_LANGUAGE, _lines_table),
    Engine.UNITY: Target(Form.WAV, _BY_LANGUAGE, _unity, _without_ending),
    Engine.UNREAL: Target(Form.WAV, _BY_LANGUAGE, _unreal, _sound),
    Engine.GODOT: Target(Form.OGG, _BY_LANGUAGE, _godot, _stream),
    Engine.WWISE: Target(Form.WAV, _BY_LANGUAGE, _wwise),
    Engine.FMOD: Target(Form.WAV, _BY_LANGUAGE, _fmod),
    Engine.RENPY: Target(Form.OGG, "{id}.{ext}", _renpy),
}
