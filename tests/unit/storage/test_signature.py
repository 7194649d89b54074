"""Signatures are botocore's own, whatever the request; the key of a day follows the day and the secret."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest import mock
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from worker.storage.signature import EMPTY_SHA256, Keys, Signer

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
VALUES = st.lists(WORDS, min_size=1, max_size=3).map("  ".join)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=15).map(lambda name: f"x-amz-meta-{name}")
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def by_botocore(method: str, path: str, headers: dict[str, str], *, keys: Keys, region: str, now: datetime) -> str:
    request = AWSRequest(method=method, url=f"https://store.example:9000{path}", headers=headers)
    request.headers["X-Amz-Content-SHA256"] = EMPTY_SHA256
    signer = S3SigV4Auth(Credentials(keys.access_key, keys.secret_key, keys.token), "s3", region)
    with (
        mock.patch("botocore.auth.get_current_datetime", return_value=now.replace(tzinfo=None)),
        mock.patch.object(signer, "payload", return_value=EMPTY_SHA256),
    ):
        signer.add_auth(request)
    return request.headers["Authorization"]


@given(
    method=st.sampled_from(["HEAD", "PUT", "GET"]),
    key=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30),
    headers=st.dictionaries(NAMES, VALUES, max_size=4),
    token=st.none() | WORDS,
    region=st.sampled_from(["us-east-1", "eu-central-1"]),
    now=TIMES,
)
def test_the_signature_is_botocores(
    *, method: str, key: str, headers: dict[str, str], token: str | None, region: str, now: datetime
) -> None:
    path = f"/bucket/{quote(key, safe='/~')}"
    keys = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", token)
    signed = Signer(region, "s3").sign(
        method, path, {**headers, "host": "store.example:9000"}, EMPTY_SHA256, keys=keys, now=now
    )
    assert signed["authorization"] == by_botocore(method, path, headers, keys=keys, region=region, now=now)


def test_a_new_day_and_a_new_secret_have_their_own_key() -> None:
    signer = Signer("us-east-1", "s3")
    for day in (1, 2):
        for secret in ("one", "two"):
            keys, now = Keys("a", secret, None), datetime(2026, 1, day, tzinfo=UTC)
            signed = signer.sign("HEAD", "/b/x", {"host": "store.example:9000"}, EMPTY_SHA256, keys=keys, now=now)
            assert signed["authorization"] == by_botocore("HEAD", "/b/x", {}, keys=keys, region="us-east-1", now=now)
