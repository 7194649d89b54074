"""Sends the announcements of a rollout's transitions to webhooks: each once, over all leaders."""

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
_RETRY_FOR_S: Final = 600.0
_POLL_S: Final = 0.2
_RETRYABLE: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_log = structlog.get_logger(__name__)


class RevisionHistory:
    """The revisions that the controller has read, and up to which offset: they show which records count."""

    def __init__(self) -> None:
        self.revisions = RevisionLog()
        self.position = 0


class WebhookNotifier:
    """Announces the records of the log that are transitions.

    Args:
        webhooks: the URL of each audience.
        history: kept up to date by the controller.
        catalogue: the keys of all characters.
        retry_after_s: the back-off after a webhook's first failure, doubled up to a minute.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        webhooks: Mapping[str, SecretStr],
        history: RevisionHistory,
        catalogue: frozenset[str],
        retry_after_s: float = 1.0,
    ) -> None:
        self._session = session
        self._webhooks = webhooks
        self._history = history
        self._catalogue = catalogue
        self._retry_after_s = retry_after_s

    async def handle_record(self, offset: int, value: bytes | None) -> None:
        """Announces a record if it is a transition.

        Returns once each audience's webhook has accepted or refused the message, or has failed for ten minutes.
        """
        announcement = await self._announcement(offset, value)
        if announcement is None:
            return
        _log.info("rollout_transition", text=announcement.text, audiences=list(announcement.audiences))
        async with asyncio.TaskGroup() as group:
            for audience in announcement.audiences:
                group.create_task(self._send(audience, announcement.text))

    async def _announcement(self, offset: int, value: bytes | None) -> Announcement | None:
        try:
            revision = Revision.model_validate_json(value or b"")
        except ValueError:
            return None
        # Whether the record counts is known once the controller has read past it.
        while self._history.position <= offset:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        revisions = self._history.revisions
        accepted = revisions.by_number(revision.revision)
        if accepted is None or accepted.id != revision.id:
            return None
        before = revisions.by_number(revision.base)
        run = revision.run or (before.run if before else None)
        try:
            plan = None if run is None else active_plan(run, self._catalogue)
        except InvalidFileError:
            plan = None
        return announcement_for(before, revision, plan)

    async def _send(self, audience: str, text: str) -> None:
        webhook = self._webhooks.get(audience)
        if webhook is None:
            _log.warning("rollout_audience_unreachable", audience=audience, detail="ROLLOUT_WEBHOOKS has no address")
            return
        retrying = AsyncRetrying(
            retry=retry_if_exception(_is_retryable),
            wait=wait_exponential_jitter(initial=self._retry_after_s, max=60),
            stop=stop_after_delay(_RETRY_FOR_S),
            reraise=True,
        )
        try:
            await retrying(self._post, webhook.get_secret_value(), text)
        except (aiohttp.ClientError, TimeoutError) as error:
            # The error's text is not logged: it may contain the webhook's address, which is secret.
            status = error.status if isinstance(error, aiohttp.ClientResponseError) else None
            _log.error("rollout_webhook_failed", audience=audience, error=type(error).__name__, status=status)

    async def _post(self, url: str, text: str) -> None:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with self._session.post(url, json={"text": text}, timeout=timeout) as response:
            response.raise_for_status()


def _is_retryable(error: BaseException) -> bool:
    """Whether the same request may work later. A webhook that is gone must not delay later announcements."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status in _RETRYABLE
    return isinstance(error, aiohttp.ClientError | TimeoutError) and not isinstance(error, aiohttp.InvalidURL)
