"""A dataset small enough to serve from memory, and a mirror on loopback that can misbehave. No test reaches a network."""

from __future__ import annotations

import gzip
import hashlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from nnreg_std.datasets import _fetching, _idx, _locating
from nnreg_std.datasets._published import FileSet, IdxFile
from tests.techniques.idx_files import dump

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SHAPES = ((40, 4, 3), (40,), (20, 4, 3), (20,))


@dataclass
class Small:
    """Four small IDX files, their arrays, and the set that describes them."""

    arrays: dict[str, _idx.Bytes]
    payloads: dict[str, bytes]
    gzips: dict[str, bytes]
    files: FileSet

    def put(self, folder: Path, **changed: bytes) -> Path:
        """Write the .gz files to a folder; ``train_labels=...`` replaces the content of one."""
        folder.mkdir(parents=True, exist_ok=True)
        contents = self.gzips | {next(n for n in NAMES if n.startswith(k.replace("_", "-"))): v for k, v in changed.items()}
        for name, content in contents.items():
            (folder / f"{name}.gz").write_bytes(content)
        return folder


def small_set(seed: int, title: str, folder: str, checksum_of: str) -> Small:
    rng = np.random.default_rng(seed)
    highest = (256, 10, 256, 10)
    arrays = {n: rng.integers(0, h, s, dtype=np.uint8) for n, s, h in zip(NAMES, SHAPES, highest, strict=True)}
    payloads = {name: dump(array) for name, array in arrays.items()}
    gzips = {name: gzip.compress(payload, mtime=0) for name, payload in payloads.items()}
    summed = payloads if checksum_of == "payload" else gzips
    described = tuple(IdxFile(n, arrays[n].shape, hashlib.sha256(summed[n]).hexdigest()) for n in NAMES)
    files = FileSet(title, folder, "1 kB", mirrors=(), checksum_of=checksum_of, files=described)
    return Small(arrays, payloads, gzips, files)


@pytest.fixture
def small() -> Small:
    return small_set(0, "Tiny", "tiny", "payload")


@pytest.fixture
def small_by_gzip() -> Small:
    return small_set(1, "Gzipped", "gzipped", "gzip")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        mirror = self.server.mirror
        name = self.path.removeprefix("/").removesuffix(".gz")
        mirror.requests[name] += 1
        mirror.asked.set()
        content = mirror.gzips.get(name)
        mirror.behaviour(self, content)

    def answer(self, content: bytes, *, length: int | None = None, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args: object) -> None:
        pass  # a client that hangs up on a stalled answer is what some tests are about


@dataclass
class Mirror:
    """A server on loopback and what it was asked for; ``behaviour(handler, content)`` answers."""

    gzips: dict[str, bytes]
    behaviour: Callable[[Handler, bytes], None] = Handler.answer
    requests: Counter[str] = field(default_factory=Counter)
    asked: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def stall(self, handler: Handler, content: bytes) -> None:
        handler.answer(content[:20], length=len(content))
        handler.wfile.flush()
        self.released.wait(20)

    def trickle(self, handler: Handler, content: bytes) -> None:
        handler.answer(b"", length=10_000)
        while not self.released.wait(0.02):
            handler.wfile.write(b"x")

    def slow(self, handler: Handler, content: bytes) -> None:
        time.sleep(0.1)
        handler.answer(content)


@pytest.fixture
def serve():
    """A function that starts mirrors; they stop with the test."""
    started: list[tuple[Server, Mirror, threading.Thread]] = []

    def start(gzips: dict[str, bytes], behaviour: str | Callable[[Handler, bytes], None] = Handler.answer) -> Mirror:
        mirror = Mirror(gzips)
        mirror.behaviour = getattr(mirror, behaviour) if isinstance(behaviour, str) else behaviour
        server = Server(("127.0.0.1", 0), Handler)
        server.mirror = mirror
        mirror.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        started.append((server, mirror, thread))
        return mirror

    yield start
    for server, mirror, thread in started:
        mirror.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    """An empty cache of this test's own; the person's environment plays no part."""
    folder = tmp_path / "cache"
    for module in (_fetching, _locating):
        monkeypatch.setattr(module, "cache_folder", lambda files: folder / files.folder)
    monkeypatch.delenv("NNREG_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    return folder


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
