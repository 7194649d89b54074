"""How clients of aiokafka encrypt and log in, by the settings: the options that they are made with, and are kept to."""

from functools import lru_cache
from typing import Any

from worker.config.kafka_security import KafkaSecuritySettings
from worker.config.sections import KafkaSettings
from worker.kafka.client.oauth_token import CachedToken
from worker.kafka.client.tls import TlsFiles, client_context
from worker.kafka.client.token_sources import token_source
from worker.lifecycle.clock import Clock


def security_options(settings: KafkaSettings) -> dict[str, Any]:
    """The options of aiokafka's clients for encryption and login.

    Raises:
        UsageError: a file of the settings can't be used, or what a source of tokens needs is missing.
    """
    options: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.tls:
        options["ssl_context"] = client_context(
            TlsFiles(
                ca=settings.ssl_ca_location,
                certificate=settings.ssl_certificate_location,
                key=settings.ssl_key_location,
                key_password=settings.ssl_key_password,
            )
        )
    if settings.sasl:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options |= present_login(settings)
    if settings.sasl_mechanism == "OAUTHBEARER":
        options["sasl_oauth_token_provider"] = _token_provider(_SameLogin(settings))
    return options


def present_login(settings: KafkaSettings) -> dict[str, Any]:
    """The user and password as their files have them now; empty where the login needs none."""
    if settings.sasl_username is None or settings.sasl_password is None:
        return {}
    return {
        "sasl_plain_username": settings.sasl_username.get_secret_value(),
        "sasl_plain_password": settings.sasl_password.get_secret_value(),
    }


class _SameLogin:
    """Settings that are the same key as others by which the same tokens are fetched."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        names = (*KafkaSecuritySettings.model_fields, "bootstrap_servers")
        values = (getattr(settings, name) for name in names)
        self._key = tuple(frozenset(each.items()) if isinstance(each, dict) else each for each in values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameLogin) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=8)
def _token_provider(login: _SameLogin) -> CachedToken:
    # One for all clients of a process: some are opened every few seconds, and sources bill and limit tokens.
    clock = Clock()
    return CachedToken(token_source(login.settings, clock), clock, login.settings.oauth_extensions)
