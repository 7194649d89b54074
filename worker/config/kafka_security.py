"""How Kafka's clients encrypt and log in. The variables are librdkafka's properties in capitals, after `KAFKA_`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from schemas.errors import UsageError
from worker.config.parsing import Extensions, Secret
from worker.config.section import SettingsSection, setting

_FILE: Final = "the path of a PEM file"
_TLS: Final = ("SSL", "SASL_SSL")
_SASL: Final = ("SASL_PLAINTEXT", "SASL_SSL")


class KafkaSecuritySettings(SettingsSection):
    """Encryption and login. Files and secrets are read again when they change; new connections use them."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "KAFKA_SECURITY_PROTOCOL", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", "PLAINTEXT"
    )
    ssl_ca_location: Path | None = setting(
        "KAFKA_SSL_CA_LOCATION", f"{_FILE} with the brokers' authorities; unset for those of the system", None
    )
    ssl_certificate_location: Path | None = setting(
        "KAFKA_SSL_CERTIFICATE_LOCATION", f"{_FILE} with the client's certificate and its chain", None
    )
    ssl_key_location: Path | None = setting(
        "KAFKA_SSL_KEY_LOCATION", f"{_FILE} with the certificate's key; unset if it is in the certificate's file", None
    )
    ssl_key_password: Secret | None = setting("KAFKA_SSL_KEY_PASSWORD", "the key's passphrase", None)
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = setting(
        "KAFKA_SASL_MECHANISM", "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER", None
    )
    # A secret, as the access key's id of S3 is: an API key and its secret are replaced together, in files.
    sasl_username: Secret | None = setting("KAFKA_SASL_USERNAME", "the user of PLAIN and SCRAM", None)
    sasl_password: Secret | None = setting("KAFKA_SASL_PASSWORD", "the password of PLAIN and SCRAM", None)
    oauth_method: Literal["oidc", "aws_msk_iam", "google"] = setting(
        "KAFKA_SASL_OAUTHBEARER_METHOD",
        "oidc (client credentials), aws_msk_iam (AWS' credentials) or google (Google's): where tokens come from",
        "oidc",
    )
    oauth_token_endpoint_url: str | None = setting(
        "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
        "https:// or http:// and a host, without user and query",
        None,
        pattern=r"^https?://[^\s?#@]+$",
    )
    oauth_client_id: Secret | None = setting("KAFKA_SASL_OAUTHBEARER_CLIENT_ID", "the client's id", None)
    oauth_client_secret: Secret | None = setting("KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET", "the client's secret", None)
    oauth_scope: str | None = setting(
        "KAFKA_SASL_OAUTHBEARER_SCOPE", "scopes with spaces between them", None, pattern=r"^[\x20-\x7e]+$"
    )
    oauth_extensions: Extensions = setting(
        "KAFKA_SASL_OAUTHBEARER_EXTENSIONS", "name=value with commas, such as logicalCluster=lkc-1", {}
    )
    oauth_aws_region: str | None = setting(
        "KAFKA_SASL_OAUTHBEARER_AWS_REGION",
        "a region of AWS; unset to take it from KAFKA_BOOTSTRAP_SERVERS",
        None,
        pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$",
    )
    https_ca_location: Path | None = setting(
        "KAFKA_HTTPS_CA_LOCATION", f"{_FILE} with the token endpoint's authorities; unset for those of the system", None
    )

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol in _TLS

    @property
    def sasl(self) -> bool:
        """Whether a connection begins with a login."""
        return self.security_protocol in _SASL


_SSL_FIELDS: Final = ("ssl_ca_location", "ssl_certificate_location", "ssl_key_location", "ssl_key_password")
_PASSWORD_FIELDS: Final = ("sasl_username", "sasl_password")
_OIDC_FIELDS: Final = ("oauth_token_endpoint_url", "oauth_client_id", "oauth_client_secret")
_OIDC_OPTIONS: Final = ("oauth_scope", "oauth_extensions", "https_ca_location")
_OAUTH_FIELDS: Final = ("oauth_method", *_OIDC_FIELDS, *_OIDC_OPTIONS, "oauth_aws_region")


def check_kafka_security(settings: KafkaSecuritySettings) -> None:
    """Refuses settings that contradict each other: one of them would change nothing.

    Raises:
        UsageError: names a setting of the contradiction, and what is allowed.
    """
    if message := next(_contradictions(settings), None):
        raise UsageError(message)


def _contradictions(settings: KafkaSecuritySettings) -> Iterator[str]:
    protocol = f"{_variable('security_protocol')}={settings.security_protocol!r}"
    if not settings.tls:
        yield from _unused(settings, _SSL_FIELDS, f"{protocol}; allowed with {' and '.join(_TLS)}")
    if settings.ssl_certificate_location is None:
        without = f"{_variable('ssl_certificate_location')} unset; set that too"
        yield from _unused(settings, ("ssl_key_location", "ssl_key_password"), without)
    if not settings.sasl:
        unused = ("sasl_mechanism", *_PASSWORD_FIELDS, *_OAUTH_FIELDS)
        yield from _unused(settings, unused, f"{protocol}; allowed with {' and '.join(_SASL)}")
        return
    yield from _missing(settings, ("sasl_mechanism",), protocol)
    mechanism = f"{_variable('sasl_mechanism')}={settings.sasl_mechanism!r}"
    if settings.sasl_mechanism == "OAUTHBEARER":
        yield from _unused(settings, _PASSWORD_FIELDS, f"{mechanism}; allowed with PLAIN and SCRAM")
        yield from _oauth_contradictions(settings)
    else:
        yield from _unused(settings, _OAUTH_FIELDS, f"{mechanism}; allowed with OAUTHBEARER")
        yield from _missing(settings, _PASSWORD_FIELDS, mechanism)


def _oauth_contradictions(settings: KafkaSecuritySettings) -> Iterator[str]:
    method = f"{_variable('oauth_method')}={settings.oauth_method!r}"
    if settings.oauth_method == "oidc":
        yield from _missing(settings, _OIDC_FIELDS, method)
    else:
        yield from _unused(settings, (*_OIDC_FIELDS, *_OIDC_OPTIONS), f"{method}; allowed with oidc")
    if settings.oauth_method != "aws_msk_iam":
        yield from _unused(settings, ("oauth_aws_region",), f"{method}; allowed with aws_msk_iam")


def _unused(settings: KafkaSecuritySettings, fields: tuple[str, ...], why: str) -> Iterator[str]:
    for field in fields:
        if getattr(settings, field) != KafkaSecuritySettings.model_fields[field].default:
            yield f"{_variable(field)}: has no effect with {why}"


def _missing(settings: KafkaSecuritySettings, fields: tuple[str, ...], why: str) -> Iterator[str]:
    for field in fields:
        if getattr(settings, field) is None:
            allowed = KafkaSecuritySettings.model_fields[field].description
            yield f"{_variable(field)}: is unset, and {why} needs it; allowed is {allowed}"


def _variable(field: str) -> str:
    return str(KafkaSecuritySettings.model_fields[field].validation_alias)
