"""Batches in, batches out: random transformations of images, as one Keras layer."""

from functools import partial
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

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
    flip: bool = False,
    shift: float = 0.0,
    rotation: float = 0.0,
    zoom: float = 0.0,
    brightness: float = 0.0,
    contrast: float = 0.0,
    noise: float = 0.0,
    randaugment: float = 0.0,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    interpolation: Literal["nearest", "bilinear"] = "nearest",
    fill_mode: Literal["reflect", "nearest", "constant", "wrap"] = "reflect",
    seed: int | None = None,
) -> keras.Layer:
    """Build a Keras layer that transforms images at random in training, and at no other time.

    Each transformation is drawn again for each image, in the order of the parameters. Most are the
    layers of Keras.

    Parameters
    ----------
    flip : bool, default False
        Mirror left and right, every other image.
    shift : float, default 0
        Move by up to this fraction of the side, in both directions.
    rotation : float, default 0
        Turn by up to so many degrees, either way.
    zoom : float, default 0
        Show a part that is smaller or larger than the photo by up to this fraction, height and
        width alike: 0.3 enlarges by up to 1 / 0.7 and shrinks to 1 / 1.3.
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
    TypeError, ValueError, NotImplementedError
        If an argument is not as described; when the layer is called, if a batch is not.

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
    if not isinstance(flip, bool):
        raise TypeError(f"flip must be True or False, got {flip!r}.")
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


@keras.saving.register_keras_serializable("coursehelpers")
class Augmenter(keras.Layer):
    """Transform a batch in training only, after a look at whether it can be transformed.

    The layers `on_images` map images to images, those `on_batches` also mix the labels. `clip`
    tells whether images may leave [0, 1] on the way and have to be brought back.
    """

    def __init__(self, on_images, on_batches, clip, **kwargs):
        super().__init__(**kwargs)
        self.on_images, self.on_batches, self.clip = list(on_images), list(on_batches), clip

    def get_config(self):
        """Return what rebuilds the layer, so that a model with it can be saved."""
        made = {"on_images": self.on_images, "on_batches": self.on_batches, "clip": self.clip}
        return {**super().get_config(), **keras.saving.serialize_keras_object(made)}

    @classmethod
    def from_config(cls, config):
        """Return the layer that `get_config` describes."""
        return cls(**keras.saving.deserialize_keras_object(config))

    def build(self, shapes):
        """Nothing here has weights; Keras wants to be told so."""

    def __call__(self, data, *args, **kwargs):
        """Look at the batch before Keras does, which would wrap the errors into its own."""
        images = data["images"] if isinstance(data, dict) else data
        _require_images(images)
        if self.on_batches:
            _require_one_hot(data, images)
        return super().__call__(data, *args, **kwargs)

    def call(self, data, training=False):
        """Return the batch transformed if `training` is True, else as it is."""
        if not training:
            return data
        images = data["images"] if isinstance(data, dict) else data
        for layer in self.on_images:
            images = layer(images, training=True)
        if self.clip:
            images = ops.clip(images, 0, 1)
        if not isinstance(data, dict):
            return images
        data = {**data, "images": images}
        for layer in self.on_batches:
            data = layer(data, training=True)
        return data


def _require_images(images):
    """Refuse what is no batch of colour or grey images in [0, 1]."""
    if not hasattr(images, "shape"):
        raise TypeError(
            "Give an array of images or a batch {'images': x, 'labels': y}, "
            f"got {type(images).__name__}."
        )
    shape, dtype = tuple(images.shape), keras.backend.standardize_dtype(images.dtype)
    if len(shape) != 4 or shape[-1] not in (1, 3):
        raise ValueError(
            "The images must have shape (batch, height, width, channels) with 1 or 3 channels, got "
            f"{shape}. For one image write image[None], for grey images images[..., None]."
        )
    if not dtype.startswith(("float", "bfloat")):
        raise ValueError(
            f"The images must be floats in 0..1, got dtype {dtype}. "
            'Convert them: images.astype("float32") / 255.'
        )
    values = _values_of(images)
    if values is not None and values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(
            f"The images must be in 0..1, got {values.min():.4g} to {values.max():.4g}. "
            "Divide pixels of 0..255 by 255, and standardize after augmenting."
        )


def _require_one_hot(data, images):
    """Refuse labels that cannot be mixed."""
    if not isinstance(data, dict) or "labels" not in data:
        raise ValueError(
            "mixup and cutmix mix labels too: give a batch {'images': x, 'labels': y}, "
            f"got {type(data).__name__}."
        )
    labels = data["labels"]
    shape, dtype = tuple(labels.shape), keras.backend.standardize_dtype(labels.dtype)
    if len(shape) != 2 or not dtype.startswith(("float", "bfloat")):
        raise ValueError(
            "mixup and cutmix need labels of shape (batch, classes), floats, one-hot, got shape "
            f"{shape} and dtype {dtype}. Convert class numbers with keras.utils.to_categorical(y)."
        )
    if None not in (shape[0], images.shape[0]) and shape[0] != images.shape[0]:
        raise ValueError(f"There are {images.shape[0]} images but {shape[0]} labels.")


def _values_of(tensor):
    """Return the values of a tensor, None if it is symbolic."""
    if isinstance(tensor, keras.KerasTensor):
        return None
    try:
        return np.asarray(tensor)
    except (NotImplementedError, TypeError):  # inside a compiled function
        return None


@keras.saving.register_keras_serializable("coursehelpers")
class CutMix(keras.Layer):
    """Paste a box of another image of the batch, and mix the labels by its area.

    As Yun et al. (2019) define it: lambda ~ Beta(alpha, alpha); the box has its centre anywhere,
    sides of sqrt(1 - lambda) of the image's, and is cut off at the edge; the label's share is that
    of the pixels that are left. `keras.layers.CutMix` keeps the box inside and credits fractions
    of pixels that it does not paste.
    """

    def __init__(self, alpha, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.alpha, self.seed = alpha, seed
        self.random = keras.random.SeedGenerator(seed)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha, "seed": self.seed}

    def call(self, data, training=True):
        images, labels = data["images"], data["labels"]
        if not training:
            return data
        n, height, width = ops.shape(images)[0], images.shape[1], images.shape[2]
        kept = keras.random.beta((n, 1), self.alpha, self.alpha, seed=self.random)
        rows, columns = (self._inside(kept, size) for size in (height, width))
        pasted = ops.expand_dims(rows, 2) & ops.expand_dims(columns, 1)
        share = ops.mean(ops.cast(pasted, labels.dtype), axis=(1, 2))[:, None]
        other = keras.random.shuffle(ops.arange(n), seed=self.random)
        return {
            **data,
            "images": ops.where(pasted[..., None], ops.take(images, other, axis=0), images),
            "labels": (1 - share) * labels + share * ops.take(labels, other, axis=0),
        }

    def _inside(self, kept, size):
        """Return for each image and each row or column whether the box covers it."""
        centre = keras.random.randint(ops.shape(kept), 0, size, seed=self.random)
        half = ops.cast(size * ops.sqrt(1 - kept), "int32") // 2
        place = ops.arange(size)[None]
        return (place >= centre - half) & (place < centre + half)


@keras.saving.register_keras_serializable("coursehelpers")
class RandAugment(keras.Layer):
    """Apply some random operations to every image, all with the same magnitude.

    As Cubuk et al. (2020) define it: `num_ops` times, one of 14 operations is drawn for every
    image, each as likely, with the ranges of AutoAugment (Cubuk et al. 2019) scaled linearly:
    10 is the strongest magnitude, and 0 changes nothing, but for auto-contrast and equalization,
    which know no magnitude. `keras.layers.RandAugment` draws one operation for the whole batch and
    rotates by up to half a turn.
    """

    GEOMETRIC = ("rotate", "shear_x", "shear_y", "translate_x", "translate_y")
    COLOUR = (
        *("auto_contrast", "equalize", "solarize", "color", "posterize", "contrast"),
        *("brightness", "sharpness"),
    )
    # These move an image away from one that lacks what they enhance, or towards it.
    ENHANCED = ("color", "contrast", "brightness", "sharpness")
    OPERATIONS = ("identity", *GEOMETRIC, *COLOUR)

    def __init__(self, magnitude, num_ops=2, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.strength, self.num_ops, self.seed = magnitude / 10, num_ops, seed
        self.random = keras.random.SeedGenerator(seed)

    def get_config(self):
        drawn = {"magnitude": 10 * self.strength, "num_ops": self.num_ops, "seed": self.seed}
        return {**super().get_config(), **drawn}

    def call(self, images, training=True):
        if not training:
            return images
        n = ops.shape(images)[0]
        for _ in range(self.num_ops):
            drawn = keras.random.randint((n,), 0, len(self.OPERATIONS), seed=self.random)
            sign = ops.where(keras.random.uniform((n,), seed=self.random) < 0.5, -1.0, 1.0)
            images = self.apply(images, drawn, sign)
        return images

    def apply(self, images, drawn, sign):
        """Apply to each image the drawn one of `OPERATIONS`, in the direction of its sign, -1 or 1."""
        # An operation on colours gets only the images that drew it: to apply all of them to every
        # image would take three times as long. Group 0 is moved, or stays as it is.
        groups = 1 + len(self.COLOUR)
        group = tf.maximum(drawn - len(self.GEOMETRIC), 0)
        pick = partial(tf.dynamic_partition, partitions=group, num_partitions=groups)
        results = [pick(self._move(images, drawn, sign))[0]]
        for name, part, up in zip(self.COLOUR, pick(images)[1:], pick(sign)[1:], strict=True):
            made = getattr(self, f"_{name}")(part)
            if name in self.ENHANCED:
                factor = tf.reshape(1 + 0.9 * self.strength * up, (-1, 1, 1, 1))
                made = made + factor * (part - made)
            results.append(tf.clip_by_value(made, 0, 1))
        stitched = tf.dynamic_stitch(pick(tf.range(tf.size(drawn))), results)
        return tf.ensure_shape(stitched, images.shape)

    def _move(self, images, drawn, sign):
        """Rotate, shear or translate each image, in one step for all."""
        height, width = images.shape[1:3]

        def amount(name, most):
            number = self.OPERATIONS.index(name)
            return ops.where(drawn == number, self.strength * most * sign, 0.0)

        angle = amount("rotate", np.pi / 6)
        cos, sin = ops.cos(angle), ops.sin(angle)
        # From a point of the result to the one that it is taken from, around the centre.
        xx, xy = cos, amount("shear_x", 0.3) - sin
        yx, yy = amount("shear_y", 0.3) + sin, cos
        x, y = (width - 1) / 2, (height - 1) / 2
        dx = amount("translate_x", 150 / 331 * width) + x - xx * x - xy * y
        dy = amount("translate_y", 150 / 331 * height) + y - yx * x - yy * y
        zero = ops.zeros_like(angle)
        transform = ops.stack([xx, xy, dx, yx, yy, dy, zero, zero], axis=1)
        return ops.image.affine_transform(
            images, transform, interpolation="bilinear", fill_mode="constant", fill_value=0.5
        )

    def _auto_contrast(self, images):
        low = tf.reduce_min(images, axis=(1, 2), keepdims=True)
        spread = tf.reduce_max(images, axis=(1, 2), keepdims=True) - low
        flat = spread == 0
        return ops.where(flat, images, (images - low) / ops.where(flat, 1.0, spread))

    def _equalize(self, images):
        """Map each grey value to its rank, channel by channel."""
        _, height, width, channels = images.shape
        rows = ops.reshape(ops.transpose(images, (0, 3, 1, 2)), (-1, height * width))
        level = ops.cast(ops.round(rows * 255), "int32")
        below = ops.cumsum(ops.bincount(level, minlength=256), axis=1)
        ranks = ops.cast(ops.take_along_axis(below, level, axis=1), images.dtype)
        lowest = tf.reduce_min(ranks, axis=1, keepdims=True)
        others = height * width - lowest  # pixels that are not as dark as the darkest
        equalized = ops.where(others == 0, rows, (ranks - lowest) / ops.maximum(others, 1))
        back = ops.reshape(equalized, (-1, channels, height, width))
        return ops.transpose(back, (0, 2, 3, 1))

    def _solarize(self, images):
        return ops.where(images > 1 - self.strength, 1 - images, images)

    def _posterize(self, images):
        step = 2.0 ** round(4 * self.strength)  # of 256: eight bits down to four
        return ops.floor(ops.round(images * 255) / step) * step / 255

    def _color(self, images):
        """Return the images in grey."""
        if images.shape[-1] == 1:
            return images
        luma = ops.convert_to_tensor([0.299, 0.587, 0.114], images.dtype)  # ITU-R BT.601
        return ops.sum(images * luma, axis=-1, keepdims=True)

    def _contrast(self, images):
        return ops.mean(self._color(images), axis=(1, 2), keepdims=True)

    def _brightness(self, images):
        return ops.zeros_like(images)

    def _sharpness(self, images):
        """Blur all but the edge, whose pixels lack neighbours on one side."""
        _, height, width, channels = images.shape
        kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], "float32") / 13
        kernel = np.tile(kernel[..., None, None], (1, 1, channels, 1))
        smooth = ops.depthwise_conv(images, ops.cast(kernel, images.dtype), padding="same")
        inner = np.zeros((1, height, width, 1), bool)
        inner[:, 1:-1, 1:-1] = True
        return ops.where(inner, smooth, images)
