"""A worker's own name: derived where exactly one process has it and keeps it over restarts, and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.config.instance_id import ThisProcess, derive_instance_id
from worker.config.settings import load_settings

UNIT = {"SYSTEMD_EXEC_PID": "7"}
POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
CGROUP = "proc/self/cgroup"
HOSTS = "etc/hosts"
SERVICE = "0::/system.slice/system-chirp\\x2dworker.slice/chirp-worker@1.service\n"
OF_SET = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n10.1.2.3\t{0}.workers.live.svc.cluster.local\t{0}\n"


def derive(
    root: Path, environment: Mapping[str, str], files: Mapping[str, str], host: str = "machine", pid: int = 7
) -> str | None:
    for name, text in {"etc/machine-id": "0123456789abcdef\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return derive_instance_id(environment, ThisProcess(pid=pid, parent_pid=1, host=host, root=root))


def test_a_units_main_process_is_named_for_machine_and_unit(tmp_path: Path) -> None:
    name = derive(tmp_path, UNIT, {CGROUP: SERVICE})
    assert name is not None
    # Kafka's own clients allow no other characters.
    assert re.fullmatch(r"machine-chirp-worker-1-[0-9a-f]{8}", name)
    assert name == derive(tmp_path, UNIT, {CGROUP: SERVICE})


@pytest.mark.parametrize(
    "files",
    [
        {CGROUP: SERVICE.replace("@1", "@2")},
        {CGROUP: SERVICE, "etc/machine-id": "fedcba9876543210\n"},
        {CGROUP: "0::/user.slice/user@1000.service/app.slice/chirp-worker@1.service\n"},
    ],
    ids=["another instance", "another machine", "a user's unit of the same name"],
)
def test_another_unit_or_machine_has_another_name(tmp_path: Path, files: Mapping[str, str]) -> None:
    assert derive(tmp_path, UNIT, files) not in (None, derive(tmp_path, UNIT, {CGROUP: SERVICE}))


def test_cloned_machines_differ_by_their_host_names(tmp_path: Path) -> None:
    of_two = {derive(tmp_path, UNIT, {CGROUP: SERVICE}, host=host) for host in ("a", "b")}
    assert len(of_two) == 2


@pytest.mark.parametrize(
    ("environment", "files"),
    [
        ({}, {CGROUP: SERVICE}),
        ({"SYSTEMD_EXEC_PID": "8"}, {CGROUP: SERVICE}),
        (UNIT, {CGROUP: "0::/user.slice/user-0.slice/session-3.scope\n"}),
        (UNIT, {CGROUP: "0::/\n"}),
        (UNIT, {}),
        (UNIT, {CGROUP: SERVICE, "etc/machine-id": ""}),
    ],
    ids=[
        "a shell in the unit's group",
        "a child of the unit's process",
        "a session",
        "a container",
        "no cgroups",
        "no id",
    ],
)
def test_what_is_no_units_main_process_has_no_name(
    tmp_path: Path, environment: Mapping[str, str], files: Mapping[str, str]
) -> None:
    assert derive(tmp_path, environment, files) is None


def test_a_pod_of_a_stateful_set_is_named_for_namespace_and_pod(tmp_path: Path) -> None:
    assert derive(tmp_path, POD, {HOSTS: OF_SET.format("worker-0")}, host="worker-0") == "live-worker-0"


@pytest.mark.parametrize(
    ("host", "hosts", "pid"),
    [
        ("worker-7d4b9c6f5-24589", OF_SET, 7),
        ("worker-x2b4k", OF_SET, 7),
        ("worker", OF_SET, 7),
        ("worker-01", OF_SET, 7),
        ("worker-0", "10.1.2.3\tworker-0\n", 7),
        ("node-1", "# Kubernetes-managed hosts file (host network).\n127.0.0.1\tlocalhost node-1\n", 7),
        ("worker-1", OF_SET.replace("{0}", "worker-2"), 7),
    ],
    ids=[
        "a Deployment's, of digits",
        "a Deployment's",
        "no number",
        "no ordinal",
        "a set host name",
        "a node",
        "another's",
    ],
)
def test_what_may_be_no_stateful_sets_pod_has_no_name(tmp_path: Path, host: str, hosts: str, pid: int) -> None:
    assert derive(tmp_path, POD, {HOSTS: hosts.format(host)}, host=host, pid=pid) is None


def test_a_shells_worker_in_a_pod_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / HOSTS).write_text(OF_SET.format("worker-0"), encoding="utf-8")
    process = ThisProcess(pid=40, parent_pid=39, host="worker-0", root=tmp_path)
    assert derive_instance_id(POD, process) is None


@given(st.text(), st.text(), st.sampled_from(["worker-0", "machine"]))
def test_no_files_content_breaks_the_start(cgroup: str, hosts: str, host: str) -> None:
    class Files(ThisProcess):
        def read(self, path: str) -> str:
            return {CGROUP: cgroup, HOSTS: hosts}.get(path, "x")

    name = derive_instance_id({**UNIT, **POD}, Files(pid=7, parent_pid=1, host=host))
    assert name is None or re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name)


def test_a_given_name_wins_and_none_is_dynamic_membership() -> None:
    assert load_settings({"KAFKA_GROUP_INSTANCE_ID": "mine"}).kafka.group_instance_id == "mine"
    assert load_settings({"KAFKA_GROUP_INSTANCE_ID": "none"}).kafka.group_instance_id is None
    assert load_settings({}).kafka.group_instance_id is None
