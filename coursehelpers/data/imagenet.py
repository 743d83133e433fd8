"""What a network learned from ImageNet, and what its classes are called."""

import io

import numpy as np

from coursehelpers.data.files import read_verified


def load_imagenet_classes():
    """Load the names of the 1,000 classes of ImageNet, to read predictions with.

    Returns
    -------
    tuple of str
        The name of each label in 0..999: WordNet's synonyms, separated by commas, the usual one
        first. Two classes are called "crane", a bird and a machine.

    Raises
    ------
    DataError
        If the file is missing or its SHA-256 differs from the one in `data/README.md`.

    References
    ----------
    O. Russakovsky et al.: ImageNet large scale visual recognition challenge. IJCV, 2015.

    Examples
    --------
    >>> load_imagenet_classes()[285]
    'Egyptian cat'
    """
    return tuple(read_verified("imagenet-classes/imagenet-classes.txt").decode().splitlines())


def load_efficientnet_lite0():
    """Load the weights of EfficientNet-Lite0, trained on ImageNet.

    Returns
    -------
    dict of str to ndarray
        ``float32``, by the names that Keras gives the weights: ``"stem_conv/kernel"``. Kernels have
        shape (height, width, in, out); depthwise ones (height, width, channels, 1).

    Raises
    ------
    DataError
        If the file is missing or its SHA-256 differs from the one in `data/README.md`.

    References
    ----------
    M. Tan, Q. V. Le: EfficientNet: rethinking model scaling for convolutional neural networks.
    ICML 2019.

    Examples
    --------
    >>> load_efficientnet_lite0()["stem_conv/kernel"].shape
    (3, 3, 3, 32)
    """
    content = io.BytesIO(read_verified("efficientnet-lite0/efficientnet-lite0.npz"))
    with np.load(content, allow_pickle=False) as arrays:
        return {name: arrays[name].astype("float32") for name in arrays.files}
