"""Tests of nnreg.sweeps."""
