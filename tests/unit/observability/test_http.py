"""What the HTTP server logs: our own faults, and not what strangers send to its port."""

import asyncio
import logging

import aiohttp
from prometheus_client import CollectorRegistry

from worker.observability.http import serve_http


async def answer_to(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    async with asyncio.timeout(60):
        answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_bytes_that_are_no_request_are_refused_without_a_log_line(caplog) -> None:
    http2_preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)
    async with serve_http("127.0.0.1", 0, CollectorRegistry(), list) as port:
        for sent in (http2_preface, b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET /\x00 HTTP/1.1\r\n\r\n"):
            assert b" 400 " in await answer_to(port, sent)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_fault_of_a_handler_is_logged(caplog) -> None:
    def broken() -> list[str]:
        raise RuntimeError("broken")

    async with (
        serve_http("127.0.0.1", 0, CollectorRegistry(), broken) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/readyz") as answer,
    ):
        assert answer.status == 500
    assert any(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)
