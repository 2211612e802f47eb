"""The contract of each kind as checks that anyone can run: the same for our techniques and for a plugin's.

In a plugin's tests one line is enough; each check becomes a test of its own::

    from nnreg import testing

    test_lion = testing.suite("optimizer/lion")

``checks`` gives the same as a list, for other test runners; ``run`` runs them and returns a report that prints itself;
``python -m nnreg check optimizer/lion`` does that from the command line. A technique may also be given as its class, before
it is registered. A check passes, fails with a reason, or is skipped and says why; where nothing ran, the report is a failure.

Each public function of this package's modules that ``nnreg.testing.suites`` lists is one check: to add one, write a function.
"""

from nnreg.testing.report import Check, Report, Result, Subject
from nnreg.testing.suites import checks, run, suite

__all__ = ["Check", "Report", "Result", "Subject", "checks", "run", "suite"]
