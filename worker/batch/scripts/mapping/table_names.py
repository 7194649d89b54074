"""What the names of sheets, files and folders say of their lines, and what keeps the ids of tables apart. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from worker.batch.scripts.mapping.column_names import language_tag, plain_name
from worker.batch.scripts.mapping.model import TableMapping
from worker.batch.scripts.tables.model import Row


def from_names(mapping: TableMapping, characters: Collection[str], speaks: Callable[[str], bool]) -> TableMapping:
    """The mapping with the language and the character that the names of sheet, file and folders say, if it has none."""
    names = _names(mapping)
    changes: dict[str, str] = {}
    if not mapping.texts and "language" not in mapping.columns and mapping.language is None:
        parts = (part for name in names for part in (name, name.rpartition("_")[2], name.rpartition(".")[2]))
        tags = map(language_tag, parts)
        if (tag := next((tag for tag in tags if tag is not None and speaks(tag)), None)) is not None:
            changes["language"] = tag
    if "character" not in mapping.columns and not mapping.speaker_prefix and mapping.character is None:
        keys = (plain_name(name).replace(" ", "_") for name in names)
        if (key := next((key for key in keys if key in characters), None)) is not None:
            changes["character"] = key
    return mapping.model_copy(update=changes)


def _names(mapping: TableMapping) -> list[str]:
    """Of the sheet, the file without its ending, and its folders, the nearest first."""
    *folders, file = mapping.file.split("/")
    return [*filter(None, [mapping.sheet]), file.rpartition(".")[0] or file, *reversed(folders)]


def with_ids_apart(tables: Sequence[tuple[TableMapping, Sequence[Row]]]) -> list[TableMapping]:
    """The mappings, so that ids which several tables have get the language behind them, or the table's name before."""
    tables_of: defaultdict[str, list[int]] = defaultdict(list)
    for index, (mapping, rows) in enumerate(tables):
        column = mapping.columns.get("job_id")
        for each in {row.fields[column].strip().casefold() for row in rows if column and column in row.fields}:
            tables_of[each].append(index)
    shared = {frozenset(indexes) for indexes in tables_of.values() if len(indexes) > 1}
    made = [mapping for mapping, _ in tables]
    for index, (mapping, _) in enumerate(tables):
        others = {other for group in shared if index in group for other in group} - {index}
        if not others or mapping.id_prefix or mapping.id_suffix:
            continue
        is_language = mapping.language is not None and all(
            tables[other][0].language not in {None, mapping.language} for other in others
        )
        if is_language:
            made[index] = mapping.model_copy(update={"id_suffix": f".{mapping.language}"})
        else:
            name = _own_name(mapping, [tables[other][0] for other in others])
            made[index] = mapping.model_copy(update={"id_prefix": f"{name}-"})
    return made


def _own_name(mapping: TableMapping, others: Sequence[TableMapping]) -> str:
    """The shortest of its names that none of the others has."""
    names = _names(mapping)
    taken = [set(_names(other)) for other in others]
    alone = next((name for name in names if all(name not in each for each in taken)), None)
    return alone or "-".join(reversed(names))
