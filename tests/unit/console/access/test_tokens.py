"""Tokens: the file holds hashes, a wrong line is named without them, and only the whole token opens."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.console.access.tokens import (
    LOCAL,
    TOKEN_BYTES,
    Client,
    Scope,
    find_client,
    missing_scope,
    new_token,
    parse_client,
    parse_tokens,
)

NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
CLIENTS = st.builds(Client, NAMES, st.sets(st.sampled_from(Scope), min_size=1).map(frozenset))
RANDOM = st.binary(min_size=TOKEN_BYTES, max_size=TOKEN_BYTES)


@given(CLIENTS, RANDOM)
def test_a_new_token_is_found_by_its_line(client: Client, random: bytes) -> None:
    token, entry = new_token(client, random)
    assert token.startswith("chirp_")
    assert entry.line() == f"{client.name} {entry.line().split()[1]} {hashlib.sha256(token.encode()).hexdigest()}"
    assert token not in entry.line()
    assert parse_tokens(entry.line()) == (entry,)
    assert find_client(parse_tokens(entry.line()), token) == client


@given(st.lists(st.tuples(CLIENTS, RANDOM), min_size=1, unique_by=lambda each: each[1]), st.data())
def test_each_token_opens_for_its_own_client_and_a_changed_one_for_nobody(
    made: list[tuple[Client, bytes]], data: st.DataObject
) -> None:
    tokens = [new_token(client, random) for client, random in made]
    entries = [entry for _, entry in tokens]
    for (client, _), (token, _) in zip(made, tokens, strict=True):
        assert find_client(entries, token) == client
    token = data.draw(st.sampled_from([token for token, _ in tokens]))
    assert find_client(entries, token[:-1]) is None
    assert find_client(entries, token + "x") is None
    assert find_client(entries, token.swapcase()) is None


@given(st.text())
def test_no_text_opens_without_entries_nor_by_a_hash_itself(text: str) -> None:
    _, entry = new_token(LOCAL, bytes(TOKEN_BYTES))
    assert find_client([], text) is None
    assert find_client([entry], entry.sha256) is None


def test_comments_and_empty_lines_do_not_count() -> None:
    _, entry = new_token(Client("unity", frozenset({Scope.ENQUEUE, Scope.READ})), bytes(TOKEN_BYTES))
    text = f"# games\n\n  {entry.line()}   # the one of March\n"
    assert parse_tokens(text) == (entry,)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("unity enqueue", "line 2: allowed is `<client> <scopes> <SHA-256>`"),
        ("unity enqueue,read chirp_x3XOquhXWbeaCWzbeq0I", "line 2: allowed is `<client> <scopes> <SHA-256>`"),
        (f"Unity enqueue {'a' * 64}", "line 2: client='Unity': allowed are a-z, 0-9 and -"),
        (f"unity write {'a' * 64}", "line 2: scopes='write': allowed are enqueue, read, feedback, operate, listen"),
        (
            f"unity enqueue, {'a' * 64}",
            "line 2: scopes='enqueue,': allowed are enqueue, read, feedback, operate, listen",
        ),
        (f"unity enqueue {'A' * 64}", "line 2: allowed is `<client> <scopes> <SHA-256>`"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_allowed_and_never_the_secret(line: str, named: str) -> None:
    with pytest.raises(ValueError, match="line 2") as refused:
        parse_tokens(f"# a comment\n{line}\n")
    assert str(refused.value).startswith(named)
    assert "chirp_" not in str(refused.value)
    assert "aaaa" not in str(refused.value).lower()


def test_a_client_lacks_the_scopes_that_it_has_not() -> None:
    reader = parse_client("wiki", "read")
    assert missing_scope(reader, Scope.READ) is None
    assert missing_scope(reader, Scope.ENQUEUE) == "scope 'enqueue' is missing: wiki has read"
    assert {missing_scope(LOCAL, scope) for scope in Scope} == {None}
