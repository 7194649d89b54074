"""SeaweedFS by TLS, with a certificate of the test's own authority."""

from types import SimpleNamespace

import pytest
import trustme

from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Restartable
from loadtest.stack.seaweedfs import StoreTls, connect, remove_sockets, start_store, usable
from tests.stack.cli import doctor
from tests.stack.deployment import job


@pytest.fixture(scope="module")
def store_by_tls(tmp_path_factory):
    """A store whose certificate is for localhost alone; its address, and files of authorities."""
    folder = tmp_path_factory.mktemp("store")
    authority, another = trustme.CA(), trustme.CA()
    for name, each in (("ca", authority), ("another", another)):
        each.cert_pem.write_to_path(str(folder / f"{name}.pem"))
    issued = authority.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(folder / "key.pem"))
    for each in issued.cert_chain_pems:
        each.write_to_path(str(folder / "certificate.pem"), append=True)
    plain, by_tls, *ports = free_ports(11)
    tls = StoreTls(by_tls, folder / "certificate.pem", folder / "key.pem")
    client = connect(plain)
    store = Restartable(lambda: start_store(folder, plain, ports, tls), lambda: usable(client))
    try:
        store.wait_until_ready()
        yield SimpleNamespace(port=by_tls, ca=str(folder / "ca.pem"), another=str(folder / "another.pem"))
    finally:
        store.stop()
        remove_sockets((plain, *ports))


@pytest.fixture
def deployment_by_tls(deployment, store_by_tls):
    deployment.environment |= {
        "S3_ENDPOINT_URL": f"https://localhost:{store_by_tls.port}",
        "S3_CA_FILE": store_by_tls.ca,
        "S3_ADDRESSING": "path",
    }
    return deployment


async def test_a_worker_stores_its_takes_by_tls(deployment_by_tls):
    deployment = deployment_by_tls
    well = await doctor(deployment)
    assert well.returncode == 0, well.stdout
    with deployment.worker():
        await deployment.produce([job(1)])
        (done,) = await deployment.completions(1)
    assert await deployment.keys() == [done.audio.key]


@pytest.mark.parametrize(
    ("host", "authorities", "says"),
    [
        ("localhost", "another", "an unknown authority: unable to get local issuer certificate → set S3_CA_FILE"),
        (
            "127.0.0.1",
            "ca",
            "another name: IP address mismatch, certificate is not valid for '127.0.0.1' → set S3_ENDPOINT_URL",
        ),
    ],
)
async def test_doctor_says_what_is_wrong_with_a_certificate(deployment_by_tls, store_by_tls, host, authorities, says):
    address = f"https://{host}:{store_by_tls.port}"
    deployment_by_tls.environment |= {"S3_ENDPOINT_URL": address, "S3_CA_FILE": getattr(store_by_tls, authorities)}
    ended = await doctor(deployment_by_tls)
    assert (ended.returncode, ended.stdout.count("FAIL")) == (1, 1), ended.stdout
    subject = f"FAIL  S3 bucket tts-audio at {address}: bucket tts-audio: shows a certificate of"
    assert f"{subject} {says}" in " ".join(ended.stdout.split("\n      "))


async def test_doctor_names_a_file_of_authorities_that_is_not_there_and_goes_on(deployment_by_tls):
    deployment_by_tls.environment["S3_CA_FILE"] = "/nowhere/ca.pem"
    ended = await doctor(deployment_by_tls)
    assert (ended.returncode, ended.stdout.count("FAIL")) == (1, 1), ended.stdout
    assert "S3_CA_FILE='/nowhere/ca.pem': No such file or directory" in ended.stdout
    assert "Google, WaveNet: speaks" in ended.stdout
