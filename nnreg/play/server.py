"""The page's server: on this computer alone, for this computer's browser alone.

A page of another site may ask any address, this one too; what it could do here is kept small three times. A request that came
by another name than this computer's (DNS rebinding) or from another page is refused, the page may ask nobody but its server
(``Content-Security-Policy``), and what is asked for is bounded in size.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import math
import re
import socket
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nnreg.console import say
from nnreg.errors import UserError
from nnreg.figures.scripts import CHARTS
from nnreg.play.computer import Computers
from nnreg.play.files import PluginFiles
from nnreg.play.knobs import listed_techniques, shown_technique

TABS = ("valley", "network", "layers")
"""Modules of this room, each the server's side of a tab: ``routes`` is a list of Starlette's."""
FIRST = ("knobs", "valley")
"""Computers that a page asks as soon as it is opened."""
WEB = Path(__file__).parent / "web"
HOST = "127.0.0.1"
LARGEST = 2**18
"""Bytes of what a page may send at once."""
LOOKS = 0.4
"""Seconds between two looks at the files of plugins."""
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Wanted:
    """How the page is to be served.

    Attributes:
        port: to listen on; 0 for any that is free.
        opens: whether to open a browser.
        fragment: state that the page begins in, as it stands behind the # of its address.
        follow: folders of sweeps and runs whose curves the page offers, besides those that are trained below ``runs``.
    """

    port: int = 0
    opens: bool = True
    fragment: str = ""
    follow: tuple[Path, ...] = ()


def serve(wanted: Wanted) -> int:
    """Serve the page until Ctrl-C.

    Raises:
        UserError: the port cannot be listened on.
    """
    with _listening(wanted.port) as ear:
        port = ear.getsockname()[1]
        server = uvicorn.Server(_config(port))
        server.config.app.state.followed = wanted.follow  # type: ignore[union-attr] # it is an application
        server.config.app.state.is_closing = lambda: server.should_exit  # type: ignore[union-attr] # it is an application
        address = f"http://{HOST}:{port}/" + (f"#{wanted.fragment}" if wanted.fragment else "")
        say(address)
        say("Ctrl-C ends it")
        if wanted.opens:
            with contextlib.suppress(webbrowser.Error):
                webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again once all is closed
            server.run(sockets=[ear])
    return 0


def _config(port: int) -> uvicorn.Config:
    return uvicorn.Config(
        application(port), log_config=None, log_level="critical", access_log=False, ws="none", timeout_graceful_shutdown=1
    )


def _listening(port: int) -> socket.socket:
    """Return a socket that listens, so that the address works from when it is printed."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        ear.bind((HOST, port))
        ear.listen(64)
    except (OSError, OverflowError) as error:
        ear.close()
        raise UserError(
            f"port {port} is in use or not allowed: choose another with --port, or leave it out for one that is free"
        ) from error
    return ear


def application(port: int) -> Starlette:
    """Return the page's application, which answers to this computer's names with a port alone."""
    routes = [
        Route("/", _page),
        Route("/web/{name}", _file),
        Route("/api/techniques/{kind}", _techniques),
        Route("/api/technique", answered("knobs", _shown), methods=["POST"]),
        Route("/api/changes", _changes),
    ]
    for tab in TABS:
        routes += importlib.import_module(f"nnreg.play.{tab}").routes
    guard = Middleware(Guard, hosts=frozenset(f"{name}:{port}" for name in (HOST, "localhost")))
    made = Starlette(routes=routes, middleware=[guard], lifespan=_lifespan, exception_handlers={UserError: _refused})
    made.state.computers, made.state.is_closing = Computers(), lambda: False
    made.state.saved, made.state.followed = Saved(), ()
    return made


@dataclass
class Saved:
    """What was saved since the page's server began: how many times, and which files the last time."""

    count: int = 0
    files: tuple[str, ...] = ()


