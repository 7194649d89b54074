"""Signatures are those of Standard Webhooks, so that each of its libraries can check them."""

from __future__ import annotations

from worker.config.webhooks import signing_keys
from worker.rollout.controller.messages.signature import webhook_headers

# The vector of the reference libraries (github.com/standard-webhooks/standard-webhooks).
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
IDENTITY = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector_is_reproduced() -> None:
    assert webhook_headers(IDENTITY, 1614265330, BODY, signing_keys(SECRET)) == {
        "webhook-id": IDENTITY,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_each_key_has_its_signature() -> None:
    other = "whsec_" + "B" * 32
    both = webhook_headers(IDENTITY, 1614265330, BODY, signing_keys(f"{other} {SECRET}"))["webhook-signature"]
    assert both.split(" ")[1] == SIGNATURE
    assert len(set(both.split(" "))) == 2


def test_without_a_key_a_message_has_its_id_and_no_signature() -> None:
    assert set(webhook_headers(IDENTITY, 1614265330, BODY, [])) == {"webhook-id", "webhook-timestamp"}


def test_another_time_or_another_body_has_another_signature() -> None:
    keys = signing_keys(SECRET)
    made = {
        webhook_headers(IDENTITY, time, body, keys)["webhook-signature"]
        for time in (1614265330, 1614265331)
        for body in (BODY, b"{}")
    }
    assert len(made) == 4
