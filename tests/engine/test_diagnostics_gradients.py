"""The gradient check: it passes what is right, finds what is wrong, and leaves the network as it was."""

import numpy as np
import pytest

from nnreg.contracts import Split
from nnreg.engine.diagnostics import check_gradient
from nnreg.engine.network import Network
from nnreg.errors import UserError
from nnreg_std.activations.tanh import Tanh
from nnreg_std.dropouts.dropout import InvertedDropout
from nnreg_std.inits.he import He
from nnreg_std.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from nnreg_std.norms.batch_norm import BatchNorm
from nnreg_std.regularizers.l2 import L2


class HalfTanh(Tanh):
    """Its derivative is half of what it should be."""

    def backward(self, dy, z, y, out):
        super().backward(dy / 2, z, y, out)


def checked(activation=None, dtype=np.float64, hidden=(6, 5)):
    masks = np.random.default_rng(3)
    plugins = {"activation": activation or Tanh(), "loss": SoftmaxCrossEntropy(), "regularizer": L2(0.1)}
    layers = {"norm": BatchNorm(), "dropout": InvertedDropout(0.5), "masks": masks}
    network = Network(4, hidden, 3, **plugins, **layers, rows=8, dtype=dtype)
    network.initialise(He(), np.random.default_rng(0))
    rng = np.random.default_rng(1)
    rows = Split(rng.normal(size=(8, 4)).astype(dtype), rng.integers(3, size=8))
    before = network.parameters.theta.copy(), {k: v.copy() for k, v in network.state().items()}, masks.bit_generator.state
    records = {record.metric: record.value for record in check_gradient(network, rows, masks)}
    after = network.parameters.theta, network.state(), masks.bit_generator.state
    np.testing.assert_array_equal(before[0], after[0])
    for name, array in before[1].items():
        np.testing.assert_array_equal(array, after[1][name])
    assert before[2] == after[2]
    return records


def test_a_right_backward_pass_agrees_array_by_array_under_norm_dropout_and_decay():
    records = checked()
    worst = {metric: value for metric, value in records.items() if metric.startswith("gradient_worst/")}
    assert {"gradient_worst/W1", "gradient_worst/gamma1", "gradient_worst/beta2", "gradient_worst/b3"} <= set(worst)
    assert max(worst.values()) < 1e-7


def test_a_wrong_derivative_is_found_in_the_layers_below_it_and_not_above():
    records = checked(HalfTanh())
    assert records["gradient_worst/W1"] > 0.01
    assert records["gradient_worst/W3"] < 1e-7


@pytest.mark.parametrize(
    ("changes", "said"), [({"dtype": np.float32}, "needs dtype=float64"), ({"hidden": (300, 200)}, "use a smaller network")]
)
def test_what_cannot_be_checked_is_refused_in_one_line(changes, said):
    with pytest.raises(UserError, match=said):
        checked(**changes)


def test_the_setting_is_refused_in_float32_before_anything_is_written(nnreg, project):
    answer = nnreg("check_gradient=true", "steps=2")
    assert answer.code == 2
    assert answer.complaint == "nnreg: check_gradient=true needs dtype=float64: in float32 differences are rounding"
    assert not list(project.glob("runs/*"))


def test_the_setting_records_the_check_before_the_first_update(nnreg, project):
    from nnreg.records.folder import read_history

    assert nnreg("check_gradient=true", "dtype=float64", "hidden=[4]", "activation=tanh", "steps=2", "batch=8").code == 0
    (folder,) = (project / "runs").iterdir()
    assert read_history(folder).series("gradient_worst/W1")[0].tolist() == [0]
