"""Arrays in: load the course's data sets and anyone's photos, draw, subset, split and corrupt."""

from coursehelpers.data.decoding import ImageError, read_image
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
from coursehelpers.data.folder import ImageFolder, load_image_folder
from coursehelpers.data.imagenet import load_efficientnet_lite0, load_imagenet_classes
from coursehelpers.data.images import (
    ImageBatch,
    Skipped,
    iterate_images,
    read_images,
)
from coursehelpers.data.resizing import resize_images
from coursehelpers.data.sampling import Split, corrupt_labels, make_regression, split, subset
from coursehelpers.data.scanning import ImageFiles, scan_image_folder

__all__ = [
    "CATS_DOGS_CLASSES",
    "FASHION_MNIST_CLASSES",
    "DataError",
    "ImageBatch",
    "ImageError",
    "ImageFiles",
    "ImageFolder",
    "Skipped",
    "Split",
    "corrupt_labels",
    "data_folder",
    "iterate_images",
    "load_cats_dogs",
    "load_digits",
    "load_efficientnet_lite0",
    "load_fashion_mnist",
    "load_image_folder",
    "load_imagenet_classes",
    "make_regression",
    "read_image",
    "read_images",
    "recorded_hashes",
    "resize_images",
    "scan_image_folder",
    "split",
    "subset",
]
