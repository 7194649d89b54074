"""Tells people of transitions by webhooks, once each, over all leaders."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import aiohttp
import structlog
from pydantic import SecretStr
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

from schemas.revision import Revision
from worker.rollout.controller.announcements import Announcement, announcement_for
from worker.rollout.log.revisions import RevisionLog
from worker.rollout.plan.active import active_plan
from worker.rollout.plan.document import InvalidFileError

_TIMEOUT_S: Final = 10.0
_GIVEN_UP_AFTER_S: Final = 600.0
_LOOK_S: Final = 0.2
_LATER: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_log = structlog.get_logger(__name__)


class RevisionHistory:
    """The log as the controller has read it: which of its records count."""

    def __init__(self) -> None:
        self.revisions = RevisionLog()
        self.position = 0


class Notifier:
    """Tells what the records of the log mean.

    Args:
        session: of HTTP.
        webhooks: an address for each audience.
        known: the log as it is read by the controller.
        catalogue: the keys of all characters.
        retry_after_s: the first wait after a webhook didn't take a message; doubled up to a minute.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        webhooks: Mapping[str, SecretStr],
        known: RevisionHistory,
        catalogue: frozenset[str],
        retry_after_s: float = 1.0,
    ) -> None:
        self._session = session
        self._webhooks = webhooks
        self._known = known
        self._catalogue = catalogue
        self._retry_after_s = retry_after_s

    async def hear(self, offset: int, value: bytes | None) -> None:
        """Tells of a record, if it is a transition; returns once it is told, refused, or given up after ten minutes."""
        transition = await self._transition(offset, value)
        if transition is None:
            return
        _log.info("rollout_transition", text=transition.text, audiences=list(transition.audiences))
        async with asyncio.TaskGroup() as group:
            for audience in transition.audiences:
                group.create_task(self._tell(audience, transition.text))

    async def _transition(self, offset: int, value: bytes | None) -> Announcement | None:
        try:
            revision = Revision.model_validate_json(value or b"")
        except ValueError:
            return None
        # Whether it counts is known once the log is read past it.
        while self._known.position <= offset:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        fold = self._known.revisions
        taken = fold.by_number(revision.revision)
        if taken is None or taken.id != revision.id:
            return None
        before = fold.by_number(revision.base)
        run = revision.run or (before.run if before else None)
        try:
            plan = None if run is None else active_plan(run, self._catalogue)
        except InvalidFileError:
            plan = None
        return announcement_for(before, revision, plan)

    async def _tell(self, audience: str, text: str) -> None:
        webhook = self._webhooks.get(audience)
        if webhook is None:
            _log.warning("rollout_audience_unreachable", audience=audience, detail="ROLLOUT_WEBHOOKS has no address")
            return
        retrying = AsyncRetrying(
            retry=retry_if_exception(_passes),
            wait=wait_exponential_jitter(initial=self._retry_after_s, max=60),
            stop=stop_after_delay(_GIVEN_UP_AFTER_S),
            reraise=True,
        )
        try:
            await retrying(self._post, webhook.get_secret_value(), text)
        except (aiohttp.ClientError, TimeoutError) as error:
            # No more of the error: the address is secret.
            status = error.status if isinstance(error, aiohttp.ClientResponseError) else None
            _log.error("rollout_untold", audience=audience, error=type(error).__name__, status=status)

    async def _post(self, url: str, text: str) -> None:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with self._session.post(url, json={"text": text}, timeout=timeout) as response:
            response.raise_for_status()


def _passes(error: BaseException) -> bool:
    """Whether it may work later. A webhook that is gone must not hold up what others are told."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status in _LATER
    return isinstance(error, aiohttp.ClientError | TimeoutError) and not isinstance(error, aiohttp.InvalidURL)
