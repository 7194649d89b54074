"""PromQL written by the metric catalogue: a name, label or value that the catalogue lacks is an error here."""

from typing import Final

from worker.observability.metric_definition import OPEN, CounterDefinition, Definition, HistogramDefinition

RATE_INTERVAL: Final = "$__rate_interval"
"""Grafana's window for `rate`: four scrapes at least, longer where the screen shows days."""


class UnknownSeriesError(Exception):
    """A query names a label, or a value of a label, that the catalogue doesn't have."""


def series(definition: Definition, part: str = "", **labels: str) -> str:
    """Returns a selector of a metric's series: `tts_jobs_total{lane="batch"}`.

    Args:
        part: `bucket`, `sum` or `count` of a histogram.
        labels: what a label must be; a value that begins with `~` is a regular expression of the catalogue's values,
            one that begins with `!` is what the label must not be.

    Raises:
        UnknownSeriesError: the catalogue has no such label or value, or the histogram lacks its part.
    """
    if isinstance(definition, HistogramDefinition) != bool(part):
        raise UnknownSeriesError(f"{definition.name}: a part is named of a histogram, and of nothing else")
    matchers = ",".join(_matcher(definition, name, value) for name, value in labels.items())
    suffix = "_total" if isinstance(definition, CounterDefinition) else f"_{part}" if part else ""
    return f"{definition.name}{suffix}" + (f"{{{matchers}}}" if matchers else "")


def rate(selector: str, window: str = RATE_INTERVAL) -> str:
    """Returns the increase a second of each counter."""
    return f"rate({selector}[{window}])"


def total(expression: str, *by: str) -> str:
    """Returns the sum over all series, or over those that share these labels."""
    return f"sum by ({', '.join(by)}) ({expression})" if by else f"sum({expression})"


def quantile(share: float, definition: HistogramDefinition, *by: str, **labels: str) -> str:
    """Returns a quantile of a histogram over all workers, one for each value of these labels."""
    buckets = total(rate(series(definition, "bucket", **labels)), "le", *by)
    return f"histogram_quantile({share:g}, {buckets})"


def _matcher(definition: Definition, name: str, value: str) -> str:
    label = next((each for each in definition.labels if each.name == name), None)
    if label is None:
        raise UnknownSeriesError(f"{definition.name} has no label {name!r}")
    wanted = value.removeprefix("!").removeprefix("~").split("|")
    if label.values is not None and label.values != OPEN and not set(wanted) <= set(label.values):
        raise UnknownSeriesError(f"{definition.name}: {name} is never {value!r}")
    operator = {"~": "=~", "!": "!="}.get(value[:1], "=")
    return f'{name}{operator}"{value if operator == "=" else value[1:]}"'
