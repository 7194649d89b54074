"""What the store refuses of everybody is an outage; jobs wait, nothing is paid for, and the message says what to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from schemas.enums import AudioEncoding
from tests.s3_standin import QUOTA, Refusal, Standin, s3_standin
from tests.unit.loop_clock import NEVER_S, LoopClock
from tests.until import loop_until
from worker.config.settings import load_settings
from worker.jobs.errors import storage_failed
from worker.lifecycle.clock import Clock
from worker.lifecycle.dependency import Backoff
from worker.lifecycle.probed_dependency import ProbedDependency
from worker.observability.metrics import Metrics
from worker.storage.client import connect_store
from worker.storage.errors import StorageError, StorageRefusedError, StorageUnavailableError, StoreUnusableError
from worker.storage.probes import StoreProbes, outage_at_start
from worker.storage.recent_takes import RecentTakes
from worker.storage.resilient import ResilientStore
from worker.storage.take_store import TakeStore
from worker.storage.takes import StoredTake

AUDIO = b"x" * 20_000


def take(name: str = "a", size: int = len(AUDIO)) -> StoredTake:
    return StoredTake(f"takes/pip_boy/{name}.ogg", size, "ff", 1.0, AudioEncoding.OGG_OPUS, 24000, "v")


@dataclass
class Bench:
    """The store as jobs use it, on a stand-in; time passes only by sleeping."""

    s3: Standin
    plain: TakeStore
    seconds: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock = Clock(monotonic=lambda: self.seconds)
        self.probes = StoreProbes(self.plain, "takes", clock)
        metrics = Metrics(CollectorRegistry(), ["pip_boy"])
        self.health = ProbedDependency("s3", self.probes.look_up, Backoff(1, 4), metrics, clock, sleep=self.sleep)
        self.store = ResilientStore(
            self.plain,
            self.health,
            self.probes,
            recent=RecentTakes(0, 1.0),
            kept_bytes=2**20,
            clock=clock,
            sleep=self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    async def until_down(self) -> str:
        await loop_until(lambda: not self.health.is_up)
        return self.health.waits_for or ""

    async def waits(self) -> asyncio.Task[StoredTake]:
        """An upload that waits."""
        job = asyncio.create_task(self.store.store(take(), AUDIO))
        await self.until_down()
        assert not job.done()
        return job


@asynccontextmanager
async def bench(**settings: str) -> AsyncIterator[Bench]:
    async with s3_standin() as s3:
        given = {
            "S3_ENDPOINT_URL": s3.address,
            "S3_TIMEOUT_S": "60",
            **({} if "AWS_PROFILE" in settings else {"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}),
            **{name: value for name, value in settings.items() if name.startswith("S3_")},
        }
        async with connect_store(load_settings(given).storage, 10) as plain:
            made = Bench(s3, plain)
            probing = asyncio.create_task(made.health.run())
            try:
                yield made
            finally:
                probing.cancel()


# What the stores' documents and sources list, and what an operator must read of it.
EVERYBODYS = [
    (Refusal(403, "QuotaExceeded"), "full", "raise the quota"),
    (Refusal(400, "XMinioAdminBucketQuotaExceeded"), "full", "raise the quota"),
    (Refusal(507, "XMinioStorageFull"), "full", "make room"),
    (Refusal(507, "InsufficientStorage"), "full", "make room"),
    (Refusal(507), "full", "make room"),
    (Refusal(403, "ObjectQuotaExceeded"), "full", "raise the quota"),
    (Refusal(403, "AccessDenied", "read only: /buckets/tts-audio/ (e.g. bucket over quota)"), "read-only", "raise the"),
    (Refusal(403, "AccessDenied", "Cannot upload files, storage cap exceeded."), "full", "raise the quota"),
    (Refusal(403, "AccessDenied"), "is refused", "PutObject"),
    (Refusal(403), "is refused", "PutObject"),
    (Refusal(403, "RequestTimeTooSkewed"), "clock", "set this machine's clock"),
    (Refusal(403, "InvalidAccessKeyId"), "keys", "check S3_ACCESS_KEY_ID"),
    (Refusal(403, "SignatureDoesNotMatch"), "keys", "S3_SECRET_ACCESS_KEY"),
    (Refusal(403, "SignatureDoesNotMatch", "Signature expired: 20260101T000000Z is too early"), "clock", "NTP"),
    (Refusal(403, "AccessDenied", "Request has expired"), "clock", "NTP"),
    (Refusal(400, "ExpiredToken", "The provided token has expired."), "keys", "credentials file"),
    (Refusal(401, "Unauthorized"), "keys", "credentials file"),
    (Refusal(403, "UserSuspended"), "suspended", "provider"),
    (Refusal(403, "AccessDenied", "Your account is inactive."), "suspended", "provider"),
    (Refusal(403, "NotEntitled"), "suspended", "provider"),
    (Refusal(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests "
             "with Object Lock parameters"), "checksums", "S3_CHECKSUMS=when_supported"),
    (Refusal(400, "MissingContentMD5"), "checksums", "S3_CHECKSUMS=when_supported"),
    (Refusal(501, "NotImplemented"), "header", "S3_CHECKSUMS=when_required"),
    (Refusal(404, "NoSuchBucket"), "doesn't exist", "create it, or set S3_BUCKET"),
    (Refusal(301, "PermanentRedirect"), "region", "S3_REGION"),
    (Refusal(400, "KMS.DisabledException"), "encryption key", "KMS"),
    (Refusal(405, "MethodNotAllowed"), "is refused", "policy"),
    (Refusal(409, "OperationAborted"), "takes no uploads", "full or read-only"),
    (Refusal(503, "SlowDown"), "takes no uploads", "full or read-only"),
    (Refusal(500, "InternalError"), "takes no uploads", "full or read-only"),
    (Refusal(400, "SomethingNobodyKnows"), "takes no uploads", "check S3_BUCKET"),
]  # fmt: skip


@pytest.mark.parametrize(("refusal", "state", "advice"), EVERYBODYS, ids=lambda each: getattr(each, "code", None))
async def test_audio_waits_while_uploads_are_refused_and_look_ups_work(
    refusal: Refusal, state: str, advice: str
) -> None:
    async with bench() as at:
        at.s3.refused["PUT"] = refusal
        with capture_logs() as logs:
            job = await at.waits()
            waits_for = at.health.waits_for or ""
            at.s3.refused.clear()
            assert await asyncio.wait_for(job, 60) == take()
        assert state in waits_for
        assert advice in waits_for
        (down,) = [line for line in logs if line["event"] == "dependency_down"]
        assert advice in down["detail"]
        assert at.s3.takes == [take().key]
        assert [key for key in at.s3.objects if key not in at.s3.takes] == [], "the probes are removed again"


async def test_a_key_that_is_refused_while_others_work_ends_its_own_upload_alone() -> None:
    async with bench() as at:
        at.s3.refuses_key = lambda key: key.endswith("bad.ogg")
        with pytest.raises(StoreUnusableError):
            await asyncio.wait_for(at.store.store(take("bad"), AUDIO), 60)
        assert at.health.is_up
        assert at.s3.count("PUT", probes=False) == 3
        assert await at.store.store(take("good"), AUDIO) == take("good")


async def test_a_folder_that_is_refused_while_others_work_is_paid_for_three_times_and_then_once_a_minute() -> None:
    async with bench() as at:
        at.s3.refuses_key = lambda key: "/ghoul/" in key
        keys = [f"takes/ghoul/wavenet/{number:02}/x.ogg" for number in range(20)]
        paid: list[str] = []
        with capture_logs() as logs:
            for key in keys:
                try:
                    await at.store.look_up(key, lambda: None)
                    paid.append(key)
                    await at.store.store(replace(take(), key=key), AUDIO)
                except StoreUnusableError as error:
                    refused = error
        assert paid == keys[:3]
        assert "uploads to takes/ghoul/wavenet/ are refused, so nothing is made for it" in str(refused)
        (reported,) = [line for line in logs if line["event"] == "uploads_refused"]
        assert "raise the quota" in reported["message"]
        assert await at.store.look_up("takes/raider/wavenet/00/x.ogg", lambda: None) is None
        at.seconds += 61
        assert await at.store.look_up(keys[4], lambda: None) is None
        with pytest.raises(StoreUnusableError):
            await at.store.look_up(keys[5], lambda: None)
        at.s3.refuses_key = lambda _: False
        await at.store.store(replace(take(), key=keys[4]), AUDIO)
        assert await at.store.look_up(keys[5], lambda: None) is None


async def test_a_store_that_answers_look_ups_and_swallows_uploads_is_an_outage() -> None:
    clock = LoopClock()
    async with bench(S3_TIMEOUT_S=f"{NEVER_S}") as at:
        at.s3.silent.add("PUT")
        at.s3.on_silence = lambda: clock.skip(NEVER_S)
        job = await at.waits()
        assert "takes no uploads" in (at.health.waits_for or "")
        at.s3.silent.clear()
        assert await asyncio.wait_for(job, 60) == take()


async def test_a_bucket_with_room_for_small_objects_alone_is_full_for_a_take() -> None:
    async with bench() as at:
        at.s3.room = 5_000
        job = await at.waits()
        assert "full" in (at.health.waits_for or "")
        at.s3.room = None
        assert await asyncio.wait_for(job, 60) == take()


async def test_while_uploads_are_refused_a_look_up_waits_so_that_nothing_is_paid_for() -> None:
    async with bench() as at:
        at.s3.refused["PUT"] = QUOTA
        job = await at.waits()
        checked: list[int] = []
        looking = asyncio.create_task(at.store.look_up("takes/pip_boy/b.ogg", lambda: checked.append(1)))
        await asyncio.sleep(0.05)
        assert not looking.done()
        at.s3.refused.clear()
        assert await asyncio.wait_for(looking, 60) is None
        assert checked == [1], "a deadline may have passed meanwhile"
        await asyncio.wait_for(job, 60)


async def test_look_ups_that_are_refused_while_the_bucket_can_be_reached_are_an_outage_too() -> None:
    async with bench() as at:
        at.s3.refused["HEAD"] = Refusal(403)
        job = asyncio.create_task(at.store.look_up("takes/pip_boy/a.ogg", lambda: None))
        waits_for = await at.until_down()
        assert "PutObject" in waits_for
        at.s3.refused.clear()
        assert await asyncio.wait_for(job, 60) is None


async def test_the_reason_is_found_where_head_alone_does_not_say_it() -> None:
    async with bench() as at:
        skew = Refusal(403, "RequestTimeTooSkewed", "The difference is too large.")
        at.s3.refused |= {"HEAD": skew, "BUCKET": skew, "LIST": skew}
        job = asyncio.create_task(at.store.look_up("takes/pip_boy/a.ogg", lambda: None))
        assert "set this machine's clock" in await at.until_down()
        job.cancel()


@pytest.mark.parametrize("status", [412, 304])
async def test_a_key_that_is_taken_gives_the_take_that_was_stored_first(status: int) -> None:
    async with bench() as at:
        at.s3.conditional = status
        first = await at.plain.store(take(), AUDIO)
        assert await at.plain.store(take(), b"other") == first
        assert await at.plain.probe_conditional_put("takes/.probe-doctor")


async def test_where_nothing_may_be_removed_probes_leave_objects_that_are_no_takes() -> None:
    async with bench() as at:
        at.s3.may_remove = False
        await at.probes.upload()
        await at.probes.upload()
        assert len(at.s3.objects) == 2
        assert at.s3.takes == []


async def test_the_start_waits_for_room_and_ends_where_somebody_must_mend_something() -> None:
    async with bench() as at:
        waited_for = {
            QUOTA: True,
            Refusal(507): True,
            Refusal(503, "SlowDown"): True,
            Refusal(403, "AccessDenied"): False,
            Refusal(404, "NoSuchBucket"): False,
        }
        for refusal, waits in waited_for.items():
            at.s3.refused["PUT"] = refusal
            with pytest.raises(StorageError) as error:
                await at.probes.check_start()
            assert (outage_at_start("b")(error.value) is not None) is waits
        assert "create it, or set S3_BUCKET" in str(error.value)
        at.s3.refused.clear()
        await at.probes.check_start()


def page_of(proxy_page: str) -> Callable[[web.Request], web.Response]:
    """Answers everything as a proxy or a captive portal does: a page, and all is well."""
    return lambda _: web.Response(text=proxy_page, content_type="text/html")


@pytest.mark.parametrize("page", ["<html>Please log in</html>", "<p>Please<br>log in", ""])
async def test_a_proxys_page_with_status_200_is_no_store(page: str) -> None:
    async with bench() as at:
        job = asyncio.create_task(at.store.store(take(), AUDIO))
        at.s3.instead = page_of(page)
        await at.until_down()
        looking = asyncio.create_task(at.store.look_up("takes/pip_boy/b.ogg", lambda: None))
        await asyncio.sleep(0.05)
        assert not looking.done()
        assert at.s3.takes == []
        at.s3.instead = None
        assert await asyncio.wait_for(job, 60) == take()
        assert await asyncio.wait_for(looking, 60) is None
        assert at.s3.takes == [take().key]


async def test_look_ups_that_a_proxy_answers_are_an_outage() -> None:
    async with bench() as at:
        at.s3.instead = page_of("<html>Please log in</html>")
        looking = asyncio.create_task(at.store.look_up("takes/pip_boy/b.ogg", lambda: None))
        await at.until_down()
        at.s3.instead = None
        assert await asyncio.wait_for(looking, 60) is None


async def test_an_upload_whose_answer_has_no_etag_is_looked_up() -> None:
    async with bench() as at:
        at.s3.has_etags = False
        assert await at.plain.store(take(), AUDIO) == take()
        assert at.s3.count("HEAD", probes=False) == 1


async def test_a_message_of_the_store_is_cut() -> None:
    async with bench() as at:
        at.s3.refused["PUT"] = Refusal(403, "AccessDenied", "x" * 100_000)
        with pytest.raises(StorageRefusedError) as error:
            await at.plain.store(take(), AUDIO)
        assert len(str(error.value)) < 1000


async def test_new_keys_in_the_shared_file_are_used_once_nothing_has_worked_for_a_while(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[studio]\naws_access_key_id = OLD\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "studio")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    async with bench(AWS_PROFILE="studio") as at:
        at.s3.accepted_keys = {"OLD"}
        assert await at.store.store(take("a"), AUDIO) == take("a")
        at.s3.accepted_keys = {"NEW"}
        job = asyncio.create_task(at.store.store(take("b"), AUDIO))
        assert "refuses the keys" in await at.until_down()
        file.write_text("[studio]\naws_access_key_id = NEW\n")
        await asyncio.sleep(0.2)
        assert not job.done(), "half a file is no key"
        file.write_text("[studio]\naws_access_key_id = NEW\naws_secret_access_key = s\n")
        assert await asyncio.wait_for(job, 60) == take("b")


async def test_a_request_that_runs_while_the_client_is_opened_anew_ends_on_the_old_one() -> None:
    async with bench() as at:
        at.s3.silent.add("HEAD")
        running = asyncio.create_task(at.plain.look_up("takes/pip_boy/a.ogg"))
        await loop_until(lambda: at.s3.requests)
        await at.plain.reopen()
        assert not running.done()
        at.s3.silent.clear()
        assert await running is None
        assert await at.plain.look_up("takes/pip_boy/a.ogg") is None


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [(StorageUnavailableError("x"), "UNAVAILABLE", True), (StoreUnusableError("x"), "REFUSED", True),
     (StorageRefusedError("x"), "REFUSED", False)],
)  # fmt: skip
def test_a_job_is_tried_later_unless_it_is_its_own_request_that_is_refused(
    error: StorageError, code: str, retryable: bool
) -> None:
    found = storage_failed(error)
    assert (found.problem.code, found.retryable) == (code, retryable)
