"""Draws a panel of each kind, nearly as Grafana does."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from loadtest.rollout_demo.panel_data import PanelData
from loadtest.stack.prometheus import INTERVAL_S

_MOST_NAMES: Final = 14
_GAP_S: Final = 1.5 * INTERVAL_S
UNITS: Final[Mapping[str, Callable[[float], str]]] = {
    "percent": lambda value: f"{value:g} %",
    "percentunit": lambda value: f"{value * 100:g} %",
    "s": lambda value: f"{value:g} s",
    "reqps": lambda value: f"{value:g}/s",
    "currencyUSD": lambda value: f"${value:g}",
    "short": lambda value: f"{value:g}",
}
"""How a value is written, by Grafana's name of its unit."""
_HOLD, _ROLL_BACK = "darkorange", "crimson"


def draw_panel(axes: Any, data: PanelData, began: float) -> None:
    """Draws a panel on matplotlib's axes.

    Args:
        axes: where it is drawn.
        data: what it shows.
        began: Unix time of second 0.
    """
    axes.set_title(data.panel.title, loc="left", fontweight="bold", fontsize=11)
    if not data.lines:
        axes.text(0.5, 0.5, "No data", ha="center", va="center", transform=axes.transAxes, fontsize=14)
        return
    match data.panel.kind:
        case "table":
            _draw_table(axes, data, began)
        case "heatmap":
            _draw_heatmap(axes, data, began)
        case "lines":
            _draw_lines(axes, data, began)
        case "states":
            _draw_states(axes, data, began)


def _draw_lines(axes: Any, data: PanelData, began: float) -> None:
    panel = data.panel
    if panel.stacked:
        values = [dict(line.series.points) for line in data.lines]
        times = sorted(set().union(*values))
        layers = [[each.get(time, 0.0) for time in times] for each in values]
        axes.stackplot([time - began for time in times], layers, labels=[line.name for line in data.lines], alpha=0.6)
    for line in () if panel.stacked else data.lines:
        points = list(_with_gaps(line.series.points))
        seconds, heights = [time - began for time, _ in points], [value for _, value in points]
        style = {"linewidth": 0.6, "alpha": 0.5, "label": "_"} if line.query.thin else {"label": line.name}
        axes.plot(seconds, heights, drawstyle="steps-post" if panel.steps else "default", **style)
    if panel.limits is not None:
        axes.axhline(panel.limits.hold, color=_HOLD, linestyle="--", linewidth=1)
        axes.axhline(panel.limits.roll_back, color=_ROLL_BACK, linestyle="--", linewidth=1)
    axes.set_ylim(bottom=panel.minimum, top=panel.maximum and panel.maximum * 1.03)
    axes.yaxis.set_major_formatter(lambda value, _: UNITS[panel.unit](value))
    axes.grid(visible=True, alpha=0.3)
    axes.set_xlabel("seconds", fontsize=8)
    handles, names = axes.get_legend_handles_labels()
    if len(names) > _MOST_NAMES:
        names[_MOST_NAMES - 1] = f"... {len(names) - _MOST_NAMES + 1} more"
    axes.legend(
        handles[:_MOST_NAMES], names[:_MOST_NAMES],
        fontsize=7, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False,
    )  # fmt: skip


def _with_gaps(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    # No number stands where Prometheus has none, so that a line doesn't bridge the gap.
    for (time, value), (following, _) in pairwise((*points, (math.inf, 0.0))):
        yield time, value
        if following - time > _GAP_S:
            yield time + INTERVAL_S, math.nan


def _draw_states(axes: Any, data: PanelData, began: float) -> None:
    for row, line in enumerate(data.lines):
        spans = [(time - began, INTERVAL_S) for time, value in line.series.points if value]
        axes.broken_barh(spans, (row - 0.4, 0.8))
    axes.set_yticks(range(len(data.lines)), [line.name for line in data.lines], fontsize=8)
    axes.set_ylim(len(data.lines) - 0.5, -0.5)
    axes.set_xlabel("seconds", fontsize=8)
    axes.grid(visible=True, axis="x", alpha=0.3)


def _draw_heatmap(axes: Any, data: PanelData, began: float) -> None:
    # Buckets are cumulative: each holds those below it.
    buckets = sorted(data.lines, key=lambda line: float(line.series.labels["le"]))
    times = [time for time, _ in buckets[0].series.points]
    cells, below = [], dict.fromkeys(times, 0.0)
    for bucket in buckets:
        values = dict(bucket.series.points)
        cells.append([values.get(time, 0.0) - below[time] for time in times])
        below = {time: values.get(time, 0.0) for time in times}
    axes.pcolormesh(
        [time - began for time in times], range(len(buckets)), cells, cmap="Oranges", vmin=0, shading="nearest"
    )
    axes.set_yticks(range(len(buckets)), [f"{bucket.series.labels['le']} s" for bucket in buckets], fontsize=7)
    axes.set_xlabel("seconds", fontsize=8)


def _draw_table(axes: Any, data: PanelData, began: float) -> None:
    last = max(time for line in data.lines for time, _ in line.series.points)
    titles = [query.legend for query in data.panel.queries]
    cells: dict[tuple[str, ...], dict[str, float]] = {}
    labels = sorted({name for line in data.lines for name in line.series.labels} - set(data.panel.hidden_labels))
    for line in data.lines:
        values = dict(line.series.points)
        if last in values:
            key = tuple(line.series.labels.get(name, "") for name in labels)
            cells.setdefault(key, {})[line.name] = values[last]
    # As Grafana sorts it: the worst verdicts come first.
    ordered = sorted(cells.items(), key=lambda row: -row[1].get(titles[-1], 0.0))
    axes.axis("off")
    axes.set_title(f"{data.panel.title} (second {last - began:.0f})", loc="left", fontweight="bold", fontsize=11)
    names = data.panel.value_names
    rows = [
        [
            *key,
            *(f"{row[title]:.4g}" if title in row else "" for title in titles[:-1]),
            _named(row.get(titles[-1]), names),
        ]
        for key, row in ordered
    ]
    table = axes.table(rows[:_MOST_NAMES], colLabels=[*labels, *titles], loc="upper center", cellLoc="left")
    table.auto_set_font_size(value=False)
    table.set_fontsize(7)


def _named(value: float | None, names: Mapping[int, str]) -> str:
    found = [name for number, name in names.items() if number == value]
    return "" if value is None else found[0] if found else f"{value:.4g}"
