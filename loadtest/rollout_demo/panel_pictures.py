"""Draws the panels of the dashboards: a picture of each row, with its panels side by side as in Grafana."""

import math
from collections.abc import Callable, Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any, Final

from loadtest.rollout_demo.panel_data import PanelData
from loadtest.rollout_demo.panel_plots import draw_panel
from loadtest.stack.processes import StackError

_GRID: Final = 24
_PANEL_HEIGHT: Final = 4.2
_WIDTH: Final = 21.0
_DPI: Final = 70

Draw = Callable[[Sequence[PanelData], float, Path], list[Path]]


def load_renderer() -> Draw:
    """Returns the function that draws panels into a folder; its second argument is the Unix time of second 0.

    Raises:
        StackError: matplotlib isn't installed.
    """
    try:
        # Only the developers' environment has it, and it takes a second to load.
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise StackError("The panels' pictures need matplotlib: `make demo-alerts` installs it.") from None

    def draw(found: Sequence[PanelData], began: float, folder: Path) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        rows = groupby(found, lambda each: (each.dashboard, each.row.title))
        paths = []
        for number, ((dashboard, title), panels) in enumerate(rows, 1):
            figure = Figure(layout="constrained")
            _draw_row(figure, list(panels), began)
            paths.append(folder / f"{number:02}-{dashboard}-{_file_name(title)}.png")
            figure.savefig(paths[-1], dpi=_DPI)
        return paths

    return draw


def _file_name(title: str) -> str:
    return "-".join(title.lower().replace("'", "").split())


def _draw_row(figure: Any, panels: Sequence[PanelData], began: float) -> None:
    columns = _GRID // panels[0].row.width
    lines = math.ceil(len(panels) / columns)
    figure.set_size_inches(_WIDTH, lines * _PANEL_HEIGHT)
    for axes, panel in zip_longest(figure.subplots(lines, columns, squeeze=False).flat, panels):
        if panel is None:
            axes.axis("off")
        else:
            draw_panel(axes, panel, began)
