"""What all tests share: a project folder of their own, and the command line."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings

from nnreg.cli import main
from tests.browser import Browser, browsing
from tests.registry import extras

settings.register_profile("nnreg", deadline=None)  # two busy cores are no reason to fail
settings.load_profile("nnreg")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment that points nowhere else."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "HYDRA_FULL_ERROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@dataclass(frozen=True)
class Answer:
    """What a command line gave back."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line for the person; fails the test if it is more or less than one."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


@contextlib.contextmanager
def as_logging_was() -> Iterator[None]:
    """Take away the log file that Hydra gives to a process for good: its folder may be gone when a later test has a word."""
    loggers = [logging.getLogger(name) for name in (None, "nnreg")]
    before = [(logger, logger.handlers[:], logger.level) for logger in loggers]
    try:
        yield
    finally:
        for logger, handlers, level in before:
            for added in set(logger.handlers) - set(handlers):
                added.close()
            logger.handlers[:] = handlers
            logger.setLevel(level)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the figures of runs, where nobody looks at them: they take longer than a short run."""
    monkeypatch.setattr("nnreg.figures.loss_figure", lambda *_: mock.Mock())


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process, as ``Popen`` does; one that still lives when the test is over, however that ends, is killed."""
    with contextlib.ExitStack() as started:

        def begin(*words: str, **options: Any) -> subprocess.Popen[str]:
            process = started.enter_context(subprocess.Popen(words, text=True, **options))
            started.callback(process.kill)
            return process

        yield begin


@pytest.fixture
def browse() -> Iterator[Browser]:
    """Open pages in a real browser; one that complains, or asks another computer for anything, fails the test."""
    with browsing() as browser:
        yield browser
        browser.check()


@pytest.fixture
def nnreg(project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """Run a command line in this process, in the project folder, without tracking unless asked for."""
    monkeypatch.setattr(sys, "argv", ["nnreg"])

    def run(*words: str, tracking: bool = False) -> Answer:
        capfd.readouterr()
        is_training = not words or "=" in words[0] or words[0] in ("-m", "rerun")
        extra = ["tracking=off"] if is_training and not tracking else []
        with as_logging_was():
            code = main.run([*words, *extra])
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return run


def pytest_configure(config: pytest.Config) -> None:
    """Keep what the tests compile beside what pytest keeps, not where the person's own compiled code lies."""
    if "NNREG_LOOPS" not in os.environ:
        os.environ["NNREG_LOOPS"] = str(config.rootpath / ".pytest_cache" / "loops")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take ``--share 2/3``."""
    parser.addoption("--share", default="1/1", metavar="K/N", help="of the long tests and the studies, the share K of N alone")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests of the other shares; which share a test is in depends on its name alone."""
    said = config.getoption("--share")
    share, shares = (int(word) if word.isdecimal() else 0 for word in f"{said}/".split("/")[:2])
    if not 1 <= share <= shares:
        raise pytest.UsageError(f"--share is K/N, such as 2/3, K from 1 to N, got {said}")
    drawn, others = [], []
    for item in items:
        is_drawn = not is_long(item) or zlib.crc32(item.nodeid.encode()) % shares + 1 == share
        (drawn if is_drawn else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = drawn


def is_long(item: pytest.Item) -> bool:
    """Tell whether a test is left out unless it is asked for."""
    return any(item.get_closest_marker(name) for name in ("long", "study"))


@pytest.hookimpl(tryfirst=True)  # before anything is set up for it
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose extra is not installed."""
    extras.check(item)


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case alike in every process, as those that share the tests must agree: no address, set order or second."""
    if isinstance(val, bytes):  # packed ones hold the second they were made in
        return "bytes"
    if isinstance(val, set | frozenset):
        return ",".join(sorted(map(str, val)))
    return type(val).__name__ if " at 0x" in repr(val) and not hasattr(val, "__name__") else None
