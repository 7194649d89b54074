"""Each receiver has a format, and a key of the kind that its format needs."""

from __future__ import annotations

import base64

import pytest

from schemas.errors import UsageError
from worker.config.settings import load_settings
from worker.config.webhooks import MessageFormat, signing_keys, split_address

ROUTING_KEY = "R0" * 16
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


@pytest.mark.parametrize(
    ("address", "split"),
    [
        ("https://hooks/x", (MessageFormat.TEXT, "https://hooks/x")),
        ("text+http://hooks/x", (MessageFormat.TEXT, "http://hooks/x")),
        ("teams+https://hooks/x?sig=a+b", (MessageFormat.TEAMS, "https://hooks/x?sig=a+b")),
    ],
)
def test_without_a_format_a_webhook_gets_text(address: str, split: tuple[MessageFormat, str]) -> None:
    assert split_address(address) == split


def test_several_keys_sign_while_one_is_replaced() -> None:
    longer = "whsec_" + base64.b64encode(b"l" * 64).decode().rstrip("=")
    assert signing_keys(f"{SECRET} {longer}") == [b"k" * 24, b"l" * 64]
    assert signing_keys("") == []


@pytest.mark.parametrize(
    ("webhooks", "keys", "message"),
    [
        ("team=https://h", f"tema={SECRET}", "ROLLOUT_WEBHOOK_KEYS: 'tema' isn't in ROLLOUT_WEBHOOKS, which has team"),
        ("", f"team={SECRET}", "ROLLOUT_WEBHOOK_KEYS: 'team' isn't in ROLLOUT_WEBHOOKS, which has nobody"),
        ("oncall=pagerduty+https://h", "", "'oncall' needs pagerduty's routing key, 32 letters and digits"),
        ("oncall=pagerduty+https://h", f"oncall={SECRET}", "'oncall' needs pagerduty's routing key"),
        ("team=slack+https://h", f"team={ROUTING_KEY}", "the key of 'team' must begin with whsec_"),
    ],
)
def test_a_key_that_belongs_to_nobody_or_is_of_another_kind_is_refused(webhooks: str, keys: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings({"ROLLOUT_WEBHOOKS": webhooks, "ROLLOUT_WEBHOOK_KEYS": keys})
    assert message in str(caught.value)
    assert SECRET not in str(caught.value)
    assert ROUTING_KEY not in str(caught.value)


def test_keys_that_fit_are_taken() -> None:
    hooks = "team=https://h,oncall=pagerduty+https://h"
    settings = load_settings(
        {"ROLLOUT_WEBHOOKS": hooks, "ROLLOUT_WEBHOOK_KEYS": f"team={SECRET} {SECRET},oncall={ROUTING_KEY}"}
    )
    assert settings.controller.webhook_keys["oncall"].get_secret_value() == ROUTING_KEY
