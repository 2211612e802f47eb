"""The playground's server answers its own page and nobody else, and ends when it is told to."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from nnreg.play.server import HEADERS, LARGEST, finite


@pytest.fixture
def ask(address):
    """Ask a server that runs: method, path, body and headers; Host and Origin are its own unless others are given."""
    address = urlsplit(address)

    def ask(method="GET", path="/", body=None, **headers):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Host": address.netloc} | ({"Origin": f"http://{address.netloc}"} if method == "POST" else {}) | given
        sent = json.dumps(body).encode() if body is not None and not isinstance(body, bytes) else body or b""
        with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=180)) as connection:
            connection.putrequest(method, path, skip_host=True)
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(sent)))
            connection.endheaders(sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace"), answer.headers

    ask.address = address
    return ask


def test_the_page_and_its_scripts_are_served_with_a_policy_that_lets_it_ask_nobody_else(ask):
    for path in ("/", "/web/main.js", "/web/chart.js", "/web/play.css"):
        status, _, headers = ask(path=path)
        assert status == 200
        assert {name: headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in HEADERS["content-security-policy"]
    assert "connect-src 'self'" in HEADERS["content-security-policy"]


def test_another_name_for_this_computer_is_refused(ask):
    port = ask.address.port
    for host in (
        f"evil.example:{port}",
        "evil.example",
        f"127.0.0.1:{port + 1}",
        "127.0.0.1",
        f"127.0.0.1:{port}.evil.example",
        "",
    ):
        assert ask(Host=host)[0] == 403, host
        assert ask("POST", "/api/technique", {"kind": "optimizer", "name": "adam"}, Host=host)[0] == 403, host
    assert ask(Host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:1", None])
def test_a_page_of_another_site_is_refused(ask, origin):
    status, said, _ = ask("POST", "/api/technique", {"kind": "optimizer", "name": "adam"}, Origin=origin)
    assert status == 403
    assert "answers itself alone" in said


def test_a_stream_of_events_is_for_the_page_alone(ask):
    assert ask(path="/api/changes", Origin="http://evil.example")[0] == 403
    assert ask(path="/api/changes", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403


def test_a_link_in_another_page_opens_the_page_but_nothing_else(ask):
    followed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(path="/", **followed)[0] == 200
    assert ask(path="/api/techniques/optimizer", **followed)[0] == 403


@pytest.mark.parametrize(
    "path", ["/web/../server.py", "/web/%2e%2e%2fserver.py", "/web/index.html", "/web/nothing.js", "/etc/passwd"]
)
def test_no_other_file_is_served(ask, path):
    assert ask(path=path)[0] == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "an object in JSON"),
        (b"[1]", "an object in JSON"),
        (b'{"kind": NaN}', "an object in JSON"),
        (b"[" * 100_000, "an object in JSON"),
        (b'"' + b"x" * LARGEST + b'"', "more than"),
    ],
    ids=["broken", "a list", "NaN", "deep", "large"],
)
def test_what_is_no_question_is_refused_in_one_line(ask, body, said):
    status, answer, _ = ask("POST", "/api/technique", body)
    assert status == 422
    assert said in json.loads(answer)["error"]


def test_techniques_are_listed_and_shown(ask):
    status, answer, _ = ask(path="/api/techniques/optimizer")
    assert status == 200
    assert {"adam", "sgd"} <= {each["name"] for each in json.loads(answer)}
    status, answer, _ = ask("POST", "/api/technique", {"kind": "optimizer", "name": "adm"})
    assert (status, json.loads(answer)["error"].partition(";")[2].partition("?")[0]) == (422, " did you mean 'adam'")


def test_numbers_that_are_none_become_null():
    assert finite({"a": [1.5, float("nan"), (float("inf"), 2)], "b": True}) == {"a": [1.5, None, [None, 2]], "b": True}


def test_ctrl_c_ends_it_in_peace_also_while_a_page_listens(start, tmp_path):
    process = start(
        *(sys.executable, "-m", "nnreg", "play", "--no-open"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    address = urlsplit(process.stdout.readline().strip())
    with contextlib.closing(http.client.HTTPConnection(address.hostname, address.port, timeout=180)) as listening:
        listening.request("GET", "/api/changes")
        with listening.getresponse() as answer:
            assert answer.status == 200
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            out, err = process.communicate(timeout=180)
    assert (process.returncode, err) == (0, "")
    assert time.monotonic() - began < 10
    assert "Traceback" not in out


def test_a_port_that_is_taken_is_refused_in_one_line(nnreg):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = nnreg("play", "--no-open", "--port", str(port))
    assert answer.code == 2
    assert f"port {port} is in use" in answer.complaint
    assert nnreg("play", "--no-open", "--port", "99999").code == 2
