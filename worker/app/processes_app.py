"""Builds the parent of several workers' processes and runs it, from the start to their graceful shutdown."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog

from worker.config.process_environment import process_environment
from worker.config.settings import Settings, own_environment
from worker.lifecycle.clock import Clock
from worker.lifecycle.memory_budget import default_budget_mb
from worker.lifecycle.signals import ShutdownSignals
from worker.observability.http import listen
from worker.processes.answers import ask_processes
from worker.processes.child import Child
from worker.processes.http import build_site
from worker.processes.metrics import ProcessMetrics
from worker.processes.supervisor import Supervisor

_log = structlog.get_logger(__name__)


async def run_processes(settings: Settings, count: int) -> int:
    """Runs so many workers, each in a process of its own, until SIGTERM or SIGINT; then they drain.

    Returns:
        The exit code: 0 if all drained, 143 if some were stopped before they took jobs, else 1.

    Raises:
        UsageError: the HTTP server can't listen at its address.
        RefusedError, UnavailableError: a process can't start.
        CancelledError: a second signal arrived.
    """
    signals = ShutdownSignals()
    metrics = ProcessMetrics(count)
    with _children(settings, count) as children:
        supervisor = Supervisor(
            children, restarted=metrics.count_restart, drain_s=settings.worker.grace_s, clock=Clock()
        )
        signals.drain_with(supervisor.stop)
        async with ask_processes(children) as answers:
            site = build_site(answers, metrics, stopping=lambda: signals.requested, token=settings.worker.http_token)
            async with listen(site, settings.worker.http_host, settings.worker.http_port) as port:
                _log.info(
                    "processes_start",
                    http=f"http://{settings.worker.http_host}:{port}",
                    processes={each.number: each.address for each in children},
                    instance_id=settings.kafka.group_instance_id,
                )
                code = await supervisor.run()
    _log.info("processes_stopped", exit_code=code)
    return code


@contextmanager
def _children(settings: Settings, count: int) -> Iterator[list[Child]]:
    memory_budget_mb = settings.worker.memory_budget_mb or max(1, default_budget_mb() // count)
    parent = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    environment = own_environment()
    with ExitStack() as stack:
        lifeline, kept_open = os.pipe()
        stack.callback(os.close, lifeline)
        # The system closes it, too, when this process is killed.
        stack.callback(os.close, kept_open)
        children = []
        for number in range(1, count + 1):
            variables = process_environment(
                environment,
                number,
                instance_id=settings.kafka.group_instance_id,
                parent=parent,
                memory_budget_mb=memory_budget_mb,
            )
            children.append(Child(number, variables, lifeline))
            stack.callback(children[-1].close)
        yield children
