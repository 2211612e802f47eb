"""Fashion-MNIST: 70,000 pictures of clothes in MNIST's format, and harder.

Source: Xiao, H., Rasul, K. & Vollgraf, R. (2017), "Fashion-MNIST: a novel image dataset for benchmarking machine learning
algorithms", https://arxiv.org/abs/1708.07747. Zalando's articles: T-shirt, trouser, pullover, dress, coat, sandal, shirt,
sneaker, bag, ankle boot.

The files are downloaded once and verified. Already have them? Put the four .gz files, as published, in a folder and name it
in the environment variable NNREG_DATA or in ``dataset.data_dir``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nnreg.contracts import Dataset, Splits, check_range
from nnreg_std.datasets._locating import load_images
from nnreg_std.datasets._published import FASHION_MNIST_FILES, FileSet

ARTICLES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


@dataclass(frozen=True)
class FashionMNIST(Dataset):
    """Pictures of clothes as 784 pixels in [0, 1], ten classes.

    Args:
        data_dir: folder with the four .gz files, or with a folder ``fashion_mnist`` that has them; None looks in
            $NNREG_DATA, then in the cache, then downloads.
        valid_size: how many of the last of the training rows are held out for validation, in [0, 60000); 0 trains on all of
            them and has no validation split.
        rows: how many of the first of the 60,000 training rows to use at all, in [1, 60000], more than ``valid_size``.

    Raises:
        ValueError: valid_size or rows is out of its range, or a file is damaged or another one.
        FileNotFoundError: the files are nowhere and could not be downloaded.
    """

    files: ClassVar[FileSet] = FASHION_MNIST_FILES

    data_dir: str | None = None
    valid_size: int = 5000
    rows: int = 60_000

    def __post_init__(self) -> None:
        check_range(self, valid_size="[0, 60000)", rows="[1, 60000]")

    def load(self) -> Splits:
        """Return 55,000 rows to train on, 5,000 to validate and 10,000 to test with, unless ``valid_size`` says otherwise."""
        return load_images(self.files, self.data_dir, self.valid_size, self.rows, ARTICLES)
