"""Settings of the store's client that would change nothing are refused, with what is allowed."""

from __future__ import annotations

import pytest

from schemas.errors import UsageError
from worker.config.settings import load_settings

KEYS = {"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        KEYS,
        {**KEYS, "S3_SESSION_TOKEN": "t"},
        {"S3_SSE": "AES256"},
        {"S3_SSE": "aws:kms"},
        {"S3_SSE": "aws:kms:dsse", "S3_SSE_KMS_KEY_ID": "alias/takes"},
        {"S3_CA_FILE": "ca.pem"},
        {"S3_CA_FILE": "ca.pem", "S3_ENDPOINT_URL": "https://store"},
        {"S3_PROXY_URL": "http://name:password@proxy:3128"},
    ],
)
def test_settings_that_fit_together_are_taken(given: dict[str, str]) -> None:
    assert load_settings(given).storage.bucket == "tts-audio"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"S3_SECRET_ACCESS_KEY": "b"}, "S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY: set both"),
        ({"S3_SESSION_TOKEN": "t"}, "S3_SESSION_TOKEN: has no effect without S3_ACCESS_KEY_ID"),
        ({"S3_SSE_KMS_KEY_ID": "k"}, "S3_SSE_KMS_KEY_ID: has no effect with S3_SSE=None; allowed with aws:kms and"),
        ({"S3_SSE_KMS_KEY_ID": "k", "S3_SSE": "AES256"}, "S3_SSE_KMS_KEY_ID: has no effect with S3_SSE='AES256'"),
        (
            {"S3_CA_FILE": "ca.pem", "S3_ENDPOINT_URL": "http://store:8333"},
            "S3_CA_FILE: has no effect with S3_ENDPOINT_URL='http://store:8333'; allowed with https://",
        ),
    ],
)
def test_a_setting_without_effect_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(given)
    assert str(refused.value).startswith(message)


def test_a_proxys_password_is_not_shown() -> None:
    with pytest.raises(UsageError) as refused:
        load_settings({"S3_PROXY_URL": "http://name:password@proxy/path"})
    assert str(refused.value).startswith("S3_PROXY_URL='***': allowed is http:// or https:// and a host")
