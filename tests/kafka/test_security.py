"""The worker and the controller on Apache Kafka that wants TLS and a login; each wrong setting has its own line."""

import asyncio
import json
import shutil
import socket
import sys
from collections import Counter
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from aiokafka import AIOKafkaProducer

from loadtest.stack.certificates import write_certificate
from loadtest.stack.counters import scrape
from loadtest.stack.local_stack import local_stack, worker_environment
from loadtest.stack.ports import free_ports
from loadtest.stack.processes import Process
from loadtest.stack.secure_kafka import MTLS, SASL, Listener, SecureKafka, tls_settings
from loadtest.stack.token_endpoint import TokenEndpoint
from schemas.enums import JobStatus, Lane
from schemas.topics import LANES
from tests.kafka.conftest import apache_kafka
from tests.stack import cli
from tests.stack.deployment import CANNED, Deployment, get, job
from tests.stack.test_outages import until_ready
from tests.until import HANG_S
from worker.cli.doctor_checks import check_dependencies
from worker.config.settings import load_settings
from worker.speech.catalogue_file import load_catalogue

JOBS = 20
# A worker on a busy machine does more than these jobs.
BETWEEN_JOBS_S = 0.05
# Longer than a process stands still on a starved machine: whoever shows a token has just got it.
TOKEN_S = 8.0
PHRASE = "phrase-of-the-key"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def tokens():
    with TokenEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Certificates that nobody should take, by what is wrong with them."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    day, now = timedelta(days=1), datetime.now(UTC)
    return {
        "expired": write_certificate(authority, folder / "expired", not_before=LONG_AGO, not_after=LONG_AGO + day),
        "early": write_certificate(authority, folder / "early", not_before=now + day, not_after=now + 2 * day),
        "elsewhere": write_certificate(authority, folder / "elsewhere", "kafka.example"),
        "encrypted": write_certificate(authority, folder / "encrypted", passphrase=PHRASE),
    }


@pytest.fixture(scope="module")
def secure(tmp_path_factory, tokens, foreign):
    shown = {
        name.upper(): Listener("SSL", tls_settings(files)) for name, files in foreign.items() if name != "encrypted"
    }
    with apache_kafka(tmp_path_factory.mktemp("secure"), tokens, shown, kind=SecureKafka) as own:
        yield own


class Lanes(Deployment):
    """One set of topics for all tests here: a broker takes seconds to create one, and to load one when it starts."""

    sent = 0

    async def send(self, count):
        await self.produce(job(number) for number in range(self.sent, self.sent + count))
        self.sent += count

    async def all_spoken_once(self):
        completions = await self.completions(self.sent)
        assert Counter(each.job_id for each in completions) == Counter(f"job-{number}" for number in range(self.sent))
        assert {each.status for each in completions} == {JobStatus.DONE}


@pytest.fixture(scope="module")
def lanes(secure, tmp_path_factory):
    with local_stack("external", CANNED, kafka=secure.bootstrap) as running:
        mine = Lanes(running, tmp_path_factory.mktemp("lanes"), cli.start_fork)
        asyncio.run(mine.create_topics())
        yield mine


@pytest.fixture
async def deployment(lanes, tokens, tmp_path, monkeypatch):
    tokens.lifetime_s, tokens.claims = 3600.0, {}
    monkeypatch.setattr(lanes, "folder", tmp_path)
    monkeypatch.setattr(lanes, "environment", dict(lanes.environment))
    await lanes.reset_emulator()
    return lanes


@contextmanager
def starting(deployment, *command, **settings):
    """A process that may not become ready."""
    (port,) = free_ports(1)
    environment = worker_environment({**deployment.environment, **settings, "HTTP_PORT": str(port)})
    arguments = [sys.executable, "-m", "worker", *command]
    process = Process(command[0], arguments, deployment.folder / "log", environment, start=deployment.start)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.stop()


async def until_logged(process, text):
    async with asyncio.timeout(HANG_S):
        while text not in process.log.read_text():
            assert process.running, process.log_end()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("transport", ["plain", "scram", "mtls"])
async def test_a_worker_speaks_jobs_over_tls(transport, secure, deployment):
    deployment.environment |= secure.client_settings(transport)
    with deployment.worker() as (_, address):
        await deployment.send(JOBS)
        await deployment.all_spoken_once()
        metrics = await scrape(address)
    files = {"kafka_ca", "kafka_certificate"} if transport == "mtls" else {"kafka_ca"}
    ends = {file: metrics.total("tts_certificate_expiry_timestamp_seconds", file=file) for file in files}
    assert min(ends.values()) > datetime.now(UTC).timestamp()
    assert metrics.total("tts_certificate_expiry_timestamp_seconds") == sum(ends.values())


