"""Finds Java and Apache Kafka's jars, or says what is missing."""

import re
import shutil
import subprocess
from pathlib import Path

from loadtest.stack.processes import READY_TIMEOUT_S

JARS = Path(__file__).parents[2] / ".kafka" / "jars"
OLDEST = 17
# Small heap, single-threaded collector, first-tier compiler only: three brokers start beside tests on two cores.
OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


class NoJavaError(Exception):
    """Apache Kafka can't run on this machine; the message says what is missing."""


def java_command(log4j: Path) -> list[str]:
    """Returns the start of the command that runs a class of Apache Kafka.

    Args:
        log4j: log4j's configuration file.

    Raises:
        NoJavaError: Java is missing or too old, or the jars are missing.
    """
    java = shutil.which("java")
    if java is None:
        raise NoJavaError(f"Java {OLDEST} or newer is not installed; Debian has it (default-jre-headless)")
    answer = subprocess.run(
        [java, "-version"], capture_output=True, text=True, check=False, timeout=READY_TIMEOUT_S
    ).stderr
    version = re.search(r'version "(\d+)', answer)
    if version is None or int(version[1]) < OLDEST:
        raise NoJavaError(f"Java {OLDEST} or newer is needed; java -version says {answer.strip()!r}")
    if not any(JARS.glob("kafka_*.jar")):
        raise NoJavaError("Apache Kafka's jars are missing; `make test-kafka` fetches them, with Maven (Debian: maven)")
    return [java, *OPTIONS, f"-Dlog4j2.configurationFile={log4j}", "-cp", f"{JARS}/*"]
