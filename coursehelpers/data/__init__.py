"""Arrays in: load the course's data sets, draw regression problems, subset, split and corrupt."""

from coursehelpers.data.files import (
    CATS_DOGS_CLASSES,
    FASHION_MNIST_CLASSES,
    DataError,
    data_folder,
    load_cats_dogs,
    load_digits,
    load_fashion_mnist,
    recorded_hashes,
)
from coursehelpers.data.imagenet import load_efficientnet_lite0, load_imagenet_classes
from coursehelpers.data.sampling import Split, corrupt_labels, make_regression, split, subset

__all__ = [
    "CATS_DOGS_CLASSES",
    "FASHION_MNIST_CLASSES",
    "DataError",
    "Split",
    "corrupt_labels",
    "data_folder",
    "load_cats_dogs",
    "load_digits",
    "load_efficientnet_lite0",
    "load_fashion_mnist",
    "load_imagenet_classes",
    "make_regression",
    "recorded_hashes",
    "split",
    "subset",
]
