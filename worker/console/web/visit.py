"""A visit: one request of a client that may make it, and what the answers to it have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from worker.console.access.tokens import Client, Scope
from worker.console.web.forms import CSRF_FIELD
from worker.console.web.language import LANGUAGES, chosen_language, translator
from worker.console.web.parts import ConsoleParts
from worker.console.web.session import Session
from worker.rollout.log.codec import current_state

_PAGES: Final = {
    "rollout": Scope.READ,
    "lines": Scope.READ,
    "dead-letters": Scope.READ,
    "fleet": Scope.READ,
    "batch": Scope.READ,
    "listen": Scope.LISTEN,
    "takes": Scope.LISTEN,
    "results": Scope.READ,
    "pairs": Scope.OPERATE,
}

MAY_CANCEL: Final = (Scope.ENQUEUE, Scope.OPERATE)
"""Who may cancel a line has one of these scopes."""


@dataclass(frozen=True)
class Visit:
    """One request.

    Attributes:
        form: the fields of a form that was sent; empty for a page.
    """

    request: Request
    parts: ConsoleParts
    client: Client
    session: Session
    form: Mapping[str, str]

    @property
    def may_operate(self) -> bool:
        """Whether the client may change something."""
        return Scope.OPERATE in self.client.scopes

    def page(self, template: str, code: int = HTTPStatus.OK, **context: Any) -> HTMLResponse:
        """A page, or a part of one, in the visitor's language."""
        revisions = self.parts.feed.revisions
        common = {
            "client": self.client,
            "pages": [name for name, scope in _PAGES.items() if scope in self.client.scopes],
            "csrf": self.session.csrf,
            "csrf_field": CSRF_FIELD,
            "may_operate": self.may_operate,
            "may_judge": Scope.LISTEN in self.client.scopes,
            "may_cancel": not self.client.scopes.isdisjoint(MAY_CANCEL),
            "chirp_is_on": revisions is not None and not current_state(revisions).is_off,
            "feed_problem": self.parts.feed.problem,
        }
        return render(self.parts, self.request, template, code, **common, **context)


def render(
    parts: ConsoleParts, request: Request, template: str, code: int = HTTPStatus.OK, **context: Any
) -> HTMLResponse:
    """A page for whoever isn't signed in, or a part of `Visit.page`."""
    language = chosen_language(request)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    text = parts.templates.get_template(template).render(
        t=translator(language), language=language, languages=LANGUAGES, path=request.url.path, here=here,
        now=parts.clock.now(), **context,
    )  # fmt: skip
    # Records hold lone surrogates, which can't be sent.
    return HTMLResponse(text.encode("utf-8", "backslashreplace"), code)


def see(path: str, **query: str) -> RedirectResponse:
    """Leads the browser to a page after a form was done, so that a reload doesn't send it again."""
    return RedirectResponse(f"{path}?{urlencode(query)}" if query else path, HTTPStatus.SEE_OTHER)
