"""Named experiments: defined in YAML, run, checked claim by claim, and written down in the lab notebook."""
