"""A studio's sheet of any length, as XLSX."""

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from worker.batch.scripts.extra import load_studio_library

_HEADER: Final = ("Line ID", "Speaker", "Dialogue", "Quest", "Direction")
_SPEAKERS: Final = ("Pip Boy", "Ghoul", "Super Mutant", "NCR Ranger", "Minuteman", "Codsworth")
_PLACES: Final = ("gate", "harbour", "market", "reactor", "school", "tower", "tunnel")
_THINGS: Final = ("water", "bread", "batteries", "letters", "tools", "boots", "maps", "lamps")
_OPENINGS: Final = ("Listen to me.", "Not so loud.", "Good morning!", "Who goes there?", "Wait here.")
_DIRECTIONS: Final = ("warm", "tired", "whispering", None)
_SCENE: Final = 40


def write_sheet(path: Path, lines: int, edited: int = 0) -> None:
    """Write a sheet with a title row; the texts of the first lines may be others than before.

    Its texts are shared strings, as in what Excel saves.
    """
    book = load_studio_library("openpyxl", "XLSX").Workbook()
    sheet = book.active
    sheet.title = "Act 1"
    sheet.append(("Act 1, locked for recording",))
    sheet.append(_HEADER)
    for row in islice(_rows(edited), lines):
        sheet.append(row)
    book.save(path)


def _rows(edited: int) -> Iterator[tuple[str | None, ...]]:
    for number, speaker in enumerate(cycle(_SPEAKERS)):
        place, thing = _PLACES[number % len(_PLACES)], _THINGS[number // 7 % len(_THINGS)]
        more = " Did nobody tell you that?" if number < edited else ""
        day = f"the {place} of house {number // 3}, door {number % 3}"
        text = f"{_OPENINGS[number % len(_OPENINGS)]} I hid the {thing} near {day}, and nobody saw me there.{more}"
        quest = f"quest-{number // _SCENE:04}"
        yield f"A1_{number:06}", speaker, text, quest, _DIRECTIONS[number % len(_DIRECTIONS)]
