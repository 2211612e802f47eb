"""A page's networks train in a session of their own, no faster than the page looks, and no longer than it is there."""

import asyncio
import contextlib
import http.client
import json
import time
from urllib.parse import urlsplit

import pytest

from nnreg.errors import UserError
from nnreg.play.network import AHEAD, MOST_SESSIONS, Session

SMALL = {
    "techniques": {
        "dataset": {"name": "moons", "values": {"rows": 100}},
        "optimizer": {"name": "adam", "values": {"lr": 0.05}},
    },
    "settings": {"hidden": [4], "steps": 50, "batch": 16},
}


class Trainer:
    """Answers as the process does that trains, and counts how often it was asked."""

    def __init__(self, updates_left=1000):
        self.asked, self.left = [], updates_left

    async def ask(self, function, said):
        self.asked.append((function.__name__, said))
        self.left -= said.get("updates", 0)
        return {"networks": [], "is_over": self.left <= 0}


@pytest.fixture
def trainer():
    return Trainer()


async def frames(session, most=20):
    """Return all frames that come without the page having to say anything."""
    found = []
    while len(found) < most and (frame := await session.next_frame()):
        found.append(frame)
    return found


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("nnreg.play.network.PATIENCE", 0.05)


def test_no_more_frames_are_made_than_the_page_keeps_up_with(trainer):
    async def play():
        session = Session("one", trainer)
        session.order({"networks": [SMALL], "run": True, "updates": 7})
        ahead = await frames(session)
        assert len(ahead) == AHEAD
        session.order({"seen": 1})
        assert await session.next_frame()
        return ahead + await frames(session)

    made = asyncio.run(play())
    assert [frame["number"] for frame in made] == [1, 2]
    assert trainer.asked[0] == ("begin", {"networks": [SMALL]})
    assert trainer.asked[1:] == [("advance", {"updates": 7})] * 2


def test_a_step_is_one_update_and_then_it_stands(trainer):
    async def play():
        session = Session("one", trainer)
        session.order({"networks": [SMALL], "updates": 50})
        await session.next_frame()
        session.order({"seen": 1, "step": 1})
        frame = await session.next_frame()
        assert not frame["is_running"]
        session.order({"seen": 2})
        assert await frames(session) == []

    asyncio.run(play())
    assert trainer.asked[1:] == [("advance", {"updates": 1})]


def test_a_pause_is_heard_and_what_is_over_stops(trainer):
    async def play():
        session = Session("one", trainer)
        session.order({"networks": [SMALL], "run": True})
        await session.next_frame()
        session.order({"pause": True, "seen": 1})
        assert await frames(session) == []
        trainer.left = 1
        session.order({"run": True, "updates": 5})
        last = await session.next_frame()
        assert last["is_over"]
        assert not last["is_running"]
        session.order({"seen": 2})
        assert await frames(session) == []

    asyncio.run(play())


def test_what_was_asked_meanwhile_is_not_begun(trainer):
    async def play():
        session = Session("one", trainer)
        for seed in range(5):
            session.order({"networks": [seed]})
        await frames(session)

    asyncio.run(play())
    assert trainer.asked == [("begin", {"networks": [4]})]


@pytest.mark.parametrize(
    "said", [{"updates": 0}, {"updates": 10**6}, {"updates": "5"}, {"seen": 3}, {"step": True}, {"step": 99}]
)
def test_nothing_else_is_taken(trainer, said):
    async def order():
        Session("one", trainer).order(said)

    with pytest.raises(UserError, match="must be a whole number from"):
        asyncio.run(order())


@pytest.fixture
def listen(address):
    """Open a stream as a page does: the answer's status, and a function that reads its next event."""
    place = urlsplit(address)
    with contextlib.ExitStack() as stack:

        def listen():
            connection = stack.enter_context(contextlib.closing(http.client.HTTPConnection(place.netloc, timeout=180)))
            connection.request("GET", "/api/network/stream")
            answer = connection.getresponse()

            def event():
                name = ""
                while line := answer.readline().decode():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ").strip()
                    if line.startswith("data: "):
                        return name, json.loads(line.removeprefix("data: "))
                return None

            def close():
                answer.close()
                connection.close()

            return answer, event, close

        yield listen


@pytest.fixture
def send(address):
    """Post an object as the page does, and return the answer's."""
    place = urlsplit(address)

    def send(path, said):
        with contextlib.closing(http.client.HTTPConnection(place.netloc, timeout=180)) as connection:
            connection.request("POST", path, json.dumps(said), {"Origin": f"http://{place.netloc}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    return send


def test_a_page_sees_its_network_train_to_the_end(listen, send):
    _, event, close = listen()
    name, said = event()
    assert name == "open"
    path = f"/api/network/{said['session']}"
    assert send(f"{path}/order", {"networks": [SMALL], "run": True, "updates": 20}) == (200, {})
    losses, number = [], 0
    while True:
        name, frame = event()
        assert name == "frame"
        number += 1
        assert frame["number"] == number
        losses += frame["networks"][0]["records"].get("train/loss", [[], []])[1]
        send(f"{path}/order", {"seen": number})
        if frame["is_over"]:
            break
    assert len(losses) == 50
    assert frame["networks"][0]["ended"] == "trained for 50 updates"
    assert send(f"{path}/read", {"strokes": []}) == (422, {"error": "nothing is being trained on pictures here"})
    close()


def test_sessions_are_few_and_end_with_their_pages(listen, send):
    opened = [listen() for _ in range(MOST_SESSIONS)]
    names = [event()[1]["session"] for _, event, _ in opened]
    assert len(set(names)) == MOST_SESSIONS
    refused, _, close = listen()
    assert refused.status == 422
    assert f"{MOST_SESSIONS} pages train networks here already" in refused.read().decode()
    close()
    for _, _, close in opened:
        close()
    until = time.monotonic() + 180
    while send(f"/api/network/{names[0]}/order", {})[0] == 200 and time.monotonic() < until:
        time.sleep(0.2)
    assert send(f"/api/network/{names[0]}/order", {}) == (422, {"error": "this page's networks are gone: load it again"})
    again, event, close = listen()
    assert again.status == 200
    assert event()[0] == "open"
    close()


def test_what_cannot_be_begun_is_refused_and_the_stream_goes_on(listen, send):
    _, event, close = listen()
    session = event()[1]["session"]
    send(f"/api/network/{session}/order", {"networks": []})
    assert event() == ("refused", {"error": "networks must be 1 to 2"})
    send(f"/api/network/{session}/order", {"networks": [SMALL]})
    assert event()[0] == "frame"
    close()
