"""What to type instead, as it stands: in quotes wherever the shell or the grammar of a command line wants them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

PLAIN = re.compile(r"(?!(?:true|false|null|nan|inf)$)[a-z_][\w/.-]*|0|[1-9]\d*", re.ASCII | re.IGNORECASE)


def typed(key: str, value: str | Sequence[str]) -> str:
    """Return a word of a command line, such as ``'dataset.drop=["höhe"]'``, that gives a setting this value.

    Args:
        key: such as ``dataset.drop``.
        value: text, or several in a list.
    """
    written = _quoted(value) if isinstance(value, str) else f"[{','.join(map(_quoted, value))}]"
    return shlex.quote(f"{key}={written}")


def _quoted(text: str) -> str:
    if PLAIN.fullmatch(text):
        return text
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', text)  # a backslash is itself, except before a quote
    return '"' + re.sub(r"(\\+)$", r"\1\1", escaped) + '"'
