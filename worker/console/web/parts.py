"""What the console's pages work with: one object of each kind in a process."""

from dataclasses import dataclass

from jinja2 import Environment

from worker.config.settings import Settings
from worker.console.web.access import Clients
from worker.console.web.rollout.feed import RolloutFeed
from worker.console.web.session import Sessions
from worker.lifecycle.clock import Clock


@dataclass(frozen=True)
class ConsoleParts:
    """The parts.

    Attributes:
        names: the keys of all characters.
        feed: runs beside the server.
    """

    settings: Settings
    names: frozenset[str]
    clock: Clock
    clients: Clients
    sessions: Sessions
    templates: Environment
    feed: RolloutFeed
