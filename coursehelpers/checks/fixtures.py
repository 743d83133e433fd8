"""Small models that a check names and an answer gets, to freeze, to wrap or to train.

A check asks what became of a model, not what its settings say: frozen is what did not move.

    backbone = fixture("tiny_backbone", seed=7)
    before = answer.weights(backbone)
    model = answer.call(backbone, 3)
    answer.train_step(x, y, model)
    after = answer.weights(backbone)

The name travels like any other value; the model is built where the answer lives, once for each
answer, and never leaves it.
"""

import numpy as np

from coursehelpers.checks.values import Fixture

# The blocks of the tiny backbone from the image on: channels and stride of the convolution.
BLOCKS = {
    "stem": (4, 2),
    "block1": (6, 1),
    "block2": (6, 2),
    "block3": (8, 1),
    "block4": (8, 1),
}
IMAGE = (16, 16, 3)


def fixture(name, seed=0):
    """Name a model for an answer to get; equal names and seeds stand for the same one.

    Parameters
    ----------
    name : str
        "tiny_backbone", from images of shape (16, 16, 3), values in 0..255, to a feature map of
        shape (4, 4, 8). Its blocks, see `layer_names`, are a convolution, batch normalization and
        ReLU each. It is compiled, with the mean squared error.

        "frozen_backbone", the same with all of it frozen, as a first training leaves it.

        "around_backbone", a model around the "frozen_backbone" of the same seed, the very one that
        the answer has got, to train it as a backbone is trained.

        "tiny_features", the tiny backbone with the mean over the positions, 8 features for an image.
        Its first layer counts all images that it and its copies are given, in a weight named "seen".
    seed : int, default 0
        Draws all weights, the statistics of batch normalization too.

    Returns
    -------
    Fixture
        For `Answer.call`, and for the other methods as ``model``.

    Raises
    ------
    ValueError
        If there is no fixture of that name.

    Examples
    --------
    >>> fixture("tiny_backbone", seed=7)
    Fixture(name='tiny_backbone', seed=7)
    """
    if name not in FIXTURES:
        raise ValueError(f"There is no fixture named {name!r}; there are: {', '.join(FIXTURES)}.")
    return Fixture(name, int(seed))


def layer_names():
    """Return the layers of the tiny backbone's blocks by name, block by block from the image on.

    Examples
    --------
    >>> layer_names()[0]
    ['stem_conv', 'stem_bn', 'stem_relu']
    """
    return [[f"{block}_{layer}" for layer in ("conv", "bn", "relu")] for block in BLOCKS]


def build(named, others=None):
    """Build the Keras model that a `Fixture` names, one of `FIXTURES`.

    `others` are the models that the answer has got, by fixture.
    """
    if named.name == "around_backbone":
        inside, others = named._replace(name="frozen_backbone"), {} if others is None else others
        if inside not in others:
            others[inside] = build(inside)
        return _around(others[inside])
    return FIXTURES[named.name](np.random.default_rng(named.seed))


def _tiny_backbone(rng):
    import keras

    image = keras.Input(IMAGE, name="image")
    model = keras.Model(image, _blocks(image), name="tiny_backbone")
    _draw_weights(model, rng)
    # Without a graph, whose making would take longer than the few steps of a check.
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    return model


def _frozen_backbone(rng):
    model = _tiny_backbone(rng)
    model.trainable = False
    return model


def _around(backbone):
    import keras

    image = keras.Input(IMAGE, name="image")
    model = keras.Model(image, backbone(image), name="around_backbone")
    model.compile(keras.optimizers.SGD(0.1), "mse", run_eagerly=True)
    return model


def _tiny_features(rng):
    import keras

    image = keras.Input(IMAGE, name="image")
    features = keras.layers.GlobalAveragePooling2D(name="mean")(_blocks(_counter()(image)))
    model = keras.Model(image, features, name="tiny_features")
    _draw_weights(model, rng)
    return model


def _blocks(image):
    from keras import layers

    x = layers.Rescaling(1 / 127.5, offset=-1, name="preprocessing")(image)
    for block, (channels, stride) in BLOCKS.items():
        x = layers.Conv2D(
            channels, 3, strides=stride, padding="same", use_bias=False, name=f"{block}_conv"
        )(x)
        x = layers.BatchNormalization(name=f"{block}_bn")(x)
        x = layers.ReLU(name=f"{block}_relu")(x)
    return x


def _counter():
    import keras
    from keras import ops

    shared: list = []

    class Counter(keras.Layer):
        """Counts the images of all batches, but black ones, which only fill up a batch."""

        def build(self, shape):
            if not shared:
                zero = {"initializer": "zeros", "trainable": False}
                shared.append(self.add_weight(shape=(), name="seen", **zero))
            (self.seen,) = shared

        def call(self, x):
            self.seen.assign_add(ops.sum(ops.cast(ops.any(x != 0, axis=(1, 2, 3)), "float32")))
            return x

    return Counter(name="counter")


def _draw_weights(model, rng):
    """Draw every weight, so that each can be told from all others and from fresh ones."""
    for layer in model.layers:
        if layer.name.endswith("_conv"):
            shape = layer.kernel.shape
            std = np.sqrt(2 / np.prod(shape[:-1]))
            layer.set_weights([rng.normal(scale=std, size=shape)])
        elif layer.name.endswith("_bn"):
            channels = layer.gamma.shape[0]
            # Not the statistics of any batch, so that it matters which ones are used.
            ranges = {"gamma": (0.7, 1.3), "beta": (0.1, 0.5), "mean": (-0.3, 0.3), "var": (0.4, 1)}
            layer.set_weights([rng.uniform(*ends, size=channels) for ends in ranges.values()])


FIXTURES: dict = {
    "tiny_backbone": _tiny_backbone,
    "frozen_backbone": _frozen_backbone,
    "around_backbone": None,  # see `build`
    "tiny_features": _tiny_features,
}
