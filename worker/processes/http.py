"""The HTTP routes of a parent of processes: `/metrics`, `/healthz` and `/readyz` for all, and a lane's resuming."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from aiohttp import web
from pydantic import SecretStr

from worker.observability.http import metrics_response, resume_route
from worker.processes.answers import Answers
from worker.processes.metrics import ProcessMetrics


def build_site(
    answers: Answers, metrics: ProcessMetrics, *, stopping: Callable[[], bool], token: SecretStr | None
) -> web.Application:
    """The application.

    Ready is who has only ready processes: an update goes on once all of the new ones take jobs. Alive is who has no
    process that has answered and doesn't any more: one that starts, or is started again, is none.

    Args:
        stopping: whether the processes are being stopped.
        token: who resumes a lane must send it; None: nobody can.
    """

    async def serve_metrics(request: web.Request) -> web.Response:
        await metrics.read(answers)
        return metrics_response(request, metrics.registry)

    async def healthz(_: web.Request) -> web.Response:
        if hanging := await answers.hanging():
            return web.json_response({"status": "a process doesn't answer", "processes": hanging}, status=503)
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        states = await answers.states()
        waits_for = [f"process {each.number}: {reason}" for each in states for reason in each.waits_for]
        if stopping():
            waits_for.append("nothing: the processes are shutting down")
        details = [f"process {each.number}: {detail}" for each in states for detail in each.details]
        document = {
            "ready": not waits_for,
            "waits_for": waits_for,
            **({"details": details} if details else {}),
            "processes": [{"ready": not each.waits_for, **asdict(each)} for each in states],
        }
        return web.json_response(document, status=503 if waits_for else 200)

    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", serve_metrics),
            web.get("/metrics/prometheus", serve_metrics),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            resume_route(partial(answers.resume, token=token), token),
        ]
    )
    return app
