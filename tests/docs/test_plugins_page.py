"""docs/plugins.md: what it shows works as shown."""

import importlib.util
import re
import sys
from pathlib import Path

from nnreg import testing

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


def example(name, folder):
    """Return a class that the page shows, from its block of code."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (source,) = (block for block in blocks if f"class {name}(" in block)
    path = folder / f"shown_{name.lower()}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, name)


def test_the_activation_that_is_a_layer_keeps_its_contract(tmp_path):
    report = testing.run(example("ScaledTanh", tmp_path))
    assert report.ok, str(report)


def test_the_refusal_of_a_width_is_what_is_printed(nnreg):
    shown = re.search(r"`(it needs an even number .*?)`", PAGE.read_text(encoding="utf-8"))[1]
    assert nnreg("activation=glu", "hidden=[101]").complaint.endswith(f": {shown}")
