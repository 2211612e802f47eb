"""The server's side of the Network: sessions in which networks train, streamed to the page that looks at them.

A page opens a stream and is told its name; what it then asks for by that name is answered in the stream, one frame after
another, never more than two ahead of what the page has drawn. A session ends when its page goes away, and with it the process
that trains.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from nnreg.errors import UserError
from nnreg.play import following, trainings
from nnreg.play.computer import Computer, Computers
from nnreg.play.knobs import checked_whole
from nnreg.play.server import finite, sent_object

MOST_SESSIONS = 4
AHEAD = 2
"""Frames that may be on their way to a page."""
PATIENCE = 1.0
"""Seconds after which a stream that has nothing to say says that it is there, and looks whether its page is."""


class Session:
    """One page's networks, and how far it has seen them train.

    Args:
        name: by which its page asks.
        computer: the process that trains.
    """

    def __init__(self, name: str, computer: Computer) -> None:
        self.name, self.computer = name, computer
        self._asked: dict[str, Any] | None = None
        self._updates, self._left = 1, 0.0
        self._sent, self._seen = 0, 0
        self._is_news = asyncio.Event()

    def order(self, said: dict[str, Any]) -> None:
        """Take what a page asks for: ``networks`` to begin with, ``run`` or ``pause``, ``step``, ``updates`` a frame, ``seen``.

        Raises:
            UserError: it asks for something else.
        """
        if "networks" in said:
            self._asked, self._left = {"networks": said["networks"]}, 0.0
        if "updates" in said:
            self._updates = checked_whole("updates", said["updates"], 1, trainings.MOST_UPDATES)
        if "seen" in said:
            self._seen = max(self._seen, checked_whole("seen", said["seen"], 0, self._sent))
        if "step" in said:
            self._left = float(checked_whole("step", said["step"], 1, 10))
        if said.get("run"):
            self._left = float("inf")
        if said.get("pause"):
            self._left = 0.0
        self._is_news.set()

    async def next_frame(self) -> dict[str, Any] | None:
        """Return the next frame as soon as one is asked for and the page keeps up, or None after a while without one.

        Raises:
            UserError: nothing can be trained; the page may ask for something else.
        """
        self._is_news.clear()
        if self._asked is not None:
            asked, self._asked = self._asked, None
            return await self._framed(trainings.begin, asked)
        if self._left > 0 and self._sent - self._seen < AHEAD:
            updates = 1 if self._left < float("inf") else self._updates
            self._left -= 1
            return await self._framed(trainings.advance, {"updates": updates})
        try:
            await asyncio.wait_for(self._is_news.wait(), PATIENCE)
        except TimeoutError:
            return None
        return {}

    async def _framed(self, function: Callable[[dict[str, Any]], Any], asked: dict[str, Any]) -> dict[str, Any]:
        try:
            found: dict[str, Any] = await self.computer.ask(function, asked)
        except UserError:
            self._left = 0.0
            raise
        if found["is_over"]:
            self._left = 0.0
        self._sent += 1
        return {**found, "number": self._sent, "is_running": self._left > 0}


class Sessions:
    """All sessions of a server: a few, each with a process of its own.

    Args:
        computers: the server's processes, which are renewed when files of techniques are saved, and end with it.
    """

    def __init__(self, computers: Computers) -> None:
        self._computers = computers
        self._by_name: dict[str, Session] = {}

    def open(self) -> Session:
        """Return a new session.

        Raises:
            UserError: there are as many as there may be.
        """
        if len(self._by_name) >= MOST_SESSIONS:
            raise UserError(f"{MOST_SESSIONS} pages train networks here already, close one of them")
        name = secrets.token_hex(8)
        session = self._by_name[name] = Session(name, self._computers[f"network-{name}"])
        return session

    def find(self, name: str) -> Session:
        """Return a session by its name.

        Raises:
            UserError: it has ended.
        """
        if name not in self._by_name:
            raise UserError("this page's networks are gone: load it again")
        return self._by_name[name]

    def close(self, session: Session) -> None:
        """End a session, and its process."""
        self._by_name.pop(session.name, None)
        self._computers.end(f"network-{session.name}")

    def __len__(self) -> int:
        return len(self._by_name)


def sessions_of(request: Request) -> Sessions:
    """Return the sessions of the server that a request came to."""
    state = request.app.state
    if not hasattr(state, "network_sessions"):
        state.network_sessions = Sessions(state.computers)
    sessions: Sessions = state.network_sessions
    return sessions


async def stream(request: Request) -> Response:
    """Open a session and send its frames, until the page or the server goes."""
    sessions = sessions_of(request)
    session = sessions.open()

    async def events() -> AsyncIterator[str]:
        try:
            yield _event("open", {"session": session.name})
            while not request.app.state.is_closing() and not await request.is_disconnected():
                try:
                    found = await session.next_frame()
                except UserError as error:
                    yield _event("refused", {"error": str(error)})
                    continue
                if found is None:
                    yield ": here\n\n"
                elif found:
                    yield _event("frame", found)
        finally:
            sessions.close(session)

    return StreamingResponse(events(), media_type="text/event-stream")


def _event(name: str, found: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(finite(found))}\n\n"


async def order(request: Request) -> Response:
    """Take what a page asks of its session."""
    sessions_of(request).find(request.path_params["session"]).order(await sent_object(request))
    return JSONResponse({})


async def read(request: Request) -> Response:
    """Return what the networks of a session read in a drawing."""
    session = sessions_of(request).find(request.path_params["session"])
    return JSONResponse(finite(await session.computer.ask(trainings.read_drawing, await sent_object(request))))


async def running(request: Request) -> Response:
    """Return which runs are being trained here by other processes, and the curves of those that a page follows."""
    state = request.app.state
    asked = await sent_object(request)
    found = await state.computers["running"].ask(following.answer, asked, [str(folder) for folder in state.followed])
    return JSONResponse(finite(found))


routes = [
    Route("/api/network/stream", stream),
    Route("/api/network/{session}/order", order, methods=["POST"]),
    Route("/api/network/{session}/read", read, methods=["POST"]),
    Route("/api/running", running, methods=["POST"]),
]
