"""Tab completion for ``python -m nnreg`` and ``nnreg``: Hydra knows the second form only."""

from __future__ import annotations

import re
from typing import Any

from hydra._internal.core_plugins.bash_completion import BashCompletion
from hydra.core.plugins import Plugins
from hydra.plugins.completion_plugin import CompletionPlugin

SCRIPT = r"""_nnreg_complete() {
    local words=($COMP_LINE) word=${COMP_WORDS[COMP_CWORD]} program
    if [[ ${words[0]} == *python* ]]; then
        [[ ${words[1]} == -m && ${words[2]} == nnreg ]] || return
        program="${words[0]} -m nnreg"
    else
        program=${words[0]}
    fi
    local choices=$(COMP_POINT=$COMP_POINT COMP_LINE=$COMP_LINE $program -sc query=bash)
    COMPREPLY=($(compgen -o nospace -o default -W "$choices" -- "$word"))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _nnreg_complete nnreg python python3
"""


class NnregCompletion(BashCompletion):
    """Bash completion that knows the program as a module."""

    def install(self) -> None:
        """Print what a shell evaluates."""
        print(SCRIPT)  # noqa: T201 - this is the output

    def uninstall(self) -> None:
        """Print what takes it back."""
        print("complete -r nnreg python python3; unset -f _nnreg_complete")  # noqa: T201 - this is the output

    @staticmethod
    def help(command: str) -> str:
        """Return the line that installs or uninstalls it."""
        return f'eval "$(python -m nnreg -sc {command}=bash)"'

    @staticmethod
    def strip_python_or_app_name(line: str) -> str:
        """Return what was typed after the program's name."""
        return re.sub(r"^\s*\S*python\S*\s+-m\s+nnreg\b\s*|^\s*\S+\s*", "", line, count=1)


def register_completion() -> None:
    """Put this completion in the place of Hydra's own for bash: Hydra refuses two for one shell.

    Hydra's is told by what it provides, not by its class: Hydra loads its plugins' modules a second time.
    """
    plugins = Plugins.instance()
    plugins.register(NnregCompletion)
    known: dict[Any, list[Any]] = plugins.plugin_type_to_subclass_list
    known[CompletionPlugin] = [
        plugin for plugin in known[CompletionPlugin] if plugin is NnregCompletion or plugin.provides() != "bash"
    ]
