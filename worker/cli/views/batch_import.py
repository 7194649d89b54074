"""Shows what was understood of a script as rows and sentences. Pure."""

from collections.abc import Mapping, Sequence

from worker.batch.scripts.mapping.model import TableMapping
from worker.batch.scripts.model import Line

Row = dict[str, object]

_SHOWN_CHARACTERS = 60


def line_rows(lines: Sequence[Line]) -> list[Row]:
    """One row for each line, its text cut to what a terminal shows."""
    return [
        {
            "place": f"{line.place.file}:{line.place.line}",
            "id": line.id,
            "character": line.job.character,
            "language": line.job.language,
            "text": _short(line.job.text or line.job.ssml or ""),
            "scene": line.scene or "",
            "labels": ", ".join(line.job.labels),
        }
        for line in lines
    ]


def describe_mapping(mapping: TableMapping) -> str:
    """What each column is taken for, in one sentence."""
    parts = [f"{field} = {column}" for field, column in mapping.columns.items()]
    parts += [f"text in {language} = {column}" for language, column in mapping.texts.items()]
    parts += [f"ids begin with {mapping.id_prefix}"] if mapping.id_prefix else []
    parts += [f"ids end in {mapping.id_suffix}"] if mapping.id_suffix else []
    parts += [f"language {mapping.language}"] if mapping.language else []
    parts += [f"character {mapping.character}"] if mapping.character else []
    parts += ["who speaks stands before the text"] if mapping.speaker_prefix else []
    parts += ["who is named last speaks on"] if mapping.carry_speaker else []
    for verb, values in (("only where", mapping.keep), ("not where", mapping.skip)):
        parts += [f"{verb} {column} is {' or '.join(given)}" for column, given in values.items()]
    return "; ".join(parts) or "nothing"


def speaker_rows(names: Mapping[str, int], characters: Mapping[str, str | None], known: frozenset[str]) -> list[Row]:
    """One row for each name of a speaker: its lines, and the character that it is."""
    rows: list[Row] = []
    for name, count in names.items():
        key = characters.get(name, name if name in known else None)
        rows.append({"speaker": name, "lines": count, "character": key or "?"})
    return rows


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1]}…"
