"""The settings of the demo's worker, and the addresses of what it keeps running."""

from typing import Final

from loadtest.stack.local_stack import Stack

_ROLLOUT: Final = {
    "CHIRP3_ENABLED": "true",
    "CHIRP3_ROLLOUT_PERCENTAGE": "50",
    # All characters: the start says so aloud.
    "CHIRP3_ENABLED_CHARACTERS": "",
}
# The emulator makes its speech on this machine's own cores: a slow machine is no slow Google.
_PATIENCE: Final = {"TTS_TIMEOUT_BASE_S": "20"}


def demo_settings(stack: Stack) -> dict[str, str]:
    """The settings of the demo's worker."""
    return {**stack.environment, **_ROLLOUT, **_PATIENCE}


def exports(stack: Stack, worker: str) -> list[str]:
    """`export NAME=value` for all addresses: pasted into a shell, they lead `chirp-worker` to this stack.

    Args:
        stack: what is running.
        worker: the address of the worker's HTTP server.
    """
    # The instance id is the running worker's alone: a second one by that name would throw it out of the group.
    reach = {name: value for name, value in stack.environment.items() if name != "KAFKA_GROUP_INSTANCE_ID"}
    addresses = {"EMULATOR_DOOR": stack.control, "WORKER_METRICS": f"{worker}/metrics"}
    return [f"export {name}={value}" for name, value in {**reach, **_ROLLOUT, **addresses}.items()]
