"""From a request to a page: the user, the form, the dataset if the page shows one, and an error page for each error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sensor.console.page_request import Given, PageRequest, form_of, parameters
from sensor.console.pages import errors, login
from sensor.console.security.keys import RequestUser
from sensor.console.security.session import Refused, check_form, user_of
from sensor.console.settings import Console
from sensor.inventory.store.database import StoreError
from sensor.views.errors import ViewError

Endpoint = Callable[[Request], Awaitable[Response]]
Page = Callable[[PageRequest], Response]
Work = Callable[[Console, Request, RequestUser, Given], Response]


def endpoint(console: Console, work: Work, *, write: bool = True) -> Endpoint:
    """Answer requests with ``work``, in a thread. ``write``: its forms require a user with write permission."""

    async def answering(request: Request) -> Response:
        try:
            form = await form_of(request) if request.method == "POST" else {}
        except ViewError as error:
            return await run_in_threadpool(errors.refused, console, request, error)
        return await run_in_threadpool(_answer, console, request, work, form, write)

    return answering


def of_dataset(page: Page) -> Work:
    """A handler for a page that shows a dataset. It opens the dataset named in the URL while the page is rendered."""

    def work(console: Console, request: Request, who: RequestUser, form: Given) -> Response:
        dataset = console.sources.dataset(parameters(request.url.query).get("data", [""])[-1], who.name)
        with (
            console.sources.opened(dataset, who.name) as opened,
            PageRequest(console, request, who, opened, form) as page_request,
        ):
            return page(page_request)

    return work


def _answer(console: Console, request: Request, work: Work, form: Given, write: bool) -> Response:
    who = user_of(console, request)
    if who is None:
        return login.needed(console, request)
    try:
        if request.method == "POST":
            check_form(who, form, write=write)
        return work(console, request, who, form)
    except (ViewError, Refused) as error:
        return errors.refused(console, request, error)
    except StoreError as error:
        return errors.unusable(request, error, who)
    except OSError as error:
        return errors.unreadable(console, request, error)
