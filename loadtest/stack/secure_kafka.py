"""Apache Kafka whose listeners ask for TLS and a login: PLAIN, SCRAM-SHA-512, OAUTHBEARER or a client's certificate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trustme

from loadtest.stack.certificates import LOOPBACK, PemFiles, write_certificate
from loadtest.stack.kafka_cluster import KafkaCluster
from loadtest.stack.local_stack import Transport
from loadtest.stack.ports import free_ports
from loadtest.stack.token_endpoint import AUDIENCE, CLIENT, ISSUER, SECRET, TokenEndpoint

PASSWORD: Final = "password-of-the-worker"  # noqa: S105  # of a user that exists while a test runs
SASL: Final = "LOGIN"
MTLS: Final = "MUTUAL"
_MODULES: Final = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class Listener:
    """A listener beside the plaintext one that brokers and tests use.

    Attributes:
        settings: of the listener, without its prefix.
    """

    protocol: str
    settings: Mapping[str, str] = field(default_factory=dict)


class SecureKafka(KafkaCluster):
    """One broker. Its certificate and what it trusts are in `broker_files`, the client's in `client_files`.

    Args:
        tokens: whose tokens the broker takes.
        listeners: further ones, by name.
    """

    def __init__(self, folder: Path, tokens: TokenEndpoint, listeners: Mapping[str, Listener] | None = None) -> None:
        super().__init__(folder, format_options=(f"--add-scram=SCRAM-SHA-512=[name={CLIENT},password={PASSWORD}]",))
        self._tokens = tokens
        self._keys = folder / "keys.json"
        tokens.write_keys(self._keys)
        self.authority = trustme.CA()
        self.broker_files = write_certificate(self.authority, folder / "broker")
        self.client_files = write_certificate(self.authority, folder / "client", CLIENT)
        self._listeners = {
            SASL: Listener("SASL_SSL", {**tls_settings(self.broker_files), **self._login_settings()}),
            MTLS: Listener("SSL", tls_settings(self.broker_files, client_certificate=True)),
            **(listeners or {}),
        }
        self._addresses = dict(zip(self._listeners, free_ports(len(self._listeners)), strict=True))
        # Since 4.0 brokers read keys from places only that are allowed.
        self._java[1:1] = [f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self._keys.as_uri()}",
                           f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.files={self._keys}"]  # fmt: skip

    def address(self, listener: str) -> str:
        """The bootstrap servers of a listener."""
        return f"{LOOPBACK}:{self._addresses[listener]}"

    def client_settings(self, transport: Transport) -> dict[str, str]:
        """The variables by which a client joins the cluster."""
        ca = {"KAFKA_SSL_CA_LOCATION": str(self.client_files.ca)}
        if transport == "mtls":
            return {
                "KAFKA_BOOTSTRAP_SERVERS": self.address(MTLS),
                "KAFKA_SECURITY_PROTOCOL": "SSL",
                "KAFKA_SSL_CERTIFICATE_LOCATION": str(self.client_files.certificate),
                "KAFKA_SSL_KEY_LOCATION": str(self.client_files.key),
                **ca,
            }
        common = {"KAFKA_BOOTSTRAP_SERVERS": self.address(SASL), "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", **ca}
        if transport == "oauthbearer":
            return {
                **common,
                "KAFKA_SASL_MECHANISM": "OAUTHBEARER",
                "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": self._tokens.url,
                "KAFKA_SASL_OAUTHBEARER_CLIENT_ID": CLIENT,
                "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": SECRET,
            }
        mechanism = {"plain": "PLAIN", "scram": "SCRAM-SHA-512"}[transport]
        login = {"KAFKA_SASL_USERNAME": CLIENT, "KAFKA_SASL_PASSWORD": PASSWORD}
        return {**common, "KAFKA_SASL_MECHANISM": mechanism, **login}

    def broker_settings(self, broker: int) -> dict[str, str]:
        """Returns the properties of a broker."""
        settings = super().broker_settings(broker)
        for name, listener in self._listeners.items():
            settings["listeners"] += f",{name}://{self.address(name)}"
            settings["listener.security.protocol.map"] += f",{name}:{listener.protocol}"
            prefix = f"listener.name.{name.lower()}"
            settings |= {f"{prefix}.{key}": value for key, value in listener.settings.items()}
        return settings

    def _login_settings(self) -> dict[str, str]:
        oauth = "oauthbearer.sasl"
        return {
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
            "plain.sasl.jaas.config": f'{_MODULES}.plain.PlainLoginModule required user_{CLIENT}="{PASSWORD}";',
            "scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            f"{oauth}.jaas.config": f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required;",
            f"{oauth}.server.callback.handler.class": f"{_MODULES}.oauthbearer.OAuthBearerValidatorCallbackHandler",
            f"{oauth}.oauthbearer.jwks.endpoint.url": self._keys.as_uri(),
            f"{oauth}.oauthbearer.expected.audience": AUDIENCE,
            f"{oauth}.oauthbearer.expected.issuer": ISSUER,
        }


def tls_settings(files: PemFiles, *, client_certificate: bool = False) -> dict[str, str]:
    """The properties of a listener that shows these files' certificate.

    Args:
        client_certificate: whether clients have to show one of the files' authority.
    """
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(files.keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(files.ca),
        "ssl.client.auth": "required" if client_certificate else "none",
    }
