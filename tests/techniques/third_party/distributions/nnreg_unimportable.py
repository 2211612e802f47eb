"""A plugin whose import fails, as when a library it needs is missing."""

raise ImportError("no module named 'cuda_magic',\ninstall it from somewhere")
