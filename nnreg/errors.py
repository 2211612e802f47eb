"""The one kind of error that is meant for the person at the keyboard."""


class UserError(Exception):
    """A mistake the user can mend: one line that says what was wrong, what is possible, and what to type instead.

    The command line prints it without a traceback and exits with code 2.
    """
