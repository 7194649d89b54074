"""Lines cancelled over HTTP: asked for, waited for, ended already, unknown."""

from __future__ import annotations

from aiokafka.errors import KafkaConnectionError

from schemas.cancellation import Cancellation
from schemas.enums import JobStatus
from tests.unit.console.api.serving import LINE, call, completion, serving, token

LINE_A = {**LINE, "job_id": "a"}


async def test_a_line_that_hasnt_ended_is_cancelled_and_its_address_returned() -> None:
    bearer, entry = token("quests", "enqueue")
    async with serving(entry) as (world, client, _):
        await call(client, "POST", "/v1/lines?lane=batch", json=LINE_A, bearer=bearer)
        status, line, headers = await call(client, "DELETE", "/v1/lines/a", bearer=bearer)
        (event,) = world.events
        assert isinstance(event, Cancellation)
        assert (event.job_id, event.source, event.time) == ("a", "/clients/quests", world.wall)
    assert (status, headers["Location"]) == (202, "/v1/lines/a")
    assert (line["state"], line["lane"]) == ("queued", "batch")


async def test_who_waits_gets_the_completion_whether_they_cancelled_or_enqueued_the_line() -> None:
    async with serving() as (world, client, _):
        await call(client, "POST", "/v1/lines", json=LINE_A)
        world.ends_at_once = True
        status, line, _ = await call(client, "DELETE", "/v1/lines/a?wait=60s")
        assert (status, line["state"], line["completion"]["status"]) == (200, "cancelled", "cancelled")
        status, line, _ = await call(client, "POST", "/v1/lines?wait=60s", json=LINE_A)
        assert (status, line["state"]) == (200, "cancelled")
        status, problem, _ = await call(client, "GET", "/v1/lines/a/audio")
    assert (status, problem["detail"]) == (409, "job_id='a': ended as cancelled, without audio")


async def test_a_line_that_has_ended_is_answered_as_it_is_and_nothing_is_sent() -> None:
    async with serving() as (world, client, _):
        for status in JobStatus:
            world.end(completion(f"is-{status}", status=status))
            found, line, _ = await call(client, "DELETE", f"/v1/lines/is-{status}?wait=60s")
            assert (found, line["state"]) == (200, status.value)
    assert world.events == []


async def test_an_unknown_line_and_a_wrong_wait_are_refused() -> None:
    async with serving() as (world, client, _):
        status, problem, _ = await call(client, "DELETE", "/v1/lines/none")
        assert (status, problem["type"]) == (404, "urn:chirp-worker:problem:unknown-line")
        status, problem, _ = await call(client, "DELETE", "/v1/lines/none?wait=soon")
        assert (status, problem["errors"][0]["field"]) == (422, "wait")
    assert world.events == []


async def test_while_kafka_is_away_no_line_is_cancelled_and_the_client_may_come_again() -> None:
    async with serving() as (world, client, _):
        await call(client, "POST", "/v1/lines", json=LINE_A)
        world.send_error = KafkaConnectionError("away")
        assert (await call(client, "DELETE", "/v1/lines/a"))[0] == 503
        world.waits_for = ["Kafka: no broker answers"]
        status, problem, headers = await call(client, "DELETE", "/v1/lines/a")
    assert (status, problem["type"]) == (503, "urn:chirp-worker:problem:not-ready")
    assert int(headers["Retry-After"]) > 0
