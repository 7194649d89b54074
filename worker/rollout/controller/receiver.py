"""A receiver of announcements: one webhook with its format and its keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final

import aiohttp
from pydantic import SecretStr

from schemas.announcement import RolloutAnnouncement
from worker.config.webhooks import MessageFormat, signing_keys, split_address
from worker.rollout.controller.mailbox import Sent
from worker.rollout.controller.messages.body import message_body
from worker.rollout.controller.messages.signature import webhook_headers

_TIMEOUT_S: Final = 10.0
_RETRYABLE: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True)
class Delivery:
    """What became of an attempt to send a message.

    Attributes:
        status: the HTTP status; None without an answer.
        error: the error's class; empty if it was delivered. Its text may contain the address, which is secret.
    """

    sent: Sent
    status: int | None
    error: str = ""


@dataclass(frozen=True)
class Receiver:
    """Posts messages to an address. Address and key may be in files: they are read at each message.

    Attributes:
        key: of PagerDuty the routing key, of others what signs; None: nothing is signed.
        now: the present time.
    """

    session: aiohttp.ClientSession = field(repr=False)
    address: SecretStr
    key: SecretStr | None
    now: Callable[[], datetime] = field(repr=False)

    @property
    def format(self) -> MessageFormat:
        """The format of its messages."""
        return split_address(self.address.get_secret_value())[0]

    async def send(self, identity: str, message: RolloutAnnouncement) -> Delivery:
        """Sends a message once, within ten seconds.

        Args:
            identity: the same in each attempt, so that the receiver can drop a repeat.
        """
        try:
            status = await self._post(identity, message)
        except (aiohttp.ClientError, TimeoutError) as error:
            sent = Sent.FAILED if _is_retryable(error) else Sent.REFUSED
            answered = error.status if isinstance(error, aiohttp.ClientResponseError) else None
            return Delivery(sent, answered, type(error).__name__)
        except ValueError as error:
            # A key in a file that was replaced by one of another kind. Once it is right the message can be sent.
            return Delivery(Sent.FAILED, None, type(error).__name__)
        return Delivery(Sent.DELIVERED, status)

    async def _post(self, identity: str, message: RolloutAnnouncement) -> int:
        chosen, url = split_address(self.address.get_secret_value())
        key = self.key.get_secret_value() if self.key is not None else ""
        is_routing_key = chosen is MessageFormat.PAGERDUTY
        body = message_body(chosen, message, key if is_routing_key else "")
        keys = [] if is_routing_key else signing_keys(key)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": identity,
            **webhook_headers(identity, int(self.now().timestamp()), body, keys),
        }
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        # A redirect could lead body and key to somebody else, and most redirects lose the body.
        async with self.session.post(
            url, data=body, timeout=timeout, headers=headers, allow_redirects=False
        ) as response:
            response.raise_for_status()
            if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise aiohttp.ClientResponseError(response.request_info, (), status=response.status)
            return response.status


def webhook_session() -> aiohttp.ClientSession:
    """A session for messages; the proxy of HTTPS_PROXY, HTTP_PROXY and NO_PROXY counts, as for the store."""
    return aiohttp.ClientSession(trust_env=True)


def build_receivers(
    session: aiohttp.ClientSession,
    webhooks: Mapping[str, SecretStr],
    keys: Mapping[str, SecretStr],
    now: Callable[[], datetime],
) -> dict[str, Receiver]:
    """The receiver of each audience."""
    return {audience: Receiver(session, address, keys.get(audience), now) for audience, address in webhooks.items()}


def _is_retryable(error: BaseException) -> bool:
    """Whether the same request may work later."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status in _RETRYABLE
    return not isinstance(error, aiohttp.InvalidURL)
