"""A plugin for nnreg, to copy from."""
