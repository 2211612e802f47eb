"""The kinds of errors that are meant for the person at the keyboard."""

from pathlib import Path


class UserError(Exception):
    """A mistake the user can mend: one line that says what was wrong, what is possible, and what to type instead.

    The command line prints it without a traceback and exits with code 2.
    """


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a line that says how to go on."""


class RunFailed(UserError):
    """A run in a script began and broke off, as when a plugin raised; what it recorded is kept.

    Attributes:
        folder: run folder, which holds the traceback.
    """

    def __init__(self, message: str, folder: Path) -> None:
        super().__init__(message)
        self.folder = folder
