"""The same key of the same client is the same job, in every process; any other is another job."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.field_types import JOB_ID_PATTERN
from worker.console.lines.idempotency import job_id_of_key

CLIENTS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
KEYS = st.from_regex(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?", fullmatch=True)


@given(CLIENTS, KEYS)
def test_a_key_gives_an_id_that_a_job_may_have(client: str, key: str) -> None:
    assert re.fullmatch(JOB_ID_PATTERN, job_id_of_key(client, key))
    assert job_id_of_key(client, key) == job_id_of_key(client, key)


@given(st.lists(st.tuples(CLIENTS, KEYS), unique=True))
def test_other_clients_and_other_keys_have_other_ids(pairs: list[tuple[str, str]]) -> None:
    assert len({job_id_of_key(*pair) for pair in pairs}) == len(pairs)


def test_the_id_of_a_key_never_changes() -> None:
    # Processes of two versions run side by side during an update.
    assert job_id_of_key("unity", "scene-7/line-3") == "http-036b84d8809f1c995f9a43533d6bf1ea"


@pytest.mark.parametrize("key", ["", " x", "x ", "x" * 256, "a\nb", "é", "\x7f"])
def test_a_key_that_no_header_should_hold_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="1 to 255 printable characters of ASCII"):
        job_id_of_key("unity", key)
