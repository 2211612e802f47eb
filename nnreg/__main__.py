"""``python -m nnreg``: one BLAS thread a run, unless the environment says otherwise, then the command line."""

from __future__ import annotations

import os
import sys

for _library in ("OPENBLAS", "OMP", "MKL", "VECLIB"):
    os.environ.setdefault(f"{_library}_{'MAXIMUM' if _library == 'VECLIB' else 'NUM'}_THREADS", "1")


def main() -> None:
    """Run the command line and exit with its code."""
    from nnreg.cli import run  # after the threads are set: NumPy reads them when it is imported

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
