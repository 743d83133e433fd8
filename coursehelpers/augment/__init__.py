"""Batches in, batches out: random transformations of images, as one Keras layer."""

RANGES = {
    "shift": (0, 1, "a share of the image's side, such as 0.1"),
    "rotation": (0, 180, "degrees, such as 10"),
    "zoom": (0, 0.9, "a share of the image's side, such as 0.1"),
    "brightness": (0, 1, "a share of the range of pixels, such as 0.2"),
    "contrast": (0, 1, "a share of the contrast, such as 0.3"),
    "noise": (0, 1, "a standard deviation in units of pixels in 0..1, such as 0.05"),
    "randaugment": (0, 10, "a magnitude, such as 5"),
    "mixup": (0, 1, "the alpha of a Beta distribution, such as 0.2"),
    "cutmix": (0, 10, "the alpha of a Beta distribution, such as 1"),
}


def build_augmenter(
    *,
    flip=False,
    shift=0.0,
    rotation=0.0,
    zoom=0.0,
    brightness=0.0,
    contrast=0.0,
    noise=0.0,
    randaugment=0.0,
    mixup=0.0,
    cutmix=0.0,
    interpolation="nearest",
    fill_mode="reflect",
    seed=None,
):
    """Build a Keras layer that transforms images at random in training, and at no other time.

    Each transformation is drawn anew for each image, in the order of the parameters. Most are the
    layers of Keras.

    Parameters
    ----------
    flip : bool, default False
        Mirror left and right, every other image.
    shift : float, default 0
        Move by up to this share of the side, in both directions.
    rotation : float, default 0
        Turn by up to so many degrees, either way.
    zoom : float, default 0
        Show a part smaller than the photo by up to this share, or as much larger, height and width
        alike: 0.3 enlarges by up to 1 / 0.7 and shrinks to 1 / 1.3.
    brightness : float, default 0
        Add up to this, or subtract it; the result is clipped to [0, 1].
    contrast : float, default 0
        Scale the distances to the mean by 1 - contrast to 1 + contrast.
    noise : float, default 0
        Standard deviation of Gaussian noise on every pixel; the result is clipped to [0, 1].
    randaugment : float, default 0
        Magnitude, 0 to 10, of two of the 14 operations of RandAugment (Cubuk et al. 2020).
    mixup : float, default 0
        Alpha of mixup (Zhang et al. 2018): image and label become lambda times themselves plus
        1 - lambda times another one of the batch, lambda drawn from Beta(alpha, alpha).
    cutmix : float, default 0
        Alpha of CutMix (Yun et al. 2019): a box of another image of the batch is pasted, and the
        labels are mixed by its area.
    interpolation : {"nearest", "bilinear"}, default "nearest"
        How a pixel between others is read. Bilinear means blur: the network then trains on
        photos that are less sharp than those of the test.
    fill_mode : {"reflect", "nearest", "constant", "wrap"}, default "reflect"
        What comes in at the edge.
    seed : int, optional
        The same seed gives the same sequence of batches.

    Returns
    -------
    keras.Layer
        Called as ``layer(images, training=True)`` or, as `coursehelpers.training.Setting` and
        mixing need it, with a batch ``{"images": x, "labels": y}``: images are floats in [0, 1] of
        shape (batch, height, width, channels), labels to be mixed one-hot floats of shape (batch,
        classes). It returns the same shapes and dtypes; without ``training=True``, the batch
        itself.

    Raises
    ------
    TypeError, ValueError
        If a factor is outside its range; when called, if a batch is not as described.

    References
    ----------
    H. Zhang, M. Cisse, Y. Dauphin, D. Lopez-Paz: mixup: Beyond empirical risk minimization. ICLR
    2018. S. Yun et al.: CutMix: Regularization strategy to train strong classifiers with
    localizable features. ICCV 2019. E. Cubuk, B. Zoph, J. Shlens, Q. Le: RandAugment: Practical
    automated data augmentation with a reduced search space. NeurIPS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((4, 32, 32, 3), "float32")
    >>> augmenter = build_augmenter(flip=True, shift=0.1, seed=0)
    >>> augmenter(images, training=True).shape
    TensorShape([4, 32, 32, 3])
    >>> bool(np.all(augmenter(images) == images))
    True
    """
    factors = (shift, rotation, zoom, brightness, contrast, noise, randaugment, mixup, cutmix)
    for name, value in zip(RANGES, factors, strict=True):
        _require_in_range(name, value)
    _require_choice("interpolation", interpolation, ("nearest", "bilinear"))
    _require_choice("fill_mode", fill_mode, ("reflect", "nearest", "constant", "wrap"))
    if not isinstance(flip, bool):
        raise TypeError(f"flip must be True or False, got {flip!r}.")

    from keras import layers

    from coursehelpers.augment.layers import Augmenter, CutMix, RandAugment

    # Each layer draws its own numbers.
    seeded = [{"seed": None if seed is None else 10 * seed + i} for i in range(10)]
    edge = {"interpolation": interpolation, "fill_mode": fill_mode}
    pixels = {"value_range": (0, 1)}
    on_images = [
        flip and layers.RandomFlip("horizontal", **seeded[0]),
        shift and layers.RandomTranslation(shift, shift, **edge, **seeded[1]),
        rotation and layers.RandomRotation(rotation / 360, **edge, **seeded[2]),
        zoom and layers.RandomZoom(zoom, **edge, **seeded[3]),
        brightness and layers.RandomBrightness(brightness, **pixels, **seeded[4]),
        # Both bounds: of a single factor Keras makes no lower one.
        contrast and layers.RandomContrast((contrast, contrast), **pixels, **seeded[5]),
        randaugment and RandAugment(randaugment, **seeded[6]),
        noise and layers.GaussianNoise(noise, **seeded[7]),
    ]
    on_batches = [
        mixup and layers.MixUp(mixup, **seeded[8]),
        cutmix and CutMix(cutmix, **seeded[9]),
    ]
    return Augmenter(filter(None, on_images), filter(None, on_batches), clip=bool(noise))


def _require_in_range(name, value):
    low, high, meaning = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is {meaning}; got {value!r}.")
    if not low <= value <= high:
        raise ValueError(f"{name} is {meaning}, and must be in {low}..{high}; got {value!r}.")


def _require_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}.")
