"""Makes a Grafana panel of each kind of panel."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Final

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.panel import Limits, Panel, Query

DATASOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
"""What the dashboard's variable `datasource` names."""

_HEIGHT: Final = 9
_GOOD, _UNSURE, _BAD = "green", "orange", "red"
_THIN: Final = (
    models.DynamicConfigValue("custom.lineWidth", 1),
    models.DynamicConfigValue("custom.fillOpacity", 0),
    models.DynamicConfigValue("custom.lineStyle", {"fill": "dot", "dash": [0, 10]}),
    models.DynamicConfigValue("custom.hideFrom", {"legend": True, "tooltip": True, "viz": False}),
)

AnyPanel = timeseries.Panel | heatmap.Panel | table.Panel | statetimeline.Panel


def grafana_panel(panel: Panel, width: int, identifier: int) -> Builder[models.Panel]:
    """Returns Grafana's form of a panel; `width` is of 24, the identifier is unique in its dashboard."""
    built: AnyPanel
    match panel.kind:
        case "lines":
            built = _lines(panel)
        case "heatmap":
            built = _heatmap(panel)
        case "table":
            built = _table(panel)
        case "states":
            built = _states(panel)
    built = built.id(identifier).title(panel.title).description(panel.text)
    return built.datasource(DATASOURCE).height(_HEIGHT).span(width)


def _lines(panel: Panel) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .unit(panel.unit)
        .line_width(2)
        .show_points(common_models.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    )
    for name, query in _named(panel.queries):
        built = built.with_target(_target(query, name))
        if query.thin:
            built = built.override_by_query(name, list(_THIN))
    if panel.minimum is not None:
        built = built.min(panel.minimum)
    if panel.maximum is not None:
        built = built.max(panel.maximum)
    if panel.stacked:
        built = built.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL)).fill_opacity(40)
    if panel.steps:
        built = built.line_interpolation(common_models.LineInterpolation.STEP_AFTER)
    if panel.limits is not None:
        style = common.GraphThresholdsStyleConfig().mode(common_models.GraphTresholdsStyleMode.DASHED)
        built = built.thresholds(_thresholds(panel.limits)).thresholds_style(style)
    return built


def _heatmap(panel: Panel) -> heatmap.Panel:
    built = (
        heatmap.Panel()
        .calculate(False)
        .y_axis(heatmap.YAxisConfig().unit(panel.unit))
        .color(heatmap.HeatmapColorOptions().scheme("Oranges"))
    )
    for name, query in _named(panel.queries):
        built = built.with_target(_target(query, name).format(PromQueryFormat.HEATMAP).exemplar(True))
    return built


def _table(panel: Panel) -> table.Panel:
    built = table.Panel()
    for name, query in _named(panel.queries):
        built = built.with_target(_target(query, name).format(PromQueryFormat.TABLE).instant())
    columns = {f"Value #{name}": query.legend for name, query in _named(panel.queries)}
    hidden = dict.fromkeys(panel.hidden_labels, True)
    built = built.with_transformation(models.DataTransformerConfig("merge", options={})).with_transformation(
        models.DataTransformerConfig("organize", options={"excludeByName": hidden, "renameByName": columns})
    )
    # The worst verdicts come first.
    by_verdict = common.TableSortByFieldState().display_name(panel.queries[-1].legend).desc(True)
    built = built.sort_by([by_verdict])
    if panel.value_names:
        named = {str(value): {"text": text} for value, text in panel.value_names.items()}
        mapping = [{"type": "value", "options": named}]
        built = built.override_by_name(panel.queries[-1].legend, [models.DynamicConfigValue("mappings", mapping)])
    return built


def _states(panel: Panel) -> statetimeline.Panel:
    steps = [models.Threshold(value=None, color="transparent"), models.Threshold(value=1, color="blue")]
    built = (
        statetimeline.Panel()
        .show_value(common_models.VisibilityMode.NEVER)
        .merge_values(True)
        .legend(common.VizLegendOptions().show_legend(False))
        .thresholds(dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
        .color_scheme(dashboard.FieldColor().mode(models.FieldColorModeId.THRESHOLDS))
    )
    for name, query in _named(panel.queries):
        built = built.with_target(_target(query, name))
    return built


def _named(queries: Sequence[Query]) -> list[tuple[str, Query]]:
    return list(zip(ascii_uppercase, queries, strict=False))


def _target(query: Query, name: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(name).expr(query.expr).legend_format(query.legend).datasource(DATASOURCE)


def _thresholds(limits: Limits) -> dashboard.ThresholdsConfig:
    if limits.is_least:
        steps = [(None, _BAD), (limits.roll_back, _UNSURE), (limits.hold, _GOOD)]
    else:
        steps = [(None, _GOOD), (limits.hold, _UNSURE), (limits.roll_back, _BAD)]
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )
