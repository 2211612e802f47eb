"""Which folders become which packages; all other metadata is in pyproject.toml.

pyproject.toml alone cannot say both "find the packages" and "ship conf/ as nnreg/conf", so these lines do. Nothing named
conf, plugins or tests reaches site-packages.
"""

from setuptools import find_packages, setup

core = find_packages(include=["nnreg", "nnreg.*"])
standard = find_packages("plugins", include=["nnreg_std", "nnreg_std.*"])

setup(packages=[*core, "nnreg.conf", *standard], package_dir={"nnreg.conf": "conf", "nnreg_std": "plugins/nnreg_std"})
