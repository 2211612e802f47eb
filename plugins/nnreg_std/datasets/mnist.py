"""MNIST: 70,000 handwritten digits, 28 by 28 pixels, the field's first benchmark.

Source: LeCun, Y., Bottou, L., Bengio, Y. & Haffner, P. (1998), "Gradient-based learning applied to document recognition",
Proceedings of the IEEE 86(11), https://doi.org/10.1109/5.726791. Modified NIST: 60,000 images to train on, 10,000 to test with.

The files are downloaded once and verified. Already have them? Put the four in a folder and name it in the environment
variable NNREG_DATA or in ``dataset.data_dir``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnreg.contracts import Dataset, Splits, check_range
from nnreg_std.datasets._locating import load_images
from nnreg_std.datasets._published import MNIST_FILES, FileSet


@dataclass(frozen=True)
class MNIST(Dataset):
    """Handwritten digits as 784 pixels in [0, 1], ten classes.

    Args:
        data_dir: folder with the four files, or with a folder ``mnist`` that has them; None looks in $NNREG_DATA, then in
            the cache, then downloads.
        valid_size: how many of the last of the training rows are held out for validation, in [0, 60000); 0 trains on all of
            them and has no validation split.
        rows: how many of the first of the 60,000 training rows to use at all, in [1, 60000], more than ``valid_size``.

    Raises:
        ValueError: valid_size or rows is out of its range, or a file is damaged or another one.
        FileNotFoundError: the files are nowhere and could not be downloaded.
    """

    files: ClassVar[FileSet] = MNIST_FILES

    data_dir: str | None = None
    valid_size: int = 5000
    rows: int = 60_000

    def __post_init__(self) -> None:
        check_range(self, valid_size="[0, 60000)", rows="[1, 60000]")

    def load(self) -> Splits:
        """Return 55,000 rows to train on, 5,000 to validate and 10,000 to test with, unless ``valid_size`` says otherwise."""
        return load_images(self.files, self.data_dir, self.valid_size, self.rows)
