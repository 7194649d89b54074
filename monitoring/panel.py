"""A panel of a dashboard, before it is Grafana's: what it shows, by which queries, and how."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Query:
    """A query and the names of its lines.

    Attributes:
        expr: PromQL; may hold `$__rate_interval`.
        legend: Grafana's template, such as `{{lane}}`; of a table, the title of the query's column.
        thin: drawn in the background, since there are many.
    """

    expr: str
    legend: str
    thin: bool = False


@dataclass(frozen=True)
class Limits:
    """The plan's limits, drawn as lines: beyond `hold` nothing is promoted, beyond `roll_back` Chirp is turned off."""

    hold: float
    roll_back: float

    @property
    def is_least(self) -> bool:
        """Whether values below the limits are the bad ones."""
        return self.roll_back < self.hold


@dataclass(frozen=True)
class Panel:
    """A panel.

    Attributes:
        text: shown by the panel's (i): what it says, and what misleads.
        unit: Grafana's name of the values' unit.
        kind: `heatmap` takes one query with a series for each bucket; `table` has a row for each set of labels, and a
            column for each query; `states` has a bar for each series, coloured while its value isn't 0.
        stacked: the lines add up.
        steps: values hold until they change.
        hidden_labels: of a table, the labels that are no columns.
        value_names: what to show for some values.
    """

    title: str
    text: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: Literal["lines", "heatmap", "table", "states"] = "lines"
    limits: Limits | None = None
    minimum: float | None = None
    maximum: float | None = None
    stacked: bool = False
    steps: bool = False
    hidden_labels: tuple[str, ...] = ("Time", "__name__", "instance", "job", "namespace", "pod")
    value_names: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """Panels that belong together, side by side; `width` is each panel's, of 24."""

    title: str
    panels: tuple[Panel, ...]
    width: int = 8