async def test_tokens_that_end_while_jobs_come_are_followed_by_new_ones_and_no_job_is_lost_or_done_twice(
    secure, tokens, deployment
):
    tokens.lifetime_s = TOKEN_S
    deployment.environment |= secure.client_settings("oauthbearer")
    before = deployment.sent
    with deployment.worker():
        # A broker ends a connection with its token. All of the worker's clients use the same.
        begun = tokens.issued
        while tokens.issued < begun + 3:
            await deployment.send(JOBS)
            await deployment.all_spoken_once()
    assert (await deployment.calls())["total"] == deployment.sent - before


async def kafka_result(environment):
    """What the doctor says of Kafka, before it looks at the rest."""
    settings = load_settings(environment)
    async with aclosing(check_dependencies(settings, load_catalogue(), "worker")) as results:
        return await anext(results)


async def test_a_worker_with_a_wrong_password_says_so_and_starts_once_its_file_has_the_right_one(secure, deployment):
    settings = secure.client_settings("scram")
    password = deployment.folder / "password"
    password.write_text("wrong")
    right = settings.pop("KAFKA_SASL_PASSWORD")
    with starting(deployment, "run", **settings, KAFKA_SASL_PASSWORD_FILE=str(password)) as (process, address):
        await until_logged(process, "refuses user or password by SCRAM-SHA-512")
        _, text = await get(f"{address}/readyz")
        password.write_text(right)
        await until_ready(address)
        log = process.log.read_text()
    assert "correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD" in text
    assert log.count('"reason": "login"') == 1


async def test_a_worker_whose_token_is_refused_says_so_and_starts_once_its_next_token_is_right(
    secure, tokens, deployment
):
    tokens.claims = {"aud": "somebody-else"}
    with starting(deployment, "run", **secure.client_settings("oauthbearer")) as (process, address):
        await until_logged(process, "refuses the token")
        _, text = await get(f"{address}/readyz")
        tokens.claims = {}
        await until_ready(address)
    assert "aud 'somebody-else'" in text


async def test_a_controller_with_a_wrong_password_says_so_and_starts_once_its_file_has_the_right_one(
    secure, deployment
):
    settings = secure.client_settings("plain")
    password = deployment.folder / "password"
    password.write_text("wrong")
    right = settings.pop("KAFKA_SASL_PASSWORD")
    command = ("rollout", "run")
    with starting(deployment, *command, **settings, KAFKA_SASL_PASSWORD_FILE=str(password)) as (process, address):
        await until_logged(process, "refuses user or password by PLAIN")
        _, text = await get(f"{address}/readyz")
        password.write_text(right)
        await until_ready(address)
        metrics = await scrape(address)
        log = process.log.read_text()
    assert "correct KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD" in text
    assert log.count('"event": "rollout_unreachable"') == 1
    assert metrics.total("tts_certificate_expiry_timestamp_seconds", file="kafka_ca") > 0


