"""The table of what HTTP adds to Kafka. Pure."""

from collections.abc import Sequence

from rich.table import Table

from loadtest.benchmarks.dialogue.figures import percentile

_PERCENTILES = (50, 90, 99, 100)


def added_table(title: str, by_kafka: Sequence[float], by_http: Sequence[float]) -> Table:
    """Milliseconds of both ways, and the difference of each percentile.

    Args:
        by_kafka: seconds of each line by Kafka alone.
        by_http: of each line by HTTP.
    """
    table = Table("ms", *(f"p{each}" for each in _PERCENTILES[:-1]), "max", title=title, title_justify="left")
    rows = {name: [percentile(taken, each) for each in _PERCENTILES] for name, taken in
            (("Kafka alone", by_kafka), ("HTTP", by_http))}  # fmt: skip
    for name, values in rows.items():
        table.add_row(name, *(f"{1000 * value:.1f}" for value in values))
    added = [http - kafka for kafka, http in zip(rows["Kafka alone"], rows["HTTP"], strict=True)]
    table.add_row("added", *(f"{1000 * value:+.1f}" for value in added))
    return table
