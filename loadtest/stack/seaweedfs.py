"""Starts SeaweedFS, the local stack's S3-compatible store, from a wheel."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from loadtest.stack.processes import Process

ACCESS_KEY: Final = "local-stack"
SECRET_KEY: Final = "local-stack-secret"  # noqa: S105  # a store on loopback that runs for minutes
BUCKET: Final = "tts-audio"
_PROBE: Final = "probe"


def start_store(folder: Path, port: int, ports: list[int]) -> Process:
    """Starts SeaweedFS on the data that an earlier run left in the folder.

    Args:
        folder: for data and log.
        port: the port of the S3 API.
        ports: nine more, for its internal servers.
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
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    # It sometimes hangs while it stops; its data is deleted anyway.
    return Process("seaweedfs", command, folder / "store.log", {**os.environ, **keys}, stop_s=4.0)


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
