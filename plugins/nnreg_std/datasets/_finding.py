"""A person's own file, named as a path."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from nnreg_std.datasets._hints import typed


def existing(path: str) -> Path:
    """Return the path of a file that is there; relative ones start at the working directory.

    Raises:
        FileNotFoundError: it is not; the message is one line and names a file that is spelt alike.
        IsADirectoryError: it is a folder.
    """
    if re.match(r"[a-z][a-z\d+.-]+://", path, re.IGNORECASE):
        raise FileNotFoundError(
            f"{path.partition('://')[0]}:// is an address: fetch the file, and give its path on this computer"
        )
    file = Path(path).expanduser()
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder: name a file in it")
    if file.is_file():
        return file.absolute()
    beside = [other.name for other in file.parent.iterdir() if other.is_file()] if file.parent.is_dir() else []
    close = difflib.get_close_matches(file.name, beside, n=1)
    meant = typed("dataset.path", str(file.parent / close[0])) if close else ""
    hint = f"; did you mean {meant}?" if close else ": paths start at the working directory"
    raise FileNotFoundError(f"there is no file {file.absolute()}{hint}")
