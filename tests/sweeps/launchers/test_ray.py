"""``hydra/launcher=ray``: the same runs on a Ray cluster, one of this process's own or one that was started."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.sweeps.launchers.conftest import ALL, check_all

pytestmark = [pytest.mark.slow, pytest.mark.extra("ray")]


@pytest.fixture
def secret(monkeypatch):
    """A token of this test alone: Ray would keep one in the home folder."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    return {name: os.environ[name] for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN")}


@pytest.fixture
def cluster(secret):
    """The address of a head and a second node on loopback, a core each, that know nothing of the project."""
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # short: a socket's path has 107 characters at most
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    ray = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=1", "--node-ip-address=127.0.0.1"]
    ray += ["--disable-usage-stats", "--object-store-memory=78643200"]
    head = ["--head", f"--port={address.rpartition(':')[2]}", "--include-dashboard=false", f"--temp-dir={folder}"]
    nodes: list[subprocess.Popen[bytes]] = []
    try:
        for words in (head, [f"--address={address}"]):
            nodes.append(subprocess.Popen([*ray, *words], cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            _until_it_answers(address, nodes[0])
        yield address
    finally:
        for node in reversed(nodes):
            node.send_signal(signal.SIGTERM)
        for node in nodes:
            node.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _until_it_answers(address, process):
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + 180
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port)), 1.0).close()
            return
        time.sleep(0.1)
    raise AssertionError("the head of the cluster does not answer")


@pytest.mark.long
def test_runs_are_those_of_the_basic_launcher_and_a_dying_worker_costs_its_own_alone(place, basic, secret):
    swept = place.sweep(ALL, "hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2", "tracking=off", **secret)
    check_all(swept, basic)
    assert "pid=" not in swept.out


@pytest.mark.long
def test_runs_on_two_nodes_of_a_started_cluster_land_in_the_project_folder(place, basic, cluster, secret):
    words = ("hydra/launcher=ray", f"hydra.launcher.ray.init.address={cluster}", "tracking=off")
    swept = place.sweep("optimizer=probe", "optimizer.company=2", "seed=0,1,2,3", *words, **secret)
    assert swept.code == 0, swept.out + swept.err
    assert list(swept.runs) == [f"probe {seed}" for seed in range(4)]
    assert swept.metrics["probe 0"] == basic.metrics["probe 0"]
    assert len(swept.probes) == 2
    assert {seen["cwd"] for seen in swept.probes} == {str(place.project)}
    assert {count for seen in swept.probes for count in seen["threads"]} == {1}
    assert {seen["data"] for seen in swept.probes} == {"/nowhere"}


def test_a_cluster_that_is_not_there_is_told_in_one_line(place, secret):
    swept = place.sweep("seed=1,2", "hydra/launcher=ray", "hydra.launcher.ray.init.address=127.0.0.1:9", **secret)
    assert (swept.code, swept.err) == (
        2,
        "nnreg: hydra/launcher=ray: no cluster answers at 127.0.0.1:9; `ray start --head` starts one and says its address\n",
    )
    assert list(place.project.iterdir()) == []
