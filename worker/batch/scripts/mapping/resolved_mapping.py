"""Finds a mapping's columns in a table, by the table's own names of them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from worker.batch.scripts.mapping.model import MAPPING_NAME, TableMapping
from worker.batch.scripts.model import Finding, Place, Severity
from worker.batch.scripts.tables.model import Table

INPUTS: Final = ("text", "ssml")
"""The fields of a job of which one is what is spoken."""
_MOST_LABELS: Final = 31
"""One less than a job may have: the source's id is one too."""
_NAMED: Final = 8


@dataclass(frozen=True)
class ResolvedMapping:
    """A mapping with the table's own names of columns.

    Attributes:
        labels: the columns whose cells a line keeps as labels, not more than a line may have.
    """

    columns: Mapping[str, str]
    texts: Mapping[str, str]
    labels: tuple[str, ...]
    keep: Mapping[str, frozenset[str]]
    skip: Mapping[str, frozenset[str]]
    mapping: TableMapping

    @property
    def input_column(self) -> str:
        """The column to name where something is said of the text as a whole."""
        return next(iter(self.texts.values()), self.columns.get("text", self.columns.get("ssml", "text")))


def resolve_mapping(table: Table, mapping: TableMapping) -> tuple[ResolvedMapping, list[Finding]]:
    """The mapping by the table's own names, and an error for each column that the table doesn't have."""
    by_name = {name.casefold(): name for name in table.columns}
    missing: list[Finding] = []

    def own(column: str, at: str) -> str:
        found = by_name.get(" ".join(column.split()).casefold())
        if found is None:
            near = get_close_matches(column.casefold(), list(by_name), n=1)
            meant = f"; did you mean {by_name[near[0]][:60]!r}?" if near else ""
            names = ", ".join(name[:40] for name in table.columns[:20])
            message = f"has no column {column[:60]!r} (of {at} in {MAPPING_NAME}){meant}; it has {names}"
            missing.append(Finding(Severity.ERROR, Place(table.file, table.header.line, "1"), message))
        return found or column

    columns = {field: own(column, f"columns.{field}") for field, column in mapping.columns.items()}
    texts = {language: own(column, f"texts.{language}") for language, column in mapping.texts.items()}
    used = {*columns.values(), *texts.values()}
    if mapping.labels is None:
        labels = tuple(name for name in table.columns if name not in used)[:_MOST_LABELS]
    else:
        labels = tuple(own(each, "labels") for each in mapping.labels)[:_MOST_LABELS]
    filters = [
        {own(column, at): frozenset(map(str.casefold, values)) for column, values in given.items()}
        for at, given in (("keep", mapping.keep), ("skip", mapping.skip))
    ]
    if not texts and not columns.keys() & set(INPUTS):
        message = f"no column is the text: say it by columns.text in {MAPPING_NAME}"
        missing.append(Finding(Severity.ERROR, Place(table.file, table.header.line, "1"), message))
    return ResolvedMapping(columns, texts, labels, filters[0], filters[1], mapping), missing


def label_warning(table: Table, labels: tuple[str, ...]) -> Finding:
    """Names the columns that become labels only because no field of a job has their name."""
    shown = ", ".join(name[:40] for name in labels[:_NAMED]) + (", …" if len(labels) > _NAMED else "")
    message = f"kept as labels, since no field of a job has this name: {shown}"
    return Finding(
        Severity.WARNING, Place(table.file, table.header.line, table.shown.get(labels[0], labels[0])), message
    )
