"""A rollout's announcements in Debian's Alertmanager: a roll-back fires an alert, a recovery ends it."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import yaml
from pydantic import SecretStr

from loadtest.stack.ports import free_ports, listening
from loadtest.stack.processes import Process
from schemas.announcement import Incident, Severity
from tests.stack.deployment import program
from tests.unit.rollout.controller.messages.messages import message
from worker.lifecycle.clock import Clock
from worker.rollout.controller.mailbox import Sent
from worker.rollout.controller.receiver import build_receivers


@pytest.fixture
def alertmanager(tmp_path):
    """The address of an Alertmanager that notifies nobody."""
    config, (port,) = tmp_path / "alertmanager.yml", free_ports(1)
    config.write_text(yaml.safe_dump({"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}))
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={tmp_path}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    process = Process("alertmanager", command, tmp_path / "alertmanager.log")
    try:
        process.wait_until(lambda: listening(port))
        yield f"http://127.0.0.1:{port}/api/v2/alerts"
    finally:
        process.stop()


async def test_a_roll_back_fires_until_the_plan_goes_on(alertmanager):
    async with aiohttp.ClientSession() as session:

        async def alerts() -> list[dict]:
            async with session.get(alertmanager) as answer:
                return await answer.json()

        webhooks = {"oncall": SecretStr(f"alertmanager+{alertmanager}")}
        receiver = build_receivers(session, webhooks, {}, Clock().now)["oncall"]
        began = datetime.now(UTC) - timedelta(minutes=1)
        assert (await receiver.send("1", message(began))).sent is Sent.DELIVERED
        (fires,) = await alerts()
        assert fires["labels"] == {
            "alertname": "RolloutNeedsPerson",
            "rollout": "tts.rollout",
            "plan": "production",
            "severity": "critical",
        }
        assert fires["annotations"]["percentage"] == "50"
        assert datetime.fromisoformat(fires["endsAt"]) > datetime.now(UTC) + timedelta(days=6)
        recovery = message(datetime.now(UTC), incident=Incident.CLOSED, severity=Severity.INFO)
        assert (await receiver.send("2", recovery)).sent is Sent.DELIVERED
        assert await alerts() == []
