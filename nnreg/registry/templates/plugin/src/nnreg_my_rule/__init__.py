"""MyRule, a technique of the kind my_kind for nnreg."""
