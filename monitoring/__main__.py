"""`python -m monitoring`: writes the dashboards of `deploy/grafana/dashboards`, and Kubernetes' copy of the rules."""

from monitoring.dashboards import write_dashboards
from monitoring.prometheus_rule import write_prometheus_rule

if __name__ == "__main__":
    for path in (*write_dashboards(), write_prometheus_rule()):
        print(path)
