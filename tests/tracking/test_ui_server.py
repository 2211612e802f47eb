import socket

import pytest

from nnreg.errors import UserError
from nnreg.tracking import ui
from nnreg.tracking.ui import Address


@pytest.fixture(autouse=True)
def names_of_this_machine(monkeypatch):
    monkeypatch.setattr(ui, "own_names", lambda: ["desk", "192.168.1.5", "fd00::5"])


def test_an_address_of_this_machine_only_leaves_the_servers_own_rules():
    for host in ("127.0.0.1", "localhost", "::1"):
        assert not Address(host, 5000).is_open
        assert Address(host, 5000).settings() == {}


def test_an_open_address_is_answered_under_every_name_and_no_other():
    address = Address("0.0.0.0", 5000, ("lab.example.org",))
    settings = address.settings()
    hosts = settings["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")
    assert {"lab.example.org:5000", "lab.example.org", "desk:5000", "192.168.1.5:5000", "[fd00::5]:5000"} <= set(hosts)
    assert {"localhost:5000", "127.0.0.1:5000", "[::1]:5000"} <= set(hosts)
    assert not [host for host in hosts if "*" in host]
    origins = settings["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"].split(",")
    assert {"http://desk:5000", "http://[fd00::5]:5000", "https://lab.example.org"} <= set(origins)


def test_others_are_told_the_given_name_first():
    assert Address("0.0.0.0", 5000, ("lab",)).elsewhere[:2] == ["http://lab:5000", "http://desk:5000"]
    assert Address("192.168.1.5", 80).elsewhere[0] == "http://192.168.1.5:80"


def test_this_machine_reaches_what_listens_everywhere():
    assert Address("0.0.0.0", 5000).here == "http://127.0.0.1:5000"
    assert Address("::", 5000).here == "http://[::1]:5000"


@pytest.mark.parametrize("name", ["http://lab", "*", "a,b", "lab/mlflow", ""])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(UserError, match="--name takes the name of this machine"):
        Address("0.0.0.0", 5000, (name,))


def test_the_names_of_this_machine_can_be_listened_on(monkeypatch):
    monkeypatch.undo()
    found = ui.own_names()
    assert found
    for address in (name for name in found if name.replace(".", "").isdigit()):
        with socket.socket() as probe:
            probe.bind((address, 0))
