"""The demo's stack, the settings of its worker, and the addresses of what it keeps running."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from loadtest.demo.serving import Served
from loadtest.stack.local_stack import Stack, Transport, local_stack

_ROLLOUT: Final = {
    "CHIRP3_ENABLED": "true",
    "CHIRP3_ROLLOUT_PERCENTAGE": "50",
    # All characters: the start says so aloud.
    "CHIRP3_ENABLED_CHARACTERS": "",
}
_FOLLOWED: Final = {"ROLLOUT_SOURCE": "topic"}
# The emulator makes its speech on this machine's own cores: a slow machine is no slow Google.
_PATIENCE: Final = {"TTS_TIMEOUT_BASE_S": "60"}
# A neural voice takes half a core a second of sound, and the script has lines of minutes.
_MORE_PATIENCE: Final = {"TTS_TIMEOUT_BASE_S": "3600", "TTS_TIMEOUT_MAX_S": "3600"}


@contextmanager
def demo_stack(transport: Transport | None, emulator_settings: Mapping[str, object]) -> Iterator[Stack]:
    """The local stack; with a transport on Apache Kafka, which the demo's clients and its worker join by that.

    Raises:
        StackError: a process didn't start.
        NoJavaError: Apache Kafka can't run on this machine.
    """
    if transport is None:
        with local_stack("noida", emulator_settings) as stack:
            yield stack
        return
    # The certificates' library is the developers'.
    from loadtest.stack.secure_kafka import SecureKafka  # noqa: PLC0415
    from loadtest.stack.token_endpoint import TokenEndpoint  # noqa: PLC0415

    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="chirp-kafka-", ignore_cleanup_errors=True))
        kafka = opened.enter_context(SecureKafka(Path(folder), opened.enter_context(TokenEndpoint())))
        stack = opened.enter_context(local_stack("external", emulator_settings, kafka=kafka.bootstrap))
        yield replace(stack, kafka_settings=kafka.client_settings(transport))


def demo_settings(stack: Stack, *, keep: bool = False, neural: bool = False) -> dict[str, str]:
    """The settings of the demo's worker; one that is kept follows the rollout's topic, which the console changes."""
    patience = _MORE_PATIENCE if neural else _PATIENCE
    return {**stack.environment, **_ROLLOUT, **patience, **(_FOLLOWED if keep else {})}


def exports(stack: Stack, worker: str, served: Served) -> list[str]:
    """`export NAME=value` for all addresses: pasted into a shell, they lead `chirp-worker` to this stack.

    Args:
        stack: what is running.
        worker: the address of the worker's HTTP server.
        served: the HTTP API.
    """
    # The instance id is the running worker's alone: a second one by that name would throw it out of the group.
    reach = {name: value for name, value in stack.environment.items() if name != "KAFKA_GROUP_INSTANCE_ID"}
    addresses = {
        "EMULATOR_DOOR": stack.control,
        "WORKER_METRICS": f"{worker}/metrics",
        "CHIRP_API": served.address,
        "CHIRP_TOKEN": served.token,
    }
    return [f"export {name}={value}" for name, value in {**reach, **_ROLLOUT, **_FOLLOWED, **addresses}.items()]
