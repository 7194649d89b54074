"""Apache Kafka on free loopback ports: starts, stops, kills and restarts its brokers."""

import asyncio
import base64
import shutil
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from signal import Signals
from typing import Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from loadtest.stack.java import java_command
from loadtest.stack.processes import Process, Restartable, StackError, free_ports, listening

LOG4J = """\
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1}: %m%n
"""


class KafkaCluster:
    """Brokers that are controllers too (KRaft), each with its port and data. They run while the context lasts.

    Its calls wait until the brokers that run know each other, and may be made from a thread:
    `await asyncio.to_thread(cluster.restart, 1)`.

    Args:
        folder: where data and logs go.
        brokers: 1, or 3 with every topic on all three and writes acknowledged by two.
        settings: of the brokers, beside or instead of `settings_of`.
    """

    def __init__(self, folder: Path, brokers: int = 1, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.broker_ids = list(range(1, brokers + 1))
        ports = free_ports(2 * brokers)
        self.ports = dict(zip(self.broker_ids, ports[:brokers], strict=True))
        self._controllers = dict(zip(self.broker_ids, ports[brokers:], strict=True))
        self._settings = settings or {}
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
        """The brokers whose process runs."""
        return [broker for broker, process in self._brokers.items() if process.running]

    def __enter__(self) -> Self:
        try:
            self._format()
            for broker in self.broker_ids:
                self._brokers[broker] = Restartable(partial(self._launch, broker), partial(self._serves, broker), 60.0)
            for process in self._brokers.values():
                process.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # The data is thrown away, and the last broker would wait for a controller that is gone.
        for process in self._brokers.values():
            process.kill()
        for broker in self.broker_ids:
            shutil.rmtree(self._data(broker), ignore_errors=True)

    def start(self, broker: int) -> None:
        """Starts a broker that isn't running and waits until all that run know it as one of them."""
        self._brokers[broker].start()

    def stop(self, broker: int) -> None:
        """SIGTERM: the broker hands its partitions over first."""
        self._brokers[broker].stop()

    def kill(self, broker: int) -> None:
        """SIGKILL."""
        self._brokers[broker].kill()

    def restart(self, broker: int) -> None:
        """Stops a broker that runs, and starts it again on the same port with the same data."""
        self._brokers[broker].restart()

    def signal(self, broker: int, number: Signals) -> None:
        """SIGSTOP and SIGCONT freeze a broker and let it go on."""
        self._brokers[broker].signal(number)

    def start_all(self) -> None:
        """Starts those that don't run, all at once: alone, one of three can't reach a quorum."""
        with ThreadPoolExecutor(len(self.broker_ids)) as pool:
            list(pool.map(self.start, self.broker_ids))

    def settings_of(self, broker: int) -> dict[str, str]:
        """The file of a broker."""
        copies = str(len(self.broker_ids))
        in_sync = "2" if len(self.broker_ids) > 1 else "1"
        internal = {
            f"{topic}.{name}": value
            for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
            # Fifty partitions each would take a group's first join a second and more.
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
            # A killed broker can't come back before its session is over (9 s by default).
            "broker.session.timeout.ms": "5000",
            "broker.heartbeat.interval.ms": "300",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
            # 128 MB by default, out of a heap of 256.
            "log.cleaner.dedupe.buffer.size": str(4 * 2**20),
            **self._settings,
        }

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        for broker in self.broker_ids:
            lines = [f"{name}={value}\n" for name, value in self.settings_of(broker).items()]
            self._file(broker).write_text("".join(lines))
        formats = [
            Process(
                f"format of broker {broker}",
                # The equals sign, since an id may begin with a dash.
                [*self._java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c",
                 str(self._file(broker))],
                self.folder / f"format-{broker}.log",
            )
            for broker in self.broker_ids
        ]  # fmt: skip
        for process in formats:
            code = process.wait(60)
            process.stop()
            if code:
                raise StackError(f"{process.name} ended with {code}:\n{process.log_end()}")

    def _launch(self, broker: int) -> Process:
        command = [*self._java, "kafka.Kafka", str(self._file(broker))]
        return Process(f"kafka broker {broker}", command, self.folder / f"broker-{broker}.log")

    def _data(self, broker: int) -> Path:
        return self.folder / f"data-{broker}"

    def _file(self, broker: int) -> Path:
        return self.folder / f"broker-{broker}.properties"

    def _serves(self, broker: int) -> bool:
        """Whether a broker counts itself and the others that run among the cluster's: none of them is fenced."""
        if not listening(self.ports[broker]):
            return False
        with ThreadPoolExecutor(1) as pool:  # this thread may have a loop that runs
            return set(self.running) <= pool.submit(asyncio.run, brokers_of(f"127.0.0.1:{self.ports[broker]}")).result()


async def brokers_of(bootstrap: str) -> set[int]:
    """The brokers that a cluster has, none if it doesn't answer; asked of the first that does."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=3000)
    try:
        await admin.start()
        return {each["node_id"] for each in (await admin.describe_cluster())["brokers"]}
    except (KafkaError, TimeoutError):
        return set()
    finally:
        await admin.close()
