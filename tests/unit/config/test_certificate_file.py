"""The end of a file's certificate is exported: of a chain the first, of authorities the last."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from loadtest.stack.certificates import write_certificate
from worker.config.certificate_file import CertificateFile, certificate_files
from worker.config.settings import load_settings

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 3, 1, tzinfo=UTC)
LATER = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def certificate(authority: trustme.CA, folder: Path, end: datetime) -> bytes:
    return write_certificate(authority, folder, not_before=BEGIN, not_after=end).certificate.read_bytes()


@pytest.mark.parametrize(("choose", "end"), [(min, END), (max, LATER)])
def test_of_several_certificates_the_first_or_the_last_end_counts(
    choose: object, end: datetime, authority: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "both.pem"
    path.write_bytes(certificate(authority, tmp_path, LATER) + certificate(authority, tmp_path, END))
    file = CertificateFile(path, choose)  # type: ignore[arg-type]
    assert file.ends_at() == end.timestamp()
    assert file.lifetime_s() == (end - BEGIN).total_seconds()


def test_a_file_that_is_replaced_is_read_again_and_one_that_breaks_leaves_what_it_held(
    authority: trustme.CA, tmp_path: Path
) -> None:
    path = tmp_path / "certificate.pem"
    file = CertificateFile(path, min)
    assert math.isnan(file.ends_at())
    assert math.isnan(file.lifetime_s())
    certificate(authority, tmp_path, END)
    assert file.ends_at() == END.timestamp()
    certificate(authority, tmp_path, LATER)
    assert file.ends_at() == LATER.timestamp()
    path.write_text("half a certif")
    assert file.ends_at() == LATER.timestamp()
    path.unlink()
    assert file.lifetime_s() == (LATER - BEGIN) / timedelta(seconds=1)


def test_the_settings_files_have_their_names_and_what_is_unset_has_none() -> None:
    assert certificate_files(load_settings({})) == {}
    mutual = {
        "KAFKA_SECURITY_PROTOCOL": "SSL",
        "KAFKA_SSL_CA_LOCATION": "/ca.pem",
        "KAFKA_SSL_CERTIFICATE_LOCATION": "/certificate.pem",
    }
    store = {"S3_ENDPOINT_URL": "https://store", "S3_CA_FILE": "/s3.pem"}
    assert sorted(certificate_files(load_settings({**mutual, **store}))) == ["kafka_ca", "kafka_certificate", "s3_ca"]
