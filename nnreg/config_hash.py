"""One short word for everything that decides what a run computes: equal configurations have equal words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

LEFT_OUT = ("tracking", "tracking_uri", "experiment_name", "checkpoint_seconds", "sweep", "protocol", "resume")
"""Keys that leave every number of a run as it is."""


def config_hash(config: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits for a resolved configuration in plain containers; the order of its keys is no matter."""
    kept = {key: value for key, value in config.items() if key not in LEFT_OUT}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:16]
