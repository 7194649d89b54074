"""Settings of Kafka's encryption and login: what belongs together, and what would have no effect."""

import pytest

from schemas.errors import UsageError
from worker.config.settings import load_settings

LOGIN = {"KAFKA_SASL_USERNAME": "worker", "KAFKA_SASL_PASSWORD": "hunter2"}
SCRAM = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", **LOGIN}
MTLS = {
    "KAFKA_SECURITY_PROTOCOL": "SSL",
    "KAFKA_SSL_CERTIFICATE_LOCATION": "client.pem",
    "KAFKA_SSL_KEY_LOCATION": "client.key",
    "KAFKA_SSL_KEY_PASSWORD": "hunter2",
}
OAUTH = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "OAUTHBEARER"}
OIDC = {
    **OAUTH,
    "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": "https://idp.example/token",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_ID": "worker",
    "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": "hunter2",
}
MSK = {**OAUTH, "KAFKA_SASL_OAUTHBEARER_METHOD": "aws_msk_iam"}
GOOGLE = {**OAUTH, "KAFKA_SASL_OAUTHBEARER_METHOD": "google"}


def refused(environment: dict[str, str]) -> str:
    with pytest.raises(UsageError) as caught:
        load_settings(environment)
    message = str(caught.value)
    assert "hunter2" not in message
    assert len(message.splitlines()) == 1
    return message


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"KAFKA_SECURITY_PROTOCOL": "SSL"},
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_LOCATION": "ca.pem"},
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CERTIFICATE_LOCATION": "both.pem"},
        MTLS,
        SCRAM,
        {**SCRAM, **MTLS, "KAFKA_SECURITY_PROTOCOL": "SASL_SSL"},
        {**SCRAM, "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_SASL_MECHANISM": "PLAIN"},
        {**OIDC, "KAFKA_SASL_OAUTHBEARER_SCOPE": "kafka all", "KAFKA_HTTPS_CA_LOCATION": "ca.pem"},
        {**MSK, "KAFKA_SASL_OAUTHBEARER_AWS_REGION": "us-gov-east-1"},
        GOOGLE,
    ],
)
def test_what_belongs_together_is_taken(environment: dict[str, str]) -> None:
    kafka = load_settings(environment).kafka
    assert kafka.security_protocol == environment.get("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")


@pytest.mark.parametrize(
    ("environment", "named", "reason"),
    [
        ({"KAFKA_SSL_CA_LOCATION": "ca.pem"}, "KAFKA_SSL_CA_LOCATION", "KAFKA_SECURITY_PROTOCOL='PLAINTEXT'"),
        ({**MTLS, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "KAFKA_SSL_CERTIFICATE_LOCATION", "SSL and SASL_SSL"),
        ({**MTLS, "KAFKA_SSL_CERTIFICATE_LOCATION": ""}, "KAFKA_SSL_KEY_LOCATION", "KAFKA_SSL_CERTIFICATE_LOCATION"),
        ({**MTLS, "KAFKA_SASL_MECHANISM": "PLAIN"}, "KAFKA_SASL_MECHANISM", "SASL_PLAINTEXT and SASL_SSL"),
        ({**SCRAM, "KAFKA_SECURITY_PROTOCOL": ""}, "KAFKA_SASL_MECHANISM", "KAFKA_SECURITY_PROTOCOL='PLAINTEXT'"),
        (LOGIN, "KAFKA_SASL_USERNAME", "KAFKA_SECURITY_PROTOCOL='PLAINTEXT'"),
        ({**SCRAM, "KAFKA_SASL_MECHANISM": ""}, "KAFKA_SASL_MECHANISM", "PLAIN, SCRAM-SHA-256"),
        ({**SCRAM, "KAFKA_SASL_USERNAME": ""}, "KAFKA_SASL_USERNAME", "KAFKA_SASL_MECHANISM='SCRAM-SHA-512' needs it"),
        ({**SCRAM, "KAFKA_SASL_PASSWORD": ""}, "KAFKA_SASL_PASSWORD", "needs it"),
        (
            {**SCRAM, **OIDC, "KAFKA_SASL_MECHANISM": "PLAIN"},
            "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
            "OAUTHBEARER",
        ),
        ({**OIDC, **LOGIN}, "KAFKA_SASL_USERNAME", "PLAIN and SCRAM"),
        (OAUTH, "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", "='oidc' needs it"),
        ({**OIDC, "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": ""}, "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET", "needs it"),
        ({**OIDC, **MSK}, "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", "aws_msk_iam'; allowed with oidc"),
        ({**GOOGLE, "KAFKA_HTTPS_CA_LOCATION": "ca.pem"}, "KAFKA_HTTPS_CA_LOCATION", "allowed with oidc"),
        ({**OIDC, "KAFKA_SASL_OAUTHBEARER_AWS_REGION": "eu-central-1"}, "KAFKA_SASL_OAUTHBEARER_AWS_REGION", "aws_msk"),
    ],
)
def test_what_would_have_no_effect_or_is_missing_is_refused_by_name(
    environment: dict[str, str], named: str, reason: str
) -> None:
    message = refused(environment)
    assert message.startswith(f"{named}: ")
    assert reason in message


def test_extensions_are_names_with_values() -> None:
    kafka = load_settings({**OIDC, "KAFKA_SASL_OAUTHBEARER_EXTENSIONS": "logicalCluster=lkc-1, identityPoolId=p-=2"})
    assert kafka.kafka.oauth_extensions == {"logicalCluster": "lkc-1", "identityPoolId": "p-=2"}
