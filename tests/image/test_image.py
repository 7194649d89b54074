"""The image of the Dockerfile: what is in it, that it runs without rights and without writing, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from loadtest.stack.local_stack import worker_process
from loadtest.stack.ports import free_ports
from schemas.enums import JobStatus
from tests.image.build import Image
from tests.image.container import Container, children, mounts, status
from tests.stack.deployment import Deployment, job
from worker.config.settings import all_variables

RUN = ["python", "-m", "worker"]


def starter(image: Image, started: list[Container]):
    """Starts `chirp-worker` from the image in place of the checkout."""

    def start(command: list[str], out: BinaryIO, environment: Mapping[str, str] | None) -> Container:
        settings = {name: value for name, value in (environment or {}).items() if name in all_variables()}
        started.append(Container(image, command[len(RUN) :], settings, out))
        return started[-1]

    return start


def files(image: Image) -> list[Path]:
    return [
        Path(folder) / name
        for folder, _, names in os.walk(image.root)
        for name in names
        if not folder.startswith(str(image.root / "proc"))
    ]


def test_the_image_has_no_compiler_no_installer_no_cache_and_nothing_of_the_machine_that_built_it(image):
    found = files(image)
    names = {path.name for path in found}
    assert {"chirp-worker", "tini", "soundfile.py"} <= names
    assert names & {"gcc", "cc", "c++", "g++", "make", "ld", "as"} == set()
    venv = image.root / "opt" / "chirp-worker"
    assert not list(venv.glob("bin/pip*")), "pip could install into a running container"
    assert not list(venv.glob("lib/*/site-packages/hatchling"))
    assert not [path for path in found if ".cache" in path.parts or path.suffix == ".deb"]
    assert not list((image.root / "var" / "lib" / "apt" / "lists").glob("*_Packages*"))
    assert not list((image.root / "build").glob("*")), "the build's folder is of the other stage"
    # Where the test mounted it while the image was built.
    assert (image.root / "etc" / "pip.conf").stat().st_size == 0
    said = " ".join([*image.layers, *image.config["Env"]])
    places = [value for name, value in os.environ.items() if name.startswith("PIP_") and "/" in value]
    assert [place for place in places if place in said] == []
    assert image.bytes < 600e6


def test_the_image_says_how_it_starts(image):
    assert image.config["User"] == "10001:10001"
    assert image.config["Entrypoint"] == ["tini", "--", "chirp-worker"]
    assert image.config["Cmd"] == ["run"]
    passwd = (image.root / "etc" / "passwd").read_text(encoding="utf-8")
    assert "chirp:x:10001:10001:" in passwd


async def test_a_worker_from_the_image_speaks_with_a_root_that_is_read_only_and_ends_by_sigterm(image, stack, tmp_path):
    started: list[Container] = []
    deployment = Deployment(stack, tmp_path, starter(image, started))
    await deployment.reset_emulator()
    await deployment.create_topics()
    # Spoken in parts that are joined, which is where a file would be written.
    long_text = " ".join(f"This is sentence number {number} of a long speech." for number in range(110))
    with deployment.worker() as (process, address):
        (container,) = started
        await deployment.produce([job(1), job(2, text=long_text, audio={"encoding": "LINEAR16", "sample_rate": 16000})])
        completions = await deployment.completions(2)
        (worker,) = children(container.pid)
        state, root = status(worker), mounts(worker)
        port = {"HTTP_PORT": address.rsplit(":", 1)[1]}
        check = image.config["Healthcheck"]["Test"][1:]
        healthy = container.exec(check, port)
        with container.frozen():
            unhealthy = container.exec(check, port)
        began = time.monotonic()
        process.signal(signal.SIGTERM)
        code = process.wait(40)
        drain_s = time.monotonic() - began
    print(f"image: user {state['Uid'].split()[0]}, drained by SIGTERM in {drain_s:.1f} s, code {code}")
    assert [each.status for each in completions] == [JobStatus.DONE, JobStatus.DONE]
    assert {state[name].split()[0] for name in ("Uid", "Gid")} == {"10001"}
    assert {int(state[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}
    assert state["NoNewPrivs"] == "1"
    assert {where: "ro" in options for where, (_, options) in root.items()} == {"/": True, "/proc": False}
    assert healthy == 0
    assert unhealthy != 0, "the health check asks the event loop"
    assert code == 0


async def test_a_controller_from_the_image_becomes_ready_and_ends_by_sigterm(image, stack, tmp_path):
    started: list[Container] = []
    deployment = Deployment(stack, tmp_path, starter(image, started))
    await deployment.create_topics()
    controller = worker_process(
        {**deployment.environment, "ROLLOUT_SOURCE": "topic"},
        tmp_path,
        "controller",
        ("rollout", "run"),
        deployment.start,
    )
    with controller as (process, _):
        process.signal(signal.SIGTERM)
        assert process.wait(40) == 0


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.3, 1.0])
def test_sigterm_ends_the_container_at_once_also_while_python_loads(image, tmp_path, after_s):
    # Nothing answers at these addresses: the worker would wait for ever.
    nobody, http = free_ports(2)
    settings = {
        "S3_ENDPOINT_URL": f"http://127.0.0.1:{nobody}",
        "TTS_ENDPOINT": f"127.0.0.1:{nobody}",
        "TTS_PLAINTEXT": "true",
        "HTTP_PORT": str(http),
    }
    with (tmp_path / "log").open("ab") as out:
        container = Container(image, ["run"], settings, out)
        time.sleep(after_s)
        began = time.monotonic()
        container.send_signal(signal.SIGTERM)
        try:
            code = container.wait(60)
        finally:
            container.kill()
    print(f"image: SIGTERM {after_s:g} s after the start, ended {time.monotonic() - began:.2f} s later, code {code}")
    assert code == 143


def test_the_extras_are_in_the_image(image, tmp_path):
    with (tmp_path / "log").open("ab") as out:
        asleep = Container(image, ["--help"], {}, out)
        assert asleep.wait(60) == 0
    packages = {path.name for path in image.root.glob("opt/chirp-worker/lib/*/site-packages/*")}
    assert {"aws_msk_iam_sasl_signer", "opentelemetry"} <= packages
    code = (
        "import aws_msk_iam_sasl_signer, opentelemetry.sdk.trace, opentelemetry.exporter.otlp.proto.grpc.trace_exporter"
    )
    python = ["chroot", str(image.root), "/opt/chirp-worker/bin/python", "-c", code]
    assert subprocess.run(python, check=False, capture_output=True).returncode == 0
