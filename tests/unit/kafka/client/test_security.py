"""All clients of a process log in by the same token; other settings have another."""

from __future__ import annotations

from worker.config.sections import KafkaSettings
from worker.config.settings import load_settings
from worker.kafka.client.security import security_options

OAUTH = "KAFKA_SASL_OAUTHBEARER"
LOGIN = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
    f"{OAUTH}_TOKEN_ENDPOINT_URL": "https://tokens.example/token",
    f"{OAUTH}_CLIENT_ID": "worker",
    f"{OAUTH}_CLIENT_SECRET": "a secret",
    f"{OAUTH}_EXTENSIONS": "logicalCluster=lkc-1,identityPoolId=pool-1",
}


def kafka(**changes: str) -> KafkaSettings:
    return load_settings({**LOGIN, **changes}).kafka


def test_all_clients_of_a_process_share_one_token() -> None:
    first, second = (security_options(kafka())["sasl_oauth_token_provider"] for _ in range(2))
    assert first is second


def test_clients_of_other_settings_have_a_token_of_their_own() -> None:
    mine = security_options(kafka())["sasl_oauth_token_provider"]
    for changes in ({f"{OAUTH}_CLIENT_ID": "other"}, {f"{OAUTH}_EXTENSIONS": "logicalCluster=lkc-2"}):
        assert security_options(kafka(**changes))["sasl_oauth_token_provider"] is not mine
