"""The command that tests the webhooks: `rollout notify --test`."""

import asyncio
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Final
from uuid import uuid4

import typer

from schemas.announcement import Incident, RolloutAnnouncement
from schemas.errors import UsageError
from schemas.topics import ROLLOUT, prefixed
from worker.cli import terminal
from worker.cli.exit_codes import ExitCode
from worker.config.settings import Settings, load_settings
from worker.config.webhooks import MessageFormat
from worker.lifecycle.clock import Clock
from worker.rollout.controller.announcements import example
from worker.rollout.controller.mailbox import Sent
from worker.rollout.controller.receiver import Delivery, Receiver, build_receivers, webhook_session

_TRACKS_INCIDENTS: Final = frozenset({MessageFormat.PAGERDUTY, MessageFormat.ALERTMANAGER})
_REDIRECTED: Final = "it redirects, which isn't followed: put the address that it leads to into ROLLOUT_WEBHOOKS"
_REDIRECTS: Final = (
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
)
_BY_STATUS: Final[Mapping[int, str]] = {
    **dict.fromkeys(_REDIRECTS, _REDIRECTED),
    HTTPStatus.BAD_REQUEST: "it doesn't understand {format}: is that the format of this address, and is its key right?",
    HTTPStatus.UNAUTHORIZED: "correct the address, or the key in ROLLOUT_WEBHOOK_KEYS",
    HTTPStatus.FORBIDDEN: "correct the address, or the key in ROLLOUT_WEBHOOK_KEYS",
    HTTPStatus.NOT_FOUND: "there is no such webhook: correct its address in ROLLOUT_WEBHOOKS",
    HTTPStatus.GONE: "the webhook was removed: correct its address in ROLLOUT_WEBHOOKS",
    HTTPStatus.TOO_MANY_REQUESTS: "it takes no more messages now: try again later",
}
_BY_ERROR: Final = {
    "TimeoutError": "no answer within 10 s: check the host, and the firewall or proxy on the way",
    "ConnectionTimeoutError": "no connection within 10 s: check the host, and the firewall or proxy on the way",
    "InvalidUrlClientError": "no address: correct it in ROLLOUT_WEBHOOKS",
    "ClientConnectorDNSError": "its host has no address: correct the host in ROLLOUT_WEBHOOKS, or the name server",
    "ClientConnectorCertificateError": "its certificate isn't trusted: check the host's name and its authority",
    "ClientConnectorSSLError": "no TLS: should the address begin with http:// or have another port?",
    "ClientConnectorError": "nothing accepts connections there: check the host, its port and the firewall",
}


def notify(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="An audience of ROLLOUT_WEBHOOKS; default all.")
    ] = None,
    *,
    test: Annotated[bool, typer.Option("--test", help="Send a message that says that it is a test.")] = False,
) -> None:
    """Send a test message to each webhook, and print its answer; the exit code is 1 if one fails."""
    settings = load_settings()
    names = sorted(settings.controller.webhooks)
    if not names:
        raise UsageError("ROLLOUT_WEBHOOKS is unset: it has the receivers' addresses")
    if name is not None and name not in names:
        raise UsageError(f"{name!r}: allowed is an audience of ROLLOUT_WEBHOOKS: {', '.join(names)}")
    if not test:
        raise UsageError("--test is missing: the controller alone sends other messages")
    deliveries = asyncio.run(_send_tests(settings, names if name is None else [name]))
    if any(delivery.sent is not Sent.DELIVERED for delivery in deliveries):
        raise typer.Exit(ExitCode.FAILED)


async def _send_tests(settings: Settings, names: list[str]) -> list[Delivery]:
    topic, host, clock = prefixed(ROLLOUT, settings.kafka.topic_prefix), socket.gethostname(), Clock()
    deliveries = []
    async with webhook_session() as session:
        controller = settings.controller
        receivers = build_receivers(session, controller.webhooks, controller.webhook_keys, clock.now)
        for name in names:
            receiver = receivers[name]
            delivery = await _send(receiver, example(topic, host, clock.now(), Incident.OPEN))
            if delivery.sent is Sent.DELIVERED and receiver.format in _TRACKS_INCIDENTS:
                delivery = await _send(receiver, example(topic, host, clock.now(), Incident.CLOSED))
            terminal.say(f"{name:<{max(map(len, names))}}  {receiver.format:<12}  {_describe(receiver, delivery)}")
            deliveries.append(delivery)
    return deliveries


async def _send(receiver: Receiver, message: RolloutAnnouncement) -> Delivery:
    return await receiver.send(uuid4().hex, message)


def _describe(receiver: Receiver, delivery: Delivery) -> str:
    if delivery.sent is Sent.DELIVERED:
        return f"{delivery.status}  delivered"
    if delivery.status is None:
        return f"---  {_BY_ERROR.get(delivery.error, f'{delivery.error}: correct the address or repair the receiver')}"
    advice = "it fails: try again later, or repair it" if delivery.sent is Sent.FAILED else "it refuses the message"
    return f"{delivery.status}  {_BY_STATUS.get(delivery.status, advice).format(format=receiver.format)}"
