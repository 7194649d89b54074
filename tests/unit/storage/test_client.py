"""What the settings of the store's client send, and where it gets its keys."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme
from aiohttp import web
from structlog.testing import capture_logs

from schemas.enums import AudioEncoding
from tests.s3_standin import Standin, s3_standin
from worker.config.settings import load_settings
from worker.storage.audio_addresses import DEFAULT_TTL_S, AudioAddresses
from worker.storage.bucket_route import resolve_route
from worker.storage.client import connect_store
from worker.storage.errors import StorageError, StorageRefusedError
from worker.storage.takes import StoredTake

TAKE = StoredTake("takes/x.wav", 3, "ff", 1.0, AudioEncoding.LINEAR16, 24000, "v")
KEYS = {"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}
TEMPORARY = """
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials>
    <AccessKeyId>of-the-role</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>of-sts</SessionToken>
    <Expiration>2099-01-01T00:00:00Z</Expiration>
  </Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>
"""


async def uploaded(s3: Standin, **settings: str) -> dict[str, str]:
    """The headers of an upload, by their names in small letters."""
    given = {"S3_ENDPOINT_URL": s3.address, "S3_TIMEOUT_S": "60", **settings}
    async with connect_store(load_settings(given).storage, 2) as store:
        await store.store(TAKE, b"abc")
    return {name.lower(): value for name, value in s3.objects[TAKE.key].headers.items()}


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({}, {}),
        ({"S3_SSE": "AES256"}, {"x-amz-server-side-encryption": "AES256"}),
        (
            {"S3_SSE": "aws:kms", "S3_SSE_KMS_KEY_ID": "alias/takes"},
            {
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": "alias/takes",
            },
        ),
    ],
)
async def test_an_upload_asks_for_the_encryption_that_is_set(settings: dict[str, str], headers: dict[str, str]) -> None:
    async with s3_standin() as s3:
        sent = await uploaded(s3, **KEYS, **settings)
    assert {name: value for name, value in sent.items() if "encryption" in name} == headers


async def test_temporary_keys_are_sent_with_their_token() -> None:
    async with s3_standin() as s3:
        sent = await uploaded(s3, **KEYS, S3_SESSION_TOKEN="of-the-session")
    assert sent["x-amz-security-token"] == "of-the-session"


async def test_keys_whose_files_change_are_used_from_the_next_request_on(tmp_path: Path) -> None:
    given = {}
    for name, secret in {"ACCESS_KEY_ID": "first", "SECRET_ACCESS_KEY": "s", "SESSION_TOKEN": "one"}.items():
        (tmp_path / name).write_text(secret)
        given[f"S3_{name}_FILE"] = str(tmp_path / name)
    used = []
    async with s3_standin() as s3:
        settings = load_settings({"S3_ENDPOINT_URL": s3.address, "S3_TIMEOUT_S": "60", **given}).storage
        async with connect_store(settings, 2) as store:
            for token in ("one", "two"):
                (tmp_path / "SESSION_TOKEN").write_text(token)
                await store.store(replace(TAKE, key=f"takes/{token}.wav"), b"abc")
    for token in ("one", "two"):
        headers = {name.lower(): value for name, value in s3.objects[f"takes/{token}.wav"].headers.items()}
        used.append(headers["x-amz-security-token"])
    assert used == ["one", "two"]


async def test_an_authority_that_becomes_unusable_leaves_the_last_one_and_is_logged_once(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca)
    settings = load_settings({"S3_ENDPOINT_URL": "https://store.example", "S3_CA_FILE": str(ca), **KEYS}).storage
    async with connect_store(settings, 2) as store:
        ca.write_text("half a certifica")
        with capture_logs() as logs:
            for _ in range(2):
                async with store._client.use():
                    pass
            trustme.CA().cert_pem.write_to_path(ca)
            async with store._client.use():
                pass
    assert [each["event"] for each in logs] == ["store_files_unusable", "store_files_read_again"]


@pytest.mark.parametrize(
    ("addressing", "address"),
    [
        ("path", "https://store.example/tts-audio/x"),
        ("virtual", "https://tts-audio.store.example/x"),
    ],
)
async def test_the_bucket_stands_in_the_path_or_in_the_hosts_name(addressing: str, address: str) -> None:
    given = {"S3_ENDPOINT_URL": "https://store.example", "S3_ADDRESSING": addressing, **KEYS}
    async with connect_store(load_settings(given).storage, 2) as store, store._client.use() as client:
        made = await store.presigned_url("x", 60)
        route = await resolve_route(client.boto, store.bucket)
    assert made.partition("?")[0] == address
    assert str(route.address_of("x")) == address


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_a_file_of_authorities_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    settings = load_settings({"S3_ENDPOINT_URL": "https://store.example", "S3_CA_FILE": str(path), **KEYS})
    with pytest.raises(StorageRefusedError, match=f"S3_CA_FILE='{path}': ") as refused:
        async with connect_store(settings.storage, 2):
            pass
    assert len(str(refused.value).splitlines()) == 1


@asynccontextmanager
async def token_service(certificate: trustme.LeafCert | None = None) -> AsyncIterator[tuple[str, list[dict]]]:
    """STS for web identities: its address, and the forms that it was sent."""
    forms: list[dict] = []

    async def answer(request: web.Request) -> web.Response:
        forms.append(dict(await request.post()))
        return web.Response(text=TEMPORARY, content_type="text/xml")

    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{runner.addresses[0][1]}", forms
    finally:
        await runner.cleanup()


@pytest.fixture
def web_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What Kubernetes puts into the environment of a pod whose service account has a role (IRSA)."""
    token = tmp_path / "token"
    token.write_text("of-the-pod")
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/speaker")
    return monkeypatch


