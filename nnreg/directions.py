"""Which way a metric is better: one rule for comparisons and for figures."""

from __future__ import annotations

import re


def is_higher_better(metric: str) -> bool:
    """Tell whether more of a metric is better: accuracies, R², steps a second."""
    return re.sub(r"_(final|best)$", "", metric).endswith(("accuracy", "r2", "steps_per_second"))
