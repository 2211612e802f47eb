"""The tab key, up to a real bash."""

import shlex
import shutil
import subprocess
import sys

import pytest
from hydra.core.plugins import Plugins
from hydra.plugins.completion_plugin import CompletionPlugin

from nnreg.cli.compose import SCRIPT, NnregCompletion, register_completion
from nnreg.registry import entries

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")


@pytest.mark.parametrize(
    ("line", "typed"),
    [
        ("python -m nnreg optimizer=ad", "optimizer=ad"),
        ("/usr/bin/python3.12 -m nnreg optimizer=ad init=", "optimizer=ad init="),
        ("  python3   -m   nnreg  -m seed=1", "-m seed=1"),
        ("nnreg optimizer=ad", "optimizer=ad"),
        ("./venv-1/bin/nnreg optimizer=ad", "optimizer=ad"),
        ("python -m nnreg ", ""),
        ("python -m nnreg", ""),
        ("nnreg", ""),
    ],
)
def test_what_follows_the_program_is_completed(line, typed):
    assert NnregCompletion.strip_python_or_app_name(line) == typed


def test_it_stands_in_for_hydras_own_and_leaves_other_shells_theirs():
    for _ in range(2):
        register_completion()
    shells = [plugin.provides() for plugin in Plugins.instance().discover(CompletionPlugin)]
    assert sorted(shells) == sorted(set(shells))
    assert {"bash", "fish", "zsh"} <= set(shells)
    assert NnregCompletion in Plugins.instance().discover(CompletionPlugin)


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_the_help_says_what_to_evaluate(command):
    assert NnregCompletion.help(command) == f'eval "$(python -m nnreg -sc {command}=bash)"'


def test_what_installs_it_is_printed_by_the_command_line(nnreg):
    assert nnreg("-sc", "install=bash").out.strip() == SCRIPT.strip()
    assert "complete -r" in nnreg("-sc", "uninstall=bash").out


def bash(program, *line):
    """Press the tab key at the end of a line, in a bash that has evaluated a program first."""
    words = " ".join(map(shlex.quote, line))
    script = f"""
        {program}
        COMP_LINE={shlex.quote(" ".join(line))} COMP_WORDS=({words}) COMP_CWORD={len(line) - 1}
        COMP_POINT=${{#COMP_LINE}}
        _nnreg_complete
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=180)
    assert done.stderr == ""
    return done.stdout.split()


@needs_bash
def test_bash_completes_the_names_of_techniques_after_python_dash_m(project):
    install = f'eval "$({shlex.quote(sys.executable)} -m nnreg -sc install=bash)"'
    names = [f"optimizer={name}" for name in entries.techniques("optimizer") if name.startswith("ad")]
    assert bash(install, sys.executable, "-m", "nnreg", "optimizer=ad") == names


@needs_bash
def test_bash_completes_parameters_after_the_installed_command(project):
    program = f'{SCRIPT}\nnnreg() {{ {shlex.quote(sys.executable)} -m nnreg "$@"; }}'
    line = ("nnreg", "optimizer=adam", "optimizer.beta")
    assert bash(program, *line) == ["optimizer.beta1=", "optimizer.beta2="]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("optimizer=lookahead+mo", ["optimizer=lookahead+momentum"]),
        ("optimizer=lookahead+lookahead+mo", ["optimizer=lookahead+lookahead+momentum"]),
        ("optimizer=lookahead optimizer.inner=mo", ["optimizer.inner=momentum"]),
        ("optimizer=lookahead+adam optimizer.inner.beta", ["optimizer.inner.beta1=", "optimizer.inner.beta2="]),
        ("optimizer=lookahead optimizer.inner=adam optimizer.inner.beta1", ["optimizer.inner.beta1="]),
        ("optimizer=lookahead optimizer.in", ["optimizer.inner."]),
        ("optimizer=adam+mo", []),
    ],
)
def test_what_stands_inside_is_completed(nnreg, monkeypatch, line, found):
    monkeypatch.setenv("COMP_LINE", f"nnreg {line}")
    monkeypatch.setenv("COMP_POINT", str(len(line) + 6))
    assert nnreg("-sc", "query=bash").out.split() == found


@needs_bash
@pytest.mark.parametrize("line", [("python", "script.py", "optimizer="), ("python", "-m", "pytest", ""), ("python", "")])
def test_bash_leaves_other_python_programs_alone(line):
    assert bash(SCRIPT, *line) == []


@needs_bash
def test_bash_takes_it_back(nnreg):
    commands = f"{SCRIPT}\n{nnreg('-sc', 'uninstall=bash').out}\ncomplete -p nnreg; type _nnreg_complete"
    done = subprocess.run(["bash", "-c", commands], capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.count("not found") + done.stderr.count("no completion") == 2
