"""nnreg: compare neural-network training techniques, one change at a time."""
