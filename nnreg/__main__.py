"""``python -m nnreg``: one BLAS thread a run, unless the environment says otherwise, then the command line."""

from __future__ import annotations

import sys

from nnreg.process import choose_threads

choose_threads()


def main() -> None:
    """Run the command line and exit with its code."""
    from nnreg.cli.main import run  # after the threads are set: NumPy reads them when it is imported

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
