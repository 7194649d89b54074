"""Access tokens for SASL OAUTHBEARER: one at a time for all connections of a process, renewed before it ends."""

import asyncio
import base64
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaError

from schemas.errors import UnavailableError
from worker.lifecycle.clock import Clock

# As Kafka's own clients do: `sasl.login.refresh.window.factor`.
_RENEW_AFTER: Final = 0.8
# Less than the health check waits for Kafka: the error is to name the source of tokens.
_WAIT_S: Final = 4.0
# A fetch goes on when nobody waits any more: a source that needs ten seconds gives its token to the next connection.
_FETCH_S: Final = 30.0
# Not each connection that is attempted requests a source that fails: aiokafka attempts ten a second.
_BETWEEN_S: Final = 1.0
# What a broker refuses of a token that is as new as this, it refuses of the next one.
_NEW_S: Final = 5.0
_NOTHING_CAME: Final = (f"none came within {_WAIT_S:g} s", "see whether the source of tokens can be reached")
_SHOWN_CLAIMS: Final = ("iss", "aud", "sub", "scope", "exp")
_SHOWN: Final = 200
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Token:
    """An access token and when it ends, in seconds since 1970."""

    value: str = field(repr=False)
    expires_at: float


FetchToken = Callable[[], Awaitable[Token]]
"""Fetches a new token; raises TokenError if there is none."""


class TokenError(KafkaError, UnavailableError):  # type: ignore[misc]  # aiokafka has no types
    """No token could be had. One of Kafka's errors, so that aiokafka tries again as it does after a refused login.

    Args:
        advice: what to do.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice

    def __str__(self) -> str:
        return str(self.args[0])


class CachedToken(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """The present token. While it is good nobody waits for the next one, and whoever must wait waits for the same.

    Args:
        fetch: gets a new one.
        extensions: are sent to the broker with each token.
    """

    def __init__(self, fetch: FetchToken, clock: Clock, extensions: Mapping[str, str]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._extensions = extensions
        self._token: Token | None = None
        self._good_until = self._renew_at = 0.0
        # By the monotonic clock: a clock that is set must not keep a source from being requested.
        self._fetched_at = self._next_fetch_at = -math.inf
        self._failure: TokenError | None = None
        self._is_refused = False
        self._fetching: asyncio.Task[None] | None = None

    async def token(self) -> str:
        """A token that is valid for a while.

        Raises:
            TokenError: none could be had within 4 s, and the last one has ended.
        """
        if self._is_refused and self._clock.monotonic() - self._fetched_at >= _NEW_S:
            self._good_until = self._renew_at = 0.0
        now = self._clock.now().timestamp()
        if now >= self._renew_at and self._clock.monotonic() >= self._next_fetch_at:
            self._begin_fetch()
        if now >= self._good_until:
            await self._wait_for_fetch()
        if self._failure is not None and now >= self._good_until:
            raise TokenError(str(self._failure), self._failure.advice)
        return self._token.value  # type: ignore[union-attr]  # a fetch sets it, or a failure

    def extensions(self) -> dict[str, str]:
        """What is sent to the broker with each token."""
        return dict(self._extensions)

    @property
    def description(self) -> str:
        """What the present token says of whom it is for; empty if there is none, or one that can't be read."""
        return "" if self._token is None else describe_token(self._token.value)

    def discard(self) -> None:
        """Has the token, which a broker has refused, replaced as soon as it isn't new: the next one may be right."""
        self._is_refused = True

    def _begin_fetch(self) -> None:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._renew(), name="token of OAUTHBEARER")

    async def _wait_for_fetch(self) -> None:
        if self._fetching is None:
            return
        try:
            async with asyncio.timeout(_WAIT_S):
                await asyncio.shield(self._fetching)
        except TimeoutError:
            raise TokenError(*_NOTHING_CAME) from None

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(_FETCH_S):
                token = await self._fetch()
        except (TokenError, TimeoutError) as error:
            self._failure = error if isinstance(error, TokenError) else TokenError(*_NOTHING_CAME)
            self._next_fetch_at = self._clock.monotonic() + _BETWEEN_S
            if self._clock.now().timestamp() < self._good_until:
                _log.warning("token_not_renewed", detail=f"{self._failure}; the present one is used until it ends")
            return
        now = self._clock.now().timestamp()
        self._token, self._failure, self._is_refused = token, None, False
        self._fetched_at = self._clock.monotonic()
        self._next_fetch_at = self._fetched_at + _BETWEEN_S
        self._good_until, self._renew_at = token.expires_at, now + (token.expires_at - now) * _RENEW_AFTER


def describe_token(value: str) -> str:
    """For whom a token in the format JWT is, and when it ends, in seconds since 1970; empty for any other token.

    What it says isn't verified.
    """
    try:
        _, claims, _ = value.split(".")
        fields = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        said = ", ".join(f"{name} {fields[name]!r}" for name in _SHOWN_CLAIMS if name in fields)
    except (ValueError, TypeError):
        return ""
    return " ".join(said.split())[:_SHOWN]