async def test_a_pods_identity_becomes_the_keys_of_its_role(web_identity: pytest.MonkeyPatch) -> None:
    async with token_service() as (address, forms), s3_standin() as s3:
        web_identity.setenv("AWS_ENDPOINT_URL_STS", address)
        s3.accepted_keys = {"of-the-role"}
        sent = await uploaded(s3)
    assert sent["x-amz-security-token"] == "of-sts"
    assert (forms[0]["Action"], forms[0]["WebIdentityToken"]) == ("AssumeRoleWithWebIdentity", "of-the-pod")


async def test_a_pods_identity_is_given_to_nobody_with_a_certificate_of_another_name(
    web_identity: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    web_identity.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    async with token_service(authority.issue_cert("10.0.0.1")) as (address, forms), s3_standin() as s3:
        web_identity.setenv("AWS_ENDPOINT_URL_STS", address)
        with pytest.raises(StorageError):
            await uploaded(s3)
    assert forms == []


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
async def test_presigned_addresses_have_version_4_in_every_region_and_the_time_that_is_set(region: str) -> None:
    settings = load_settings({"S3_REGION": region, "AUDIO_URL_TTL_S": "60", **KEYS}).storage
    async with connect_store(settings, 2) as store:
        addresses = AudioAddresses(settings, store)
        address = await addresses.address(TAKE.key)
        assert parse_qs(urlsplit(address).query)["X-Amz-Expires"] == ["60"]
        assert "X-Amz-Signature" in address
        assert urlsplit(address).path == f"/{TAKE.key}"
        assert (await addresses.for_completion(TAKE.key) or "").partition("?")[0] == address.partition("?")[0]


async def test_completions_carry_no_address_unless_one_is_set_though_one_can_be_made() -> None:
    settings = load_settings(KEYS).storage
    async with connect_store(settings, 2) as store:
        addresses = AudioAddresses(settings, store)
        assert await addresses.for_completion(TAKE.key) is None
        assert f"X-Amz-Expires={DEFAULT_TTL_S}&" in await addresses.address(TAKE.key)


@pytest.mark.parametrize("base", ["https://cdn.example/audio", "https://cdn.example/audio/"])
async def test_below_a_base_address_a_take_is_at_its_key(base: str) -> None:
    settings = load_settings({"AUDIO_BASE_URL": base, "AUDIO_URL_TTL_S": "60"}).storage
    async with connect_store(settings, 2) as store:
        addresses = AudioAddresses(settings, store)
        for made in (await addresses.address("a b/ü.ogg"), await addresses.for_completion("a b/ü.ogg")):
            assert made == "https://cdn.example/audio/a%20b/%C3%BC.ogg"


async def test_without_credentials_no_address_is_signed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    settings = load_settings({"AUDIO_URL_TTL_S": "60"}).storage
    async with connect_store(settings, 2) as store:
        with pytest.raises(StorageError):
            await AudioAddresses(settings, store).for_completion(TAKE.key)
