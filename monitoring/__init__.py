"""Grafana's dashboards, built out of the metric catalogue: `python -m monitoring` writes them to `deploy/grafana`."""
