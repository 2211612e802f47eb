"""``python -m nnreg``: one BLAS thread a run, unless the environment says otherwise, then the command line."""

from __future__ import annotations

import signal
import sys

from nnreg.process import choose_threads, outlast_readers, unwritten

choose_threads()


def main() -> None:
    """Run the command line and exit with its code."""
    outlast_readers()
    try:
        from nnreg.cli.main import run  # after the threads are set: NumPy reads them when it is imported

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # before there was anything to record
        sys.stderr.write("nnreg: interrupted\n")
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # there is nothing left to be interrupted
    if lost := unwritten():
        sys.stderr.write(f"nnreg: not all of the output could be written: {lost}\n")
    sys.exit(code or bool(lost))


if __name__ == "__main__":
    main()
