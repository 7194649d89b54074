"""A token is renewed before it ends, fetched once for all who wait, and forgotten once a broker has refused it."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.unit.loop_clock import NEVER_S
from worker.kafka.client import oauth_token
from worker.kafka.client.oauth_token import CachedToken, Token, TokenError, describe_token
from worker.lifecycle.clock import Clock

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LIFE_S = 100.0


class Hands:
    """Sets a clock by hand."""

    passed_s = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.passed_s, now=lambda: BEGIN + timedelta(seconds=self.passed_s))


class Source:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.requested = self.fetched = 0
        self.failure: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self) -> Token:
        self.requested += 1
        await self.open.wait()
        if self.failure:
            raise self.failure
        self.fetched += 1
        return Token(f"token-{self.fetched}", self.clock.now().timestamp() + LIFE_S)


@pytest.fixture(autouse=True)
def _no_deadline_passes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_token, "_WAIT_S", NEVER_S)
    monkeypatch.setattr(oauth_token, "_FETCH_S", NEVER_S)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def source(hands: Hands) -> Source:
    return Source(hands.clock)


@pytest.fixture
def cached(source: Source, hands: Hands) -> CachedToken:
    return CachedToken(source.fetch, hands.clock, {"logicalCluster": "lkc-1"})


async def fetched() -> None:
    """Lets a fetch that nobody waits for end."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("passed_s", "token"), [(0.0, "token-1"), (79.9, "token-1"), (80.0, "token-2")])
async def test_a_token_is_renewed_after_four_fifths_of_its_life(
    passed_s: float, token: str, cached: CachedToken, hands: Hands
) -> None:
    assert await cached.token() == "token-1"
    hands.passed_s = passed_s
    assert await cached.token() == "token-1"
    await fetched()
    assert await cached.token() == token


async def test_nobody_waits_for_a_source_while_the_present_token_is_good(
    cached: CachedToken, source: Source, hands: Hands
) -> None:
    await cached.token()
    source.open.clear()
    hands.passed_s = 99.0
    assert [await cached.token() for _ in range(3)] == ["token-1"] * 3
    await fetched()
    source.open.set()
    await fetched()
    assert await cached.token() == "token-2"
    assert source.requested == 2


async def test_a_source_that_answers_late_gives_its_token_to_a_later_connection(
    cached: CachedToken, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth_token, "_WAIT_S", 0.01)
    source.open.clear()
    for _ in range(2):
        with pytest.raises(TokenError, match="none came within"):
            await cached.token()
    source.open.set()
    await fetched()
    assert await cached.token() == "token-1"
    assert source.requested == 1


async def test_a_source_that_fails_is_requested_once_a_second(
    cached: CachedToken, source: Source, hands: Hands
) -> None:
    source.failure = TokenError("the endpoint is down", "start it")
    for passed_s, requested in ((0.0, 1), (0.9, 1), (1.0, 2)):
        hands.passed_s = passed_s
        with pytest.raises(TokenError, match=r"^the endpoint is down$"):
            await cached.token()
        assert source.requested == requested


async def test_connections_that_are_opened_at_once_share_one_token(cached: CachedToken, source: Source) -> None:
    source.open.clear()
    waiting = [asyncio.create_task(cached.token()) for _ in range(5)]
    await asyncio.sleep(0)
    source.open.set()
    assert await asyncio.gather(*waiting) == ["token-1"] * 5


async def test_a_token_that_can_not_be_renewed_is_used_until_it_ends(
    cached: CachedToken, source: Source, hands: Hands
) -> None:
    await cached.token()
    source.failure = TokenError("the endpoint is down", "start it")
    hands.passed_s = 99.0
    with capture_logs() as logs:
        assert await cached.token() == "token-1"
        await fetched()
        assert await cached.token() == "token-1"
    assert [(line["event"], line["detail"]) for line in logs] == [
        ("token_not_renewed", "the endpoint is down; the present one is used until it ends")
    ]
    hands.passed_s = LIFE_S
    with pytest.raises(TokenError, match=r"^the endpoint is down$") as raised:
        await cached.token()
    assert raised.value.advice == "start it"
    source.failure = None
    hands.passed_s += 1
    assert await cached.token() == "token-2"


@pytest.mark.parametrize(("passed_s", "token"), [(4.9, "token-1"), (5.0, "token-2")])
async def test_a_token_that_a_broker_has_refused_is_not_shown_again_once_the_next_may_differ(
    passed_s: float, token: str, cached: CachedToken, hands: Hands
) -> None:
    assert await cached.token() == "token-1"
    cached.discard()
    hands.passed_s = passed_s
    assert await cached.token() == token
    hands.passed_s += 5
    assert await cached.token() == "token-2"


async def test_a_source_that_does_not_answer_is_an_error_that_says_so(
    cached: CachedToken, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth_token, "_FETCH_S", 0.01)
    source.open.clear()
    with pytest.raises(TokenError, match="none came within"):
        await cached.token()


def test_a_token_is_not_shown_where_its_object_is() -> None:
    assert "secret" not in repr(Token("secret", 0.0))


async def test_who_is_cancelled_while_a_token_is_fetched_keeps_nobody_else_waiting(
    cached: CachedToken, source: Source
) -> None:
    source.open.clear()
    first, second = asyncio.create_task(cached.token()), asyncio.create_task(cached.token())
    await asyncio.sleep(0)
    first.cancel()
    source.open.set()
    assert await second == "token-1"
    assert cached.extensions() == {"logicalCluster": "lkc-1"}


def test_a_fetch_that_ended_with_its_event_loop_keeps_no_token_from_the_next_loop(hands: Hands) -> None:
    hanging = True

    async def fetch() -> Token:
        if hanging:
            await asyncio.Event().wait()
        return Token("token", hands.clock.now().timestamp() + LIFE_S)

    async def leave(cached: CachedToken) -> None:
        waiting = asyncio.create_task(cached.token())
        await fetched()
        waiting.cancel()

    cached = CachedToken(fetch, hands.clock, {})
    asyncio.run(leave(cached))
    hanging = False
    assert asyncio.run(cached.token()) == "token"


def jwt(claims: object) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts) + ".x"


def test_a_token_is_described_by_whom_it_is_for_and_by_no_other_claim() -> None:
    claims = {"iss": "https://tokens", "aud": ["a", "b"], "sub": "worker", "exp": 5, "email": "a@b.c"}
    assert describe_token(jwt(claims)) == "iss 'https://tokens', aud ['a', 'b'], sub 'worker', exp 5"


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "..", jwt(5), jwt(["iss"]), "a.é.c"])
def test_a_token_that_is_no_jwt_has_no_description(token: str) -> None:
    assert describe_token(token) == ""


@given(st.text(max_size=60) | st.dictionaries(st.sampled_from(["iss", "aud", "x"]), st.text()).map(jwt))
def test_a_description_is_one_short_line_whatever_the_token_holds(token: str) -> None:
    described = describe_token(token)
    assert len(described) <= 200
    assert len(described.splitlines()) <= 1
