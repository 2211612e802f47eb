"""One short word for everything that decides what a run computes: equal configurations have equal words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

TRACKING = ("tracking", "tracking_uri", "experiment_name")
"""Keys that say where a run is recorded, nothing of the run, and that may hold a password."""
LEFT_OUT = (*TRACKING, "checkpoint_seconds", "sweep", "protocol", "resume")
"""Keys that leave every number of a run as it is."""
ALIKE = {"kernels": "numpy"}
"""Keys of which every value gives the same numbers, and the value that all of them are hashed as: that of runs before."""


def config_hash(config: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits for a resolved configuration in plain containers; the order of its keys is no matter."""
    kept = {key: ALIKE.get(key, value) for key, value in config.items() if key not in LEFT_OUT}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:16]