@contextlib.asynccontextmanager
async def _lifespan(made: Starlette) -> AsyncIterator[None]:
    """Watch the files of plugins while the server lives, and leave no process behind."""
    tasks = [asyncio.create_task(_watch(made)), *(asyncio.create_task(_begin(made, name)) for name in FIRST)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        made.state.computers.close()


async def _begin(made: Starlette, computer: str) -> None:
    """Let a process import what it needs before the page asks for it."""
    with contextlib.suppress(UserError):  # who asks is told
        await made.state.computers[computer].ask(listed_techniques, "optimizer")


async def _watch(made: Starlette) -> None:
    files = await asyncio.to_thread(PluginFiles)
    while True:
        await asyncio.sleep(LOOKS)
        if saved := await asyncio.to_thread(files.changed):
            made.state.computers.renew()
            made.state.saved = Saved(made.state.saved.count + 1, tuple(saved))


class Guard:
    """Refuses what does not come from the page itself, and bounds what does; adds ``HEADERS`` to every answer.

    Args:
        app: that answers.
        hosts: names and port by which this computer calls itself.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts
        self._origins = frozenset(f"http://{host}" for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        if complaint := self._complaint(scope["method"], scope["path"], Headers(scope=scope)):
            await PlainTextResponse(f"{complaint}\n", 403)(scope, receive, send_with_headers)
            return
        received = 0

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > LARGEST:
                raise UserError(f"more than {LARGEST} bytes were sent at once")
            return message

        await self._app(scope, receive_bounded, send_with_headers)

    def _complaint(self, method: str, path: str, headers: Headers) -> str:
        """Return what is wrong with where a request comes from, or ""."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
        if headers.getlist("host") != [headers.get("host")] or headers.get("host") not in self._hosts:
            return "this page answers to its own address alone, and was called by another name"
        if origin is not None and origin not in self._origins:
            return "this page answers itself alone, and was asked by a page of another site"
        if origin is None and method not in ("GET", "HEAD"):
            return "this page answers itself alone: whoever sends something says from which page (Origin)"
        is_link = path == "/" and headers.get("sec-fetch-mode") == "navigate"  # a link in a teacher's page
        if site not in ("same-origin", "none") and not is_link:
            return "this page answers itself alone, and was asked by a page of another site"
        return ""


def answered(computer: str, function: Callable[[dict[str, Any]], Any]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that lets a function of some module answer what a page has sent, in a process that has the techniques.

    Args:
        computer: name of the process; one answers one thing at a time.
        function: takes the object that the page has sent, checks it, and returns what is to be sent, floats that are not
            finite among it; they become null. What it raises is sent as ``{"error": line}`` with status 422.
    """

    async def endpoint(request: Request) -> Response:
        found = await request.app.state.computers[computer].ask(function, await sent_object(request))
        return JSONResponse(finite(found))

    return endpoint


async def sent_object(request: Request) -> dict[str, Any]:
    """Return the JSON object that a page has sent.

    Raises:
        UserError: it has sent something else.
    """
    try:
        found = json.loads(await request.body(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UserError("a page sends an object in JSON here") from error
    if not isinstance(found, dict):
        raise UserError("a page sends an object in JSON here")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def finite(value: Any) -> Any:
    """Return a value of plain containers with None in place of each float that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): finite(inner) for key, inner in value.items()}
    return [finite(inner) for inner in value] if isinstance(value, list | tuple) else value


async def _page(request: Request) -> Response:
    return FileResponse(WEB / "index.html")


async def _file(request: Request) -> Response:
    """Send a file of the page, or a chart script that reports have too."""
    name = request.path_params["name"]
    if re.fullmatch(r"[a-z_]+\.(js|css|svg)", name):
        for folder in (WEB, CHARTS):
            if (folder / name).is_file():
                return FileResponse(folder / name, media_type="text/javascript" if name.endswith(".js") else None)
    return PlainTextResponse("there is no such file\n", 404)


async def _techniques(request: Request) -> Response:
    found = await request.app.state.computers["knobs"].ask(listed_techniques, request.path_params["kind"])
    return JSONResponse(found)


def _shown(asked: dict[str, Any]) -> dict[str, Any]:
    return shown_technique(str(asked.get("kind")), str(asked.get("name")))


async def _changes(request: Request) -> Response:
    """Send an event for each time that files of plugins were saved, until the page or the server goes."""

    async def events() -> AsyncIterator[str]:
        told = request.app.state.saved.count
        yield ": here\n\n"
        while not request.app.state.is_closing():
            saved = request.app.state.saved
            if saved.count != told:
                told = saved.count
                yield f"data: {json.dumps({'files': saved.files})}\n\n"
            await asyncio.sleep(LOOKS / 2)

    return StreamingResponse(events(), media_type="text/event-stream")


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 422)
