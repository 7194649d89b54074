"""Starts SeaweedFS, the local stack's S3-compatible store, from a wheel."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from loadtest.stack.processes import READY_TIMEOUT_S, Process

ACCESS_KEY: Final = "local-stack"
SECRET_KEY: Final = "local-stack-secret"  # noqa: S105  # a store on loopback that runs for minutes
BUCKET: Final = "tts-audio"
_PROBE: Final = "probe"


@dataclass(frozen=True)
class StoreTls:
    """The S3 API by TLS, on a port of its own: PEM files of the certificate, with its chain, and of its key."""

    port: int
    certificate: Path
    key: Path


def start_store(folder: Path, port: int, ports: list[int], tls: StoreTls | None = None) -> Process:
    """Starts SeaweedFS on the data that an earlier run left in the folder.

    Args:
        folder: for data and log.
        port: the port of the S3 API.
        ports: nine more, for its internal servers.
        tls: the S3 API by TLS beside it.
    """
    names = ["s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
             "filer.port.grpc", "admin.port", "admin.port.grpc"]  # fmt: skip
    data = folder / "store"
    data.mkdir(exist_ok=True)
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
    if tls is not None:
        command += [
            f"-s3.port.https={tls.port}",
            f"-s3.cert.file={tls.certificate}",
            f"-s3.key.file={tls.key}",
        ]
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    # It sometimes hangs while it stops; its data is deleted anyway.
    return Process("seaweedfs", command, folder / "store.log", {**os.environ, **keys}, stop_s=4.0)


def set_read_only(ports: Sequence[int], *, read_only: bool) -> None:
    """Makes the bucket read-only, which is what SeaweedFS does with one over its quota; or writable again.

    Args:
        ports: of the internal servers, as `start_store` got them.

    Raises:
        subprocess.SubprocessError: SeaweedFS's shell fails.
    """
    _, master, master_grpc, _, _, filer, filer_grpc, *_ = ports
    flag = "true" if read_only else "false"
    subprocess.run(
        [
            str(Path(sys.executable).with_name("weed")),
            "shell",
            f"-master=127.0.0.1:{master}.{master_grpc}",
            f"-filer=127.0.0.1:{filer}.{filer_grpc}",
        ],
        input=f"lock\nfs.configure -locationPrefix=/buckets/{BUCKET}/ -readOnly={flag} -apply\nunlock\nexit\n",
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=READY_TIMEOUT_S,
    )


def remove_sockets(ports: Sequence[int]) -> None:
    """Removes the sockets that SeaweedFS leaves in /tmp, named by its ports; the place can't be configured."""
    for port in ports:
        for socket in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108  # SeaweedFS puts them there
            socket.unlink(missing_ok=True)


def usable(client: Any) -> bool:
    """Whether the store accepts an object: it has the bucket before it has a volume for objects."""
    try:
        client.put_object(Bucket=BUCKET, Key=_PROBE, Body=b"probe")
        client.delete_object(Bucket=BUCKET, Key=_PROBE)
    except (ClientError, BotoCoreError):
        return False
    return True


def connect(port: int) -> Any:
    """Returns a client that doesn't retry."""
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name="us-east-1",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5),
    )
