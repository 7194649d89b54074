"""When the certificates in a file of the settings end, for the metrics."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.x509 import Certificate, load_pem_x509_certificates

from worker.config.secret_file import file_stamp
from worker.config.settings import Settings

Choose = Callable[[Iterable["Validity"]], "Validity"]


@dataclass(frozen=True, order=True)
class Validity:
    """From when to when a certificate is valid; ordered by its end."""

    end: datetime
    begin: datetime


class CertificateFile:
    """A PEM file, read again when it changes. Content that can't be used leaves what it held before.

    Args:
        choose: which of the file's certificates counts.
    """

    def __init__(self, path: Path, choose: Choose) -> None:
        self._path = path
        self._choose = choose
        self._stamp: tuple[int, ...] | None = None
        self._validity: Validity | None = None

    def ends_at(self) -> float:
        """The end of its certificate in seconds since 1970; NaN if it has never held one."""
        validity = self._read()
        return validity.end.timestamp() if validity else math.nan

    def lifetime_s(self) -> float:
        """How long its certificate is valid in all, in seconds; NaN if it has never held one."""
        validity = self._read()
        return (validity.end - validity.begin).total_seconds() if validity else math.nan

    def _read(self) -> Validity | None:
        try:
            if (stamp := file_stamp(self._path)) != self._stamp:
                self._stamp = stamp
                self._validity = self._choose(map(_validity, load_pem_x509_certificates(self._path.read_bytes())))
        except (OSError, ValueError):
            # Who opens the next connection with it logs that.
            pass
        return self._validity


def certificate_files(settings: Settings) -> dict[str, CertificateFile]:
    """The files that the settings name, by their value of the metrics' label `file`.

    Of a client's certificate and its chain the first end counts: from then on brokers refuse it. Of authorities the
    last: a file holds an old one beside the new one while brokers change over.
    """
    files: dict[str, tuple[Path | None, Choose]] = {
        "kafka_certificate": (settings.kafka.ssl_certificate_location, min),
        "kafka_ca": (settings.kafka.ssl_ca_location, max),
        "kafka_https_ca": (settings.kafka.https_ca_location, max),
        "s3_ca": (settings.storage.ca_file, max),
    }
    return {name: CertificateFile(path, choose) for name, (path, choose) in files.items() if path is not None}


def _validity(certificate: Certificate) -> Validity:
    return Validity(certificate.not_valid_after_utc, certificate.not_valid_before_utc)