@pytest.fixture
def silent_port():
    """Takes connections, and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_the_doctor_has_a_line_with_what_to_do_for_each_wrong_setting(
    secure, deployment, foreign, silent_port, tmp_path
):
    wrong = [*wrong_tls(secure, foreign, silent_port), *wrong_logins(secure), *wrong_files(secure, foreign, tmp_path)]
    for settings, what, advice in wrong:
        result = await answered({**deployment.environment, **settings}, what)
        assert not result.ok
        assert what in result.message, result
        assert advice in result.advice, result
        assert "\n" not in result.message + result.advice


async def answered(environment, what):
    """What the doctor says of Kafka; once more if a broker that stands still has not answered in time."""
    for _ in range(5):
        result = await kafka_result(environment)
        if what in result.message or "within" not in result.message:
            break
    return result


def wrong_tls(secure, foreign, silent_port):
    """Settings with what the doctor says and what it advises."""
    tls = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_LOCATION": str(foreign["elsewhere"].ca)}
    own_ca = {"KAFKA_SSL_CA_LOCATION": str(secure.client_files.ca), "KAFKA_SECURITY_PROTOCOL": "SSL"}
    at = "KAFKA_BOOTSTRAP_SERVERS"
    yield {at: secure.address(MTLS)}, "speaks TLS", "set KAFKA_SECURITY_PROTOCOL=SSL"
    yield {**own_ca, at: secure.address(SASL)}, "wants a login (SASL)", "set KAFKA_SECURITY_PROTOCOL=SASL_SSL"
    yield {**own_ca, at: secure.address(MTLS)}, "wants a client's certificate", "set KAFKA_SSL_CERTIFICATE_LOCATION"
    for address, what, advice in (
        (secure.bootstrap, "as a listener without TLS does", "set KAFKA_SECURITY_PROTOCOL=PLAINTEXT"),
        (secure.address(SASL), "is of an unknown authority", "set KAFKA_SSL_CA_LOCATION"),
        (secure.address("ELSEWHERE"), "is for another host", "use a name of the certificate"),
        (secure.address("EXPIRED"), "has expired (here it is 20", "renew it"),
        (secure.address("EARLY"), "isn't valid yet (here it is 20", "correct this machine's clock"),
        (f"127.0.0.1:{silent_port}", "no connection and TLS handshake within 6 s", "see to the network"),
    ):
        yield {**tls, at: address}, what, advice


def wrong_logins(secure):
    for transport, name, value, what, advice in (
        ("plain", "PASSWORD", "wrong", "refuses user or password by PLAIN", "correct KAFKA_SASL_USERNAME and"),
        ("scram", "PASSWORD", "wrong", "refuses user or password by SCRAM-SHA-512", "correct KAFKA_SASL_USERNAME and"),
        ("scram", "MECHANISM", "SCRAM-SHA-256", "takes PLAIN, SCRAM-SHA-512, OAUTHBEARER", "correct KAFKA_SASL_MECH"),
        ("oauthbearer", "OAUTHBEARER_CLIENT_SECRET", "wrong", "answers 401: invalid_client", "_CLIENT_SECRET"),
        ("oauthbearer", "OAUTHBEARER_TOKEN_ENDPOINT_URL", "http://127.0.0.1:9/", ":9/: [Errno 111]", "_ENDPOINT_URL"),
    ):
        yield {**secure.client_settings(transport), f"KAFKA_SASL_{name}": value}, what, advice


def wrong_files(secure, foreign, folder):
    mutual, files = secure.client_settings("mtls"), foreign["encrypted"]
    own = {"KAFKA_SSL_CERTIFICATE_LOCATION": str(files.certificate), "KAFKA_SSL_KEY_LOCATION": str(files.key)}
    refused = "refuses the client's certificate"
    yield {**mutual, **own, "KAFKA_SSL_KEY_PASSWORD": PHRASE}, refused, "whether the brokers trust its authority"
    unopened, correct = "KAFKA_SSL_KEY_PASSWORD='***': doesn't open the key", "correct the setting"
    yield {**mutual, **own, "KAFKA_SSL_KEY_PASSWORD": "wrong"}, unopened, correct
    yield {**mutual, "KAFKA_SSL_CA_LOCATION": str(folder / "none.pem")}, "can't be read: No such file", correct


@pytest.mark.parametrize(("claims", "shown"), [({"aud": "other"}, "aud 'other'"), ({"exp": 1.6e9}, "exp 1600000000")])
async def test_the_doctor_says_which_token_the_broker_refuses(claims, shown, secure, tokens, deployment):
    tokens.claims = claims
    deployment.environment |= secure.client_settings("oauthbearer")
    doctor = await cli.run(deployment, "doctor")
    (failure,) = [line for line in doctor.stdout.splitlines() if line.startswith("FAIL  Kafka at ")]
    assert "refuses the token" in failure
    assert shown in failure
    assert "invalid_token" in failure
    assert "      → see that the brokers expect this issuer and audience" in doctor.stdout
    assert (doctor.returncode, doctor.stderr) == (1, "")


async def test_all_certificates_are_replaced_while_jobs_come_and_no_job_is_lost(secure, deployment, tmp_path):
    deployment.environment |= secure.client_settings("mtls")
    before = {**deployment.environment, **copied(secure.client_files, tmp_path)}
    enough = asyncio.Event()
    with deployment.worker() as (process, _):
        load = asyncio.create_task(send_jobs(deployment, secure.bootstrap, enough))
        await until_logged(process, f'"job-{deployment.sent + JOBS}"')
        other = trustme.CA()
        write_certificate(other, secure.broker_files.ca.parent)
        write_certificate(other, secure.client_files.ca.parent, "worker")
        # The broker reads its certificate when it starts, and knows the new authority alone.
        await asyncio.to_thread(secure.restart, 1)
        await until_logged(process, f'"job-{deployment.sent + JOBS}"')
        enough.set()
        await load
        completions = await deployment.completions(deployment.sent)
        assert process.running
    # A broker that starts again may get a job's outcome twice: the delivery is at least once.
    assert {each.job_id for each in completions} == {f"job-{number}" for number in range(deployment.sent)}
    assert {each.status for each in completions} == {JobStatus.DONE}
    assert "is of an unknown authority" in (await kafka_result(before)).message


async def send_jobs(deployment, kafka, enough):
    """Sends jobs one by one, also while the broker starts again."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True)
    await producer.start()
    try:
        while not enough.is_set():
            value = json.dumps(job(deployment.sent)).encode()
            await producer.send_and_wait(deployment.topic(LANES[Lane.DIALOGUE]), value)
            deployment.sent += 1
            await asyncio.sleep(BETWEEN_JOBS_S)
    finally:
        await producer.stop()


def copied(files, folder):
    names = {"CA": files.ca, "CERTIFICATE": files.certificate, "KEY": files.key}
    return {f"KAFKA_SSL_{name}_LOCATION": shutil.copy(path, folder / path.name) for name, path in names.items()}
