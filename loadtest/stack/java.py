"""Java and Apache Kafka's jars, or why there are none."""

import re
import shutil
import subprocess
from pathlib import Path

JARS = Path(__file__).parents[2] / ".kafka" / "jars"
OLDEST = 17
# A small heap, one collector thread, no second compiler: three brokers start beside tests on two cores.
OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")


class NoJavaError(Exception):
    """Apache Kafka can't run here; the message says what is missing."""


def java_command(log4j: Path) -> list[str]:
    """How to run a class of Apache Kafka.

    Args:
        log4j: the file of the log's settings.

    Raises:
        NoJavaError: Java is missing or too old, or the jars aren't there.
    """
    java = shutil.which("java")
    if java is None:
        raise NoJavaError(f"Java {OLDEST} or newer is not installed; Debian has it (default-jre-headless)")
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=30).stderr
    version = re.search(r'version "(\d+)', answer)
    if version is None or int(version[1]) < OLDEST:
        raise NoJavaError(f"Java {OLDEST} or newer is needed; java -version says {answer.strip()!r}")
    if not any(JARS.glob("kafka_*.jar")):
        raise NoJavaError("Apache Kafka's jars aren't here; `make test-kafka` fetches them, with Maven (Debian: maven)")
    return [java, *OPTIONS, f"-Dlog4j2.configurationFile={log4j}", "-cp", f"{JARS}/*"]
