"""The stand-in for the store answers in the test's own process, which may stand still for seconds."""

import pytest

from worker.storage import client, probes


@pytest.fixture(autouse=True)
def _no_deadline_passes_while_the_machine_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_CONNECT_S", 60.0)
    monkeypatch.setattr(probes, "_PROBE_S", 60.0)
