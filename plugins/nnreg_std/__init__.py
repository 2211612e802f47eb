"""The built-in techniques, one a file; each stands on nnreg.contracts alone, like any other plugin."""
