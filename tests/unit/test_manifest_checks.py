"""Each check of `tests/manifests` refuses what it is there for; the committed manifests pass all of them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.manifests import autoscaling, compose, environment, hardening, object_schemas, references, systemd
from tests.manifests.builds import KUBERNETES, Overlay
from tests.manifests.misspelt import misspelt
from tests.stack.deployment import program

Change = Callable[[Any], object]


def base(name: str) -> Overlay:
    """A file of the base in a namespace, as kustomize would make it, with the settings that it names."""
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "chirp-settings"}, "data": SETTINGS},
    ]
    for file in ("service-accounts", name):
        objects += yaml.safe_load_all((KUBERNETES / "base" / f"{file}.yaml").read_text(encoding="utf-8"))
    for each in objects[1:]:
        each["metadata"]["namespace"] = "here"
    return Overlay("here", tuple(objects))


def component(path: str) -> Any:
    return yaml.safe_load((KUBERNETES / "components" / path).read_text(encoding="utf-8"))


SETTINGS = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "QUOTA_TOTAL_PER_MINUTE": "900",
}
WORKER = base("worker")
(STATEFUL_SET,) = WORKER.of_kind("StatefulSet")
SCALED = component("keda/scaled-object.yaml")


def changed(manifest: Any, change: Change) -> Any:
    other = copy.deepcopy(manifest)
    change(other)
    return other


def worker_with(kind: str, change: Change) -> Overlay:
    return Overlay("here", tuple(changed(e, change) if e["kind"] == kind else e for e in WORKER.objects))


def container(stateful_set: Any) -> Any:
    return stateful_set["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("version", object_schemas.VERSIONS)
def test_an_unknown_field_a_wrong_type_and_a_wrong_value_are_refused(version: str) -> None:
    for change in (
        lambda m: m["spec"].update(replica=2),
        lambda m: m["spec"].update(replicas="2"),
        lambda m: container(m)["livenessProbe"].update(periodSecond=1),
        lambda m: m.update(apiVersion="apps/v2"),
    ):
        assert object_schemas.problem(STATEFUL_SET, version) is None
        assert object_schemas.problem(changed(STATEFUL_SET, change), version) is not None


def test_custom_resources_have_no_unknown_fields_either_and_need_what_their_definition_requires() -> None:
    assert object_schemas.problem(SCALED, "") is None
    for change in (
        lambda m: m["spec"].update(maxReplica=2),
        lambda m: m["spec"]["triggers"][0].update(metric="Value"),
        lambda m: m["spec"].pop("scaleTargetRef"),
        lambda m: m["spec"].update(pollingInterval="15s"),
    ):
        assert object_schemas.problem(changed(SCALED, change), "") is not None


def test_each_field_is_misspelt_once_and_free_maps_are_left_alone() -> None:
    seen: set[str] = set()
    names = [name for name, _ in misspelt(STATEFUL_SET, seen)]
    assert "StatefulSet.spec.template.spec.containers.securityContext.capabilities.drop" in names
    assert "StatefulSet.spec.selector.matchLabels" in names
    assert len(names) == len(set(names)) > 80
    assert not [name for name in names if "app.kubernetes.io" in name or name.endswith(".memory")]
    assert list(misspelt(STATEFUL_SET, seen)) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda m: container(m)["securityContext"].update(readOnlyRootFilesystem=False), "readOnlyRootFilesystem"),
        (lambda m: container(m)["securityContext"]["capabilities"].update(drop=["NET_RAW"]), "capabilities.drop"),
        (lambda m: m["spec"]["template"]["spec"]["securityContext"].pop("runAsNonRoot"), "runAsNonRoot"),
        (lambda m: m["spec"]["template"]["spec"].pop("enableServiceLinks"), "enableServiceLinks"),
        (lambda m: container(m)["readinessProbe"]["httpGet"].update(path="/healthz"), "readinessProbe"),
        (lambda m: container(m)["resources"].pop("limits"), "limits.memory"),
        (lambda m: m["spec"]["template"]["spec"]["volumes"].append({"name": "tmp", "emptyDir": {}}), "writable"),
    ],
)
def test_a_pod_that_may_more_than_it_needs_is_found(change: Change, found: str) -> None:
    assert list(hardening.problems(STATEFUL_SET["spec"]["template"])) == []
    (problem,) = hardening.problems(changed(STATEFUL_SET, change)["spec"]["template"])
    assert found in problem


@pytest.mark.parametrize(
    ("kind", "change", "found"),
    [
        ("Service", lambda m: m["spec"].update(selector={"app": "worker"}), "selects no pod"),
        ("PodDisruptionBudget", lambda m: m["spec"]["selector"].update(matchLabels={"app": "x"}), "selects no pod"),
        ("StatefulSet", lambda m: container(m)["livenessProbe"]["httpGet"].update(port="web"), "port web"),
        ("StatefulSet", lambda m: container(m)["volumeMounts"][0].update(name="secret"), "no volume secret"),
        ("StatefulSet", lambda m: container(m)["envFrom"][0]["configMapRef"].update(name="x"), "no ConfigMap x"),
        ("StatefulSet", lambda m: m["spec"]["template"]["spec"].update(serviceAccountName="x"), "no ServiceAccount x"),
        ("Service", lambda m: m["metadata"].update(namespace="default"), "not in here"),
    ],
)
def test_names_and_selectors_that_lead_nowhere_are_found(kind: str, change: Change, found: str) -> None:
    assert list(references.problems(WORKER)) == []
    assert any(found in problem for problem in references.problems(worker_with(kind, change)))


def test_a_monitor_of_no_port_and_an_autoscaler_of_nothing_are_found() -> None:
    def problems(manifest: Any) -> list[str]:
        manifest["metadata"]["namespace"] = "here"
        return list(references.problems(Overlay("here", (*WORKER.objects, manifest))))

    monitor = {
        "kind": "ServiceMonitor",
        "metadata": {"name": "m"},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": "chirp-worker"}},
            "endpoints": [{"port": "http"}],
        },
    }
    assert problems(monitor) == []
    assert problems(changed(monitor, lambda m: m["spec"].update(endpoints=[{"port": "web"}]))) != []
    assert problems(copy.deepcopy(SCALED)) == []
    assert problems(changed(SCALED, lambda m: m["spec"]["scaleTargetRef"].update(name="workers"))) != []


def test_variables_that_are_no_settings_and_values_that_are_not_allowed_are_found() -> None:
    variables = environment.container_environment(WORKER, container(STATEFUL_SET))
    assert {"KAFKA_GROUP_INSTANCE_ID", "QUOTA_TOTAL_PER_MINUTE", "HTTP_TOKEN_FILE"} <= variables.keys()
    assert list(environment.problems(variables)) == []
    assert list(environment.problems({**variables, "MAX_INFLIGHT": "9"})) == ["no settings: MAX_INFLIGHT"]
    assert list(environment.problems({**variables, "S3_BUCKET_FILE": "/x"})) == ["no settings: S3_BUCKET_FILE"]
    (refused,) = environment.problems({**variables, "MAX_IN_FLIGHT": "many"})
    assert refused.startswith("MAX_IN_FLIGHT='many'")
    (refused,) = environment.problems({name: v for name, v in variables.items() if "PASSWORD" not in name})
    assert "KAFKA_SASL_PASSWORD" in refused


@pytest.mark.parametrize(("per_minute", "workers"), [("900", 3), ("1000", 3), ("100", 1), ("1200", 4), ("1000000", 12)])
def test_the_autoscalers_bound_is_what_the_quota_can_feed_and_never_more_than_the_partitions(
    per_minute: str, workers: int
) -> None:
    assert autoscaling.most_workers(environment.settings_of({"QUOTA_TOTAL_PER_MINUTE": per_minute})) == workers


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda m: m["spec"].update(maxReplicaCount=10), "maxReplicaCount is 10"),
        (lambda m: m["spec"]["triggers"][0]["metadata"].update(query='tts_age{namespace="here"}'), "no metric"),
        (lambda m: m["metadata"].update(namespace="there"), "isn't limited to its namespace"),
    ],
)
def test_an_autoscaler_beyond_the_quota_or_with_another_query_is_found(change: Change, found: str) -> None:
    good = changed(SCALED, lambda m: m["metadata"].update(namespace="here"))
    query = good["spec"]["triggers"][0]["metadata"]
    query["query"] = query["query"].replace("set by the overlay", "here")
    settings = environment.settings_of({"QUOTA_TOTAL_PER_MINUTE": "900"})
    assert list(autoscaling.problems(Overlay("here", (good,)), settings)) == []
    (problem,) = autoscaling.problems(Overlay("here", (changed(good, change),)), settings)
    assert found in problem


@pytest.mark.parametrize(
    ("service", "change", "found"),
    [
        ("worker", {"read_only": False}, "read_only must be true"),
        ("prometheus", {"cap_drop": []}, "cap_drop must be [ALL]"),
        ("grafana", {"security_opt": []}, "no-new-privileges"),
        ("kafka", {"ports": ["9094:9094"]}, "open to other machines"),
        ("kafka", {"image": "apache/kafka"}, "no tag"),
        ("kafka", {"image": "apache/kafka:latest"}, "no tag"),
        ("controller-1", {"environment": {"KAFKA_BOOTSTRAP_SERVER": "kafka:9092"}}, "no settings"),
        ("worker-google", {"secrets": ["google"]}, "no secret google"),
        ("prometheus", {"volumes": ["./deploy/rules:/etc/prometheus/rules:ro"]}, "./deploy/rules doesn't exist"),
        ("prometheus", {"volumes": ["data:/prometheus"]}, "no volume data"),
        ("controller-1", {"environment": {"PROMETHEUS_URL": "http://prom:9090"}}, "there is no service prom"),
    ],
)
def test_what_is_wrong_in_compose_is_found(service: str, change: dict[str, Any], found: str) -> None:
    document = compose.compose()
    assert list(compose.problems(document)) == []
    document["services"][service] |= change
    assert any(found in problem for problem in compose.problems(document))


@pytest.mark.parametrize(
    ("line", "other", "found"),
    [
        ("RestrictRealtime=yes", "RestrictRealTime=yes", "systemd-analyze verify"),
        ("TimeoutStopSec=40", "TimeoutStopSec=soon", "systemd-analyze verify"),
        ("DynamicUser=yes", "User=root\nPrivateUsers=no\nProtectSystem=no", "systemd-analyze security"),
        ("Environment=HTTP_PORT=808%i", "Environment=HTTP_PORTS=808%i", "no settings: HTTP_PORTS"),
        ("Environment=HTTP_PORT=808%i", "Environment=HTTP_PORT=%H", "HTTP_PORT='host'"),
        ("LoadCredential=http-token:", "LoadCredential=token:", "no LoadCredential=http-token"),
        ("Environment=HTTP_TOKEN_FILE=%d/http-token\n", "", "LoadCredential=http-token is used by no variable"),
    ],
)
def test_what_is_wrong_in_a_unit_is_found(line: str, other: str, found: str) -> None:
    program("systemd-analyze")
    name = "chirp-worker@.service"
    unit = systemd.units()[name]
    assert list(systemd.problems(name, unit)) == []
    assert line in unit
    if "security" in found:
        unit = unit.replace("ProtectSystem=strict\n", "").replace("CapabilityBoundingSet=\n", "")
    assert any(problem.startswith(found) for problem in systemd.problems(name, unit.replace(line, other)))
