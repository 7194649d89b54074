"""The HTTP control API: reads and changes settings, faults and counts while the emulator runs."""

from collections.abc import Iterable
from json import JSONDecodeError
from typing import Any, Protocol

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from loadtest.emulator.calls import LOGGED_CALLS, CallCounts, LoggedCall
from loadtest.emulator.settings import EmulatorSettings, Fault

_FAULTS = TypeAdapter(list[Fault])


class Controllable(Protocol):
    """The part of the emulator that the control API uses."""

    @property
    def settings(self) -> EmulatorSettings:
        """The current settings."""

    def change_settings(self, changes: dict[str, Any]) -> None:
        """Changes the named settings and keeps the others."""

    @property
    def faults(self) -> list[Fault]:
        """The active faults, in order."""

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replaces the active faults."""

    def add_faults(self, faults: Iterable[Fault]) -> None:
        """Adds faults after the active ones."""

    @property
    def calls(self) -> CallCounts:
        """The current counts."""

    def clear_calls(self) -> None:
        """Resets the counts."""

    def voice_figures(self) -> dict[str, dict[str, float]]:
        """Returns what the neural models did, by model."""

    def call_log(self, last: int) -> list[LoggedCall]:
        """Returns the last finished calls, oldest first."""


def control_app(emulator: Controllable) -> web.Application:
    """Returns the web application that controls `emulator`."""
    app = web.Application(middlewares=[_explain_bad_input])
    handlers = _Handlers(emulator)
    app.add_routes(
        [
            web.get("/healthz", handlers.health),
            web.get("/settings", handlers.get_settings),
            web.patch("/settings", handlers.patch_settings),
            web.get("/faults", handlers.get_faults),
            web.put("/faults", handlers.put_faults),
            web.post("/faults", handlers.post_faults),
            web.delete("/faults", handlers.delete_faults),
            web.get("/calls", handlers.get_calls),
            web.delete("/calls", handlers.delete_calls),
            web.get("/calls/log", handlers.get_log),
            web.get("/voices", handlers.get_voices),
        ]
    )
    return app


@web.middleware
async def _explain_bad_input(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        response: web.StreamResponse = await handler(request)
    except ValidationError as error:
        problems = [
            {
                "field": ".".join(str(step) for step in problem["loc"]),
                "value": problem["input"],
                "allowed": problem["msg"],
            }
            for problem in error.errors(include_url=False, include_context=False)
        ]
        return web.json_response({"problems": problems}, status=400)
    except (JSONDecodeError, UnicodeDecodeError) as error:
        problem = {"field": "", "value": None, "allowed": f"a JSON document: {error}"}
        return web.json_response({"problems": [problem]}, status=400)
    return response


class _Handlers:
    def __init__(self, emulator: Controllable) -> None:
        self._emulator = emulator

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def get_settings(self, _request: web.Request) -> web.Response:
        return web.json_response(self._emulator.settings.model_dump(mode="json"))

    async def patch_settings(self, request: web.Request) -> web.Response:
        self._emulator.change_settings(await request.json())
        return await self.get_settings(request)

    async def get_faults(self, _request: web.Request) -> web.Response:
        return web.json_response(
            [fault.model_dump(mode="json", exclude_defaults=True) for fault in self._emulator.faults]
        )

    async def put_faults(self, request: web.Request) -> web.Response:
        self._emulator.set_faults(_FAULTS.validate_python(await request.json()))
        return await self.get_faults(request)

    async def post_faults(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._emulator.add_faults(_FAULTS.validate_python(body if isinstance(body, list) else [body]))
        return await self.get_faults(request)

    async def delete_faults(self, request: web.Request) -> web.Response:
        self._emulator.set_faults([])
        return await self.get_faults(request)

    async def get_calls(self, _request: web.Request) -> web.Response:
        return web.json_response(self._emulator.calls.model_dump(mode="json"))

    async def delete_calls(self, request: web.Request) -> web.Response:
        self._emulator.clear_calls()
        return await self.get_calls(request)

    async def get_voices(self, _request: web.Request) -> web.Response:
        return web.json_response(self._emulator.voice_figures())

    async def get_log(self, request: web.Request) -> web.Response:
        last = request.query.get("last", str(LOGGED_CALLS))
        if not last.isdecimal():
            problem = {"field": "last", "value": last, "allowed": "a whole number, 0 or more"}
            return web.json_response({"problems": [problem]}, status=400)
        return web.json_response([call.model_dump(mode="json") for call in self._emulator.call_log(int(last))])
