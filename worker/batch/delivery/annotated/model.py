"""What a script's own file gets: the audio of its lines, in columns of a grid or by line. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import ChirpWorkerError


class NoPlaceError(ChirpWorkerError):
    """The file has no place for the audio of a line; the message says why."""


@dataclass(frozen=True)
class GridEdit:
    """Columns that a grid gets, or has and gets filled.

    Attributes:
        header: the number of the header's line.
        columns: the index of each column by name; None for a new one behind all others.
        values: by number of the line where the row begins, then by column; other rows' cells stay, or are empty.
    """

    header: int
    columns: Mapping[str, int | None]
    values: Mapping[int, Mapping[str, str]]

    def placed(self, width: int) -> dict[str, int]:
        """The index of each column.

        Args:
            width: columns that the grid has.
        """
        new = (name for name, index in self.columns.items() if index is None)
        return {name: index for name, index in self.columns.items() if index is not None} | {
            name: width + number for number, name in enumerate(new)
        }

    def cells(self, line: int) -> Mapping[str, str]:
        """What a row gets, by column; the header gets the columns' names."""
        return {name: name for name in self.columns} if line == self.header else self.values.get(line, {})
