"""What docs/team.md and compose.yaml tell people to type is what there is."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from nnreg.cli import main
from nnreg.tracking import ui

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "team.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]


def commands(start):
    """Return the commands of the page that begin so, as words."""
    return [shlex.split(line) for line in PAGE.splitlines() if line.startswith(start)]


def test_the_servers_command_is_understood(project, monkeypatch):
    asked = []
    monkeypatch.setattr(ui, "serve_ui", lambda wanted: asked.append(wanted) or 0)
    for words in commands("python -m nnreg ui"):
        assert main.run(words[3:]) == 0
    first, second = asked
    assert (first.store, first.artifacts) == ("postgresql+psycopg2:///nnreg", Path("/srv/nnreg"))
    assert first.address.is_open
    assert second.store is None


def test_the_folder_that_the_server_writes_to_is_made_before():
    asked = shlex.split(next(line for line in PAGE.splitlines() if line.startswith("python -m nnreg ui --store")))
    folder = asked[asked.index("--artifacts") + 1]
    made = f'sudo install -d -o "$USER" {folder}\n'
    assert made in PAGE
    assert PAGE.index(made) < PAGE.index("python -m nnreg ui")


def test_the_extra_that_is_installed_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert "nnreg[postgres]" in PAGE
    assert any(requirement.startswith("psycopg2") for requirement in extras["postgres"])


def test_the_containers_run_the_server_that_the_page_describes():
    server = COMPOSE["mlflow"]
    words = server["command"]
    assert words[:2] == ["mlflow", "server"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert options["--artifacts-destination"] == "/artifacts"
    assert [volume.partition(":")[2] for volume in server["volumes"]] == ["/artifacts"]
    assert server["ports"] == [f"${{ADDRESS:-127.0.0.1}}:5000:{options['--port']}"]
    assert server["environment"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_the_containers_database_is_the_one_that_the_server_asks_for():
    settings = COMPOSE["postgres"]["environment"]
    scheme, _, rest = COMPOSE["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"].partition("://")
    assert re.fullmatch(r"(\w+)@(\w+)/(\w+)", rest).groups() == (settings["POSTGRES_USER"], "postgres", settings["POSTGRES_DB"])
    assert scheme == "postgresql+psycopg2"
    assert "psycopg2" in COMPOSE["mlflow"]["build"]["dockerfile_inline"]
    assert COMPOSE["mlflow"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_no_password_is_written_down():
    assert COMPOSE["postgres"]["environment"]["POSTGRES_PASSWORD"] == "${POSTGRES_PASSWORD:?choose one}"
    assert COMPOSE["mlflow"]["environment"]["PGPASSWORD"] == "${POSTGRES_PASSWORD:?choose one}"


def test_the_containers_accept_the_settings_of_mlflow():
    variables = pytest.importorskip("mlflow.environment_variables")
    wanted = [name for name in COMPOSE["mlflow"]["environment"] if name.startswith("MLFLOW_") and "BACKEND" not in name]
    assert not [name for name in wanted if not hasattr(variables, name)]


def test_what_is_typed_around_the_containers_names_their_services_and_variables():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    for name in ("POSTGRES_PASSWORD", "ADDRESS", "NAME"):
        assert f"{name}=" in PAGE
        assert f"${{{name}:" in text
    assert {"postgres", "mlflow"} == set(re.findall(r"docker compose (?:exec -T|cp) (\w+)", PAGE)) == set(COMPOSE)


def test_every_command_around_the_containers_finds_its_settings_in_a_file_that_only_its_owner_reads(tmp_path):
    """A variable before one command is not there for the next, and compose.yaml refuses to be read without it."""
    block = next(block for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) if "docker compose up" in block)
    *making, last = block.splitlines()
    assert last == "docker compose up -d"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for line in making:
        subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True, env={**os.environ, "PATH": path})
    settings = tmp_path / ".env"
    assert settings.stat().st_mode & 0o777 == 0o600
    needed = set(re.findall(r"\$\{(\w+):\?", (ROOT / "compose.yaml").read_text(encoding="utf-8")))
    assert {line.partition("=")[0] for line in settings.read_text().splitlines()} == needed == {"POSTGRES_PASSWORD"}
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert not re.search(r"[A-Z]=\S+ docker compose", PAGE)
