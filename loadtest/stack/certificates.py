"""Certificates of an authority of one's own, in the PEM files that Kafka's brokers and clients read."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class PemFiles:
    """What one side of a connection shows and trusts.

    Attributes:
        keystore: key and certificates in one file, as Kafka's brokers take them.
    """

    ca: Path
    certificate: Path
    key: Path
    keystore: Path


def write_certificate(
    authority: trustme.CA,
    folder: Path,
    name: str = LOOPBACK,
    *,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    passphrase: str | None = None,
) -> PemFiles:
    """Issues a certificate for a host name or address, and replaces the files in the folder.

    Args:
        passphrase: encrypts the key.
    """
    issued = authority.issue_cert(name, not_before=not_before, not_after=not_after)
    folder.mkdir(parents=True, exist_ok=True)
    files = PemFiles(*(folder / file for file in ("ca.pem", "certificate.pem", "key.pem", "keystore.pem")))
    chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
    # Kafka reads keys in the format PKCS#8 alone.
    key = load_pem_private_key(issued.private_key_pem.bytes(), password=None).private_bytes(
        Encoding.PEM,
        PrivateFormat.PKCS8,
        BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption(),
    )
    for path, content in (
        (files.ca, authority.cert_pem.bytes()),
        (files.certificate, chain),
        (files.key, key),
        (files.keystore, key + chain),
    ):
        path.write_bytes(content)
    return files
