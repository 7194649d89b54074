"""A cluster of Apache Kafka on free loopback ports, whose brokers can be stopped, killed and restarted."""

import asyncio
import base64
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from signal import Signals
from typing import Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from loadtest.stack.java import java_command
from loadtest.stack.ports import free_ports, listening
from loadtest.stack.processes import READY_TIMEOUT_S, Process, Restartable, StackError

LOG4J = """\
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1}: %m%n
"""


class KafkaCluster:
    """Brokers that are controllers too (KRaft), each with its own port and data. They run while the context lasts.

    `start`, `restart` and `start_all` block until the running brokers know each other. From a coroutine call them on a
    thread: `await asyncio.to_thread(cluster.restart, 1)`.

    Args:
        folder: for data and logs.
        brokers: 1, or 3: then each topic has three replicas, and a write needs two of them.
        settings: broker settings that add to or override those of `broker_settings`.
        format_options: of the command that prepares the brokers' folders: users that exist from the start.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        settings: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.broker_ids = list(range(1, brokers + 1))
        ports = free_ports(2 * brokers)
        self.ports = dict(zip(self.broker_ids, ports[:brokers], strict=True))
        self._controllers = dict(zip(self.broker_ids, ports[brokers:], strict=True))
        self._settings = settings or {}
        self._format_options = format_options
        self._brokers: dict[int, Restartable] = {}
        folder.mkdir(parents=True, exist_ok=True)
        log4j = folder / "log4j2.properties"
        log4j.write_text(LOG4J)
        self._java = java_command(log4j)

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports.values())

    @property
    def running(self) -> list[int]:
        """The ids of the brokers that run."""
        return [broker for broker, process in self._brokers.items() if process.running]

    def __enter__(self) -> Self:
        try:
            self._format()
            for broker in self.broker_ids:
                self._brokers[broker] = Restartable(partial(self._launch, broker), partial(self._serves, broker))
            for process in self._brokers.values():
                process.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # SIGKILL: the data is deleted anyway, and on SIGTERM the last broker would wait for a controller.
        for process in self._brokers.values():
            process.kill()
        for broker in self.broker_ids:
            shutil.rmtree(self._data(broker), ignore_errors=True)

    def start(self, broker: int) -> None:
        """Starts a broker, if it isn't running, and waits until the running brokers know it."""
        self._brokers[broker].start()

    def stop(self, broker: int) -> None:
        """Sends SIGTERM: the broker hands its partitions over first."""
        self._brokers[broker].stop()

    def kill(self, broker: int) -> None:
        """Sends SIGKILL."""
        self._brokers[broker].kill()

    def restart(self, broker: int) -> None:
        """Stops a broker, and starts it again on the same port with the same data."""
        self._brokers[broker].restart()

    def move(self, broker: int, port: int) -> None:
        """Stops a broker and starts it with the same data on another port."""
        self.stop(broker)
        self.ports[broker] = port
        self._write_settings(broker)
        self.start(broker)

    def signal(self, broker: int, number: Signals) -> None:
        """Sends a signal to a broker: SIGSTOP freezes it, SIGCONT lets it continue."""
        self._brokers[broker].signal(number)

    def start_all(self) -> None:
        """Starts all brokers that don't run, at the same time: one of three alone can't reach a quorum."""
        with ThreadPoolExecutor(len(self.broker_ids)) as pool:
            list(pool.map(self.start, self.broker_ids))

    def broker_settings(self, broker: int) -> dict[str, str]:
        """Returns the properties of a broker."""
        copies = str(len(self.broker_ids))
        in_sync = "2" if len(self.broker_ids) > 1 else "1"
        internal = {
            f"{topic}.{name}": value
            for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
            # With the default of 50 partitions a group's first join takes more than a second.
            for name, value in (("replication.factor", copies), ("num.partitions", "4"))
        }
        return {
            "process.roles": "broker,controller",
            "node.id": str(broker),
            "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{port}" for n, port in self._controllers.items()),
            "listeners": f"PLAINTEXT://127.0.0.1:{self.ports[broker]},CONTROLLER://127.0.0.1:{self._controllers[broker]}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._data(broker)),
            **internal,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.min.isr": in_sync,
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # A killed broker can't return before its session has expired (9 s by default).
            "broker.session.timeout.ms": "5000",
            "broker.heartbeat.interval.ms": "300",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            # The default is 128 MB, half of the heap.
            "log.cleaner.dedupe.buffer.size": str(4 * 2**20),
            **self._settings,
        }

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        for broker in self.broker_ids:
            self._write_settings(broker)
        formats = [
            Process(
                f"format of broker {broker}",
                # With an equals sign, since an id may begin with a dash.
                [*self._java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c",
                 str(self._file(broker)), *self._format_options],
                self.folder / f"format-{broker}.log",
            )
            for broker in self.broker_ids
        ]  # fmt: skip
        for process in formats:
            code = process.wait(READY_TIMEOUT_S)
            process.stop()
            if code:
                raise StackError(f"{process.name} ended with {code}:\n{process.log_end()}")

    def _write_settings(self, broker: int) -> None:
        lines = [f"{name}={value}\n" for name, value in self.broker_settings(broker).items()]
        self._file(broker).write_text("".join(lines))

    def _launch(self, broker: int) -> Process:
        command = [*self._java, "kafka.Kafka", str(self._file(broker))]
        return Process(f"kafka broker {broker}", command, self.folder / f"broker-{broker}.log")

    def _data(self, broker: int) -> Path:
        return self.folder / f"data-{broker}"

    def _file(self, broker: int) -> Path:
        return self.folder / f"broker-{broker}.properties"

    def _serves(self, broker: int) -> bool:
        """Whether a broker lists itself and all other running brokers, that is, none of them is fenced."""
        if not listening(self.ports[broker]):
            return False
        with ThreadPoolExecutor(1) as pool:  # this thread may run an event loop
            return (
                set(self.running) <= pool.submit(asyncio.run, list_brokers(f"127.0.0.1:{self.ports[broker]}")).result()
            )


@contextmanager
def kafka_to_measure() -> Iterator[str]:
    """The bootstrap servers of Apache Kafka: of the cluster that KAFKA_BOOTSTRAP_SERVERS names, or of one broker here.

    Raises:
        NoJavaError: no cluster is named, and Java or Apache Kafka's jars are missing.
        StackError: the broker didn't start.
    """
    if outside := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield outside
        return
    with tempfile.TemporaryDirectory(prefix="chirp-kafka-") as folder, KafkaCluster(Path(folder)) as cluster:
        yield cluster.bootstrap


async def list_brokers(bootstrap: str) -> set[int]:
    """Returns the ids of a cluster's brokers, or an empty set if no broker answers."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=3000)
    try:
        await admin.start()
        return {each["node_id"] for each in (await admin.describe_cluster())["brokers"]}
    except (KafkaError, TimeoutError):
        return set()
    finally:
        await admin.close()
