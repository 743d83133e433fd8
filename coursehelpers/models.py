"""Keras models out: the networks that the lessons train, and pre-trained ones to build on."""

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from coursehelpers.data import AnyPath, load_efficientnet_lite0
from coursehelpers.efficientnet_lite import efficientnet_lite0

if TYPE_CHECKING:
    import keras

OFFLINE = "efficientnet_lite0"
# How the layers of the networks are named by their blocks: VGG, Xception and EfficientNet, then
# ResNet and DenseNet, MobileNet and its versions 2 and 3, ConvNeXt.
BLOCK = re.compile(
    r"(?:convnext_[a-z]+_)?"
    r"(block\d+[a-z]?(?=_[a-z])|conv\d_block\d+|conv_(?:dw|pw)_\d+|block_\d+|expanded_conv(?:_\d+)?"
    r"|stage_\d+_block_\d+)"
)


def build_mlp(
    hidden: Sequence[int] = (512, 512),
    *,
    input_shape: tuple[int, ...] = (28, 28),
    classes: int = 10,
    activation: str = "relu",
    dropout: float = 0.0,
    input_noise: float = 0.0,
    activity_regularizer: "keras.regularizers.Regularizer | str | None" = None,
    label_smoothing: float = 0.0,
    optimizer: "Callable[[], keras.optimizers.Optimizer] | None" = None,
    seed: int | None = None,
    **dense: Any,
) -> "keras.Model":
    """Build and compile a multilayer perceptron for images, with Adam and cross-entropy.

    Parameters
    ----------
    hidden : sequence of int, default (512, 512)
        Units of each hidden layer; ``()`` is softmax regression.
    input_shape : tuple of int, default (28, 28)
        Shape of one image; its values are expected in [0, 1].
    classes : int, default 10
    activation : str, default "relu"
        Activation of the hidden layers.
    dropout : float, default 0
        Fraction of the units of every hidden layer that is dropped in training.
    input_noise : float, default 0
        Standard deviation of Gaussian noise on the inputs in training.
    activity_regularizer : keras.regularizers.Regularizer or str, optional
        Penalty on the outputs of the hidden layers.
    label_smoothing : float, default 0
        Fraction of each label that the loss spreads evenly over all classes (Szegedy et al. 2016).
    optimizer : callable, optional
        Returns a new Keras optimizer, such as ``partial(keras.optimizers.SGD, 0.1)``; by default
        Adam with its own learning rate.
    seed : int, optional
        Seeds Keras before the weights are drawn, so that equal seeds give equal weights.
    **dense
        Further arguments of all dense layers, such as ``kernel_regularizer``, ``bias_regularizer``,
        ``kernel_constraint`` and ``kernel_initializer``. Give an initializer by name or as a
        config, ``{"class_name": ..., "config": {...}}``: an instance draws the same again for
        every layer of the same shape.

    Returns
    -------
    keras.Model
        Output: class probabilities of shape (batch, classes). Metric: accuracy.

    Raises
    ------
    TypeError
        If `optimizer` is not a function: two models must not share an optimizer's state.

    Examples
    --------
    >>> build_mlp(hidden=(32,)).count_params()
    25450
    """
    import keras
    from keras import layers

    _require_function("optimizer", optimizer, "partial(keras.optimizers.SGD, 0.1)")
    if seed is not None:
        keras.utils.set_random_seed(seed)
    network = [layers.Input(input_shape), layers.Flatten()]
    if input_noise:
        network.append(layers.GaussianNoise(input_noise))
    options = {"activation": activation, "activity_regularizer": activity_regularizer, **dense}
    for units in hidden:
        network.append(layers.Dense(units, **options))
        if dropout:
            network.append(layers.Dropout(dropout))
    network.append(layers.Dense(classes, activation="softmax", **dense))
    model = keras.Sequential(network)  # all at once: every `model.add` would build it again
    loss = "sparse_categorical_crossentropy"
    model.compile(
        optimizer=(optimizer or keras.optimizers.Adam)(),
        loss=_smoothed_crossentropy(label_smoothing, classes) if label_smoothing else loss,
        metrics=["accuracy"],
    )
    return model


def build_cnn(
    filters: Sequence[int] = (16, 32, 64),
    *,
    input_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 2,
    dropout: float = 0.0,
    augmenter: "Callable[[], keras.Layer] | None" = None,
    optimizer: "Callable[[], keras.optimizers.Optimizer] | None" = None,
    seed: int | None = None,
) -> "keras.Model":
    """Build and compile a convolutional network for small photos, with Adam and cross-entropy.

    Parameters
    ----------
    filters : sequence of int, default (16, 32, 64)
        Filters of each 3 x 3 convolution; a maximum over 2 x 2 pixels follows each.
    input_shape : tuple of int, default (32, 32, 3)
        Height, width and channels of one image; its values are expected in [0, 1].
    classes : int, default 2
    dropout : float, default 0
        Fraction of the features that is dropped in training, before the last layer.
    augmenter : callable, optional
        Returns a new Keras layer that transforms images in training, such as
        ``partial(build_augmenter, flip=True)``; it becomes the first layer.
    optimizer : callable, optional
        Returns a new Keras optimizer; by default Adam with a learning rate of 0.002.
    seed : int, optional
        Seeds Keras before the weights are drawn, so that equal seeds give equal weights.

    Returns
    -------
    keras.Model
        Output: class probabilities of shape (batch, classes). Labels are one-hot, so that they can
        be mixed: ``keras.utils.to_categorical(y)``. Metric: accuracy.

    Raises
    ------
    TypeError
        If `optimizer` or `augmenter` is not a function: two models must not share their state.

    Examples
    --------
    >>> build_cnn().count_params()
    25634
    """
    import keras
    from keras import layers

    _require_function("optimizer", optimizer, "partial(keras.optimizers.SGD, 0.1)")
    _require_function("augmenter", augmenter, "partial(build_augmenter, flip=True)")
    if seed is not None:
        keras.utils.set_random_seed(seed)
    network = [layers.Input(input_shape), *([augmenter()] if augmenter else [])]
    for count in filters:
        network.append(layers.Conv2D(count, 3, padding="same", activation="relu"))
        network.append(layers.MaxPooling2D())
    network.append(layers.Flatten())
    if dropout:
        network.append(layers.Dropout(dropout))
    network.append(layers.Dense(classes, activation="softmax"))
    model = keras.Sequential(network)
    model.compile(
        optimizer=optimizer() if optimizer else keras.optimizers.Adam(0.002),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _require_function(name, given, example):
    import keras

    if given is not None and (not callable(given) or isinstance(given, keras.Layer)):
        raise TypeError(
            f"{name} must be a function that returns a new {name}, such as {example}, got {given!r}."
        )


def _smoothed_crossentropy(label_smoothing, classes):
    """Return cross-entropy for class numbers; Keras smooths one-hot labels only."""
    from keras import losses, ops

    def crossentropy(y, outputs):
        one_hot = ops.one_hot(ops.reshape(y, (-1,)), classes)
        return losses.categorical_crossentropy(one_hot, outputs, label_smoothing=label_smoothing)

    return crossentropy


def build_backbone(
    name: str = OFFLINE,
    *,
    input_shape: tuple[int | None, int | None, int] = (160, 160, 3),
    weights: AnyPath | None = "imagenet",
    include_top: bool = False,
    pooling: Literal["avg"] | None = None,
    seed: int | None = None,
) -> "keras.Model":
    """Build a network that was trained on ImageNet, by default without its last layers.

    All take the same images, with values in 0..255 (integers or not): what each one does to them
    first, such as subtracting a mean, is part of the model.

    Parameters
    ----------
    name : str, default "efficientnet_lite0"
        The default comes with the course and needs no network. Any other of ``keras.applications``,
        such as ``"vgg16"`` or ``"mobilenet_v2"``, has its weights downloaded by Keras, once.
    input_shape : tuple of int, default (160, 160, 3)
        Height, width and channels of one image; height and width may be None.
    weights : "imagenet", None or path-like, default "imagenet"
        Or random ones, or those of a file: ``.weights.h5`` of the same model or ``.h5`` of
        ``keras.applications``.
    include_top : bool, default False
        With the last layers, the output is the probabilities of 1,000 classes (see
        `coursehelpers.data.load_imagenet_classes`).
    pooling : None or "avg"
        Without the last layers, the output is the last feature map of shape
        (batch, height, width, features), or with "avg" its mean, of shape (batch, features).
    seed : int, optional
        Seeds Keras before the weights are drawn.

    Returns
    -------
    keras.Model
        Functional; every layer can be reached by its name. To fine-tune, `freeze` it but for
        its last blocks.

    Raises
    ------
    ValueError
        If the name or the pooling is unknown, or the file holds the weights of something else.
    FileNotFoundError
        If there is no file of weights at the path.
    ConnectionError
        If the weights are to be downloaded and there is no network.
    DataError
        If the file of the default backbone is missing or damaged.

    References
    ----------
    M. Tan, Q. V. Le: EfficientNet: rethinking model scaling for convolutional neural networks.
    ICML 2019.

    Examples
    --------
    >>> backbone = build_backbone(pooling="avg", input_shape=(96, 96, 3))
    >>> backbone.output_shape, backbone.count_params()
    ((None, 1280), 3413024)
    """
    import keras

    applications = {f.lower(): f for f in dir(keras.applications) if f[0].isupper()}
    function = applications.get(name.replace("_", "").lower())
    if name != OFFLINE and function is None:
        raise ValueError(
            f"There is no backbone {name!r}. Choose {OFFLINE!r}, which needs no network, "
            f"or one of keras.applications: {', '.join(applications)}."
        )
    if pooling not in (None, "avg"):
        raise ValueError(f'pooling must be None or "avg", got {pooling!r}.')
    if weights is not None and weights != "imagenet" and not Path(weights).is_file():
        raise FileNotFoundError(
            f'There is no file of weights at {weights}. Give a path, "imagenet" or None.'
        )
    if seed is not None:
        keras.utils.set_random_seed(seed)
    if name == OFFLINE:
        model = efficientnet_lite0(input_shape, include_top=include_top, pooling=pooling)
        if weights == "imagenet":
            arrays = load_efficientnet_lite0()
            for layer in model.layers:
                layer.set_weights([arrays[f"{layer.name}/{w.name}"] for w in layer.weights])
    else:
        options = {"include_top": include_top, "pooling": pooling, "input_shape": input_shape}
        model = _build_application(name, function, weights, options)
    if weights not in (None, "imagenet"):
        _load_weights(model, weights)
    return model


def _build_application(name, function, weights, options):
    """Build a network of keras.applications with the preprocessing that its module has for it."""
    import keras

    image = keras.Input(options["input_shape"], name="image")
    preprocessings = (
        module.preprocess_input
        for module in vars(keras.applications).values()
        if hasattr(module, function) and hasattr(module, "preprocess_input")
    )
    # A network without such a module brings layers of its own.
    preprocess = next(preprocessings, lambda x: x)
    weights = "imagenet" if weights == "imagenet" else None
    build = getattr(keras.applications, function)
    try:
        model = build(input_tensor=preprocess(image), weights=weights, **options)
    except Exception as error:
        # Keras reports a failed download by a bare Exception, known by its text alone; one that
        # broke off is an OSError.
        failed = re.search(r"URL fetch failure on (\S+?):? ", str(error))
        if not failed and not isinstance(error, OSError):
            raise
        url = failed[1] if failed else "their file from keras.io"
        file = url.rpartition("/")[2] if failed else "weights.h5"
        raise ConnectionError(
            f"The weights of {name!r} cannot be downloaded ({error}). Without a network use "
            f"{OFFLINE!r}, which comes with the course; or fetch {url} elsewhere, put it beside the "
            f'notebook, and call build_backbone("{name}", weights="{file}", ...).'
        ) from error
    # Keras lists the input; a model that takes the image itself warns of nothing.
    return keras.Model(image, model.output, name=name)


def _load_weights(model, path):
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        # Keras goes on with all the layers that it could not load.
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path} is damaged, or holds the weights of another model than {model.name} with "
            f"these last layers ({reason})."
        ) from error


def blocks(backbone: "keras.Model") -> "dict[str, list[keras.Layer]]":
    """List the blocks of a backbone, first the one next to the image.

    Parameters
    ----------
    backbone : keras.Model
        What `build_backbone` returns.

    Returns
    -------
    dict of str to list of keras.Layer
        Each block's layers by its name, which their names begin with, in the order of computation.
        What comes before the first block is the ``"stem"``, convolutions or dense layers behind the
        last one are the ``"top"``. Input and preprocessing belong to none.

    Raises
    ------
    ValueError
        If the layers are not named by blocks (Inception, NASNet, networks of other origin).

    Examples
    --------
    >>> found = blocks(build_backbone(weights=None))
    >>> list(found)[:3], list(found)[-2:]
    (['stem', 'block1a', 'block2a'], ['block7a', 'top'])
    """
    layers = backbone.layers
    names = [_block_name(layer) for layer in layers]
    inside = [i for i, name in enumerate(names) if name]
    if not inside:
        raise ValueError(
            f"The layers of {backbone.name} are not named by blocks. Choose another backbone, or "
            "set `layer.trainable` of its layers."
        )
    # What has weights is no input and no preprocessing.
    first = next(i for i, layer in enumerate(layers) if layer.weights)
    # Normalization or pooling alone is the end of the last block, not one of its own.
    has_top = any(len(w.shape) > 1 for layer in layers[inside[-1] + 1 :] for w in layer.weights)
    found: dict[str, list[keras.Layer]] = {}
    current = "stem"
    for i in range(first, len(layers)):
        current = "top" if has_top and i > inside[-1] else names[i] or current
        found.setdefault(current, []).append(layers[i])
    return found


def _block_name(layer):
    match = BLOCK.match(layer.name)
    # MobileNet's blocks are a depthwise and a pointwise convolution each.
    return re.sub("^conv_(dw|pw)", "block", match[1]) if match else None


def freeze(backbone: "keras.Model", *, keep_last: int = 0) -> list[str]:
    """Freeze a backbone but for its last blocks.

    Batch normalization is frozen in all blocks: its statistics are those of ImageNet, and a few
    small batches of other images would spoil them. Frozen, it predicts with these statistics in
    training too. To call the backbone with ``training=False`` is not enough: inside another model,
    Keras 3 passes the ``training=True`` of ``fit`` on to it.

    Parameters
    ----------
    backbone : keras.Model
        What `build_backbone` returns; it is changed. Compile the whole model afterwards: Keras
        asks which weights are trainable when it compiles.
    keep_last : int, default 0
        Blocks that go on learning, counted from the end, the ``"top"`` included (see `blocks`).

    Returns
    -------
    list of str
        Names of the blocks that learn.

    Raises
    ------
    ValueError
        If there are fewer blocks than `keep_last`, or the layers are not named by blocks.

    Examples
    --------
    >>> import keras
    >>> backbone = build_backbone(weights=None, input_shape=(96, 96, 3), pooling="avg")
    >>> freeze(backbone, keep_last=2)
    ['block7a', 'top']
    >>> image = keras.Input((96, 96, 3))
    >>> probability = keras.layers.Dense(1, "sigmoid")(backbone(image))
    >>> len(keras.Model(image, probability).trainable_weights)
    6
    """
    import keras

    if keep_last == 0:
        backbone.trainable = False
        return []
    found = blocks(backbone)
    if not 0 < keep_last <= len(found):
        raise ValueError(
            f"keep_last must be between 0 and {len(found)}, the number of blocks of "
            f"{backbone.name}, got {keep_last!r}."
        )
    kept = list(found)[-keep_last:]
    learning = {layer.name for name in kept for layer in found[name]}
    # The model first, because that sets all of its layers.
    backbone.trainable = True
    for layer in backbone.layers:
        layer.trainable = layer.name in learning and not isinstance(
            layer, keras.layers.BatchNormalization
        )
    return kept


def fold_batch_norm(model: "keras.Model") -> "keras.Model":
    """Return a model for predictions alone, each batch normalization folded into its convolution.

    In predictions, batch normalization scales and shifts each channel by constants, which the
    kernel and the bias of a convolution can do as well. Batch normalization is folded only where it
    follows a convolution without an activation.

    Parameters
    ----------
    model : keras.Model
        A functional model, such as a backbone. It is not changed.

    Returns
    -------
    keras.Model
        Computes what `model` computes with ``training=False``, up to rounding; its layers have the
        same names. Train `model` instead: in the folded one there is nothing to normalize batches.

    Raises
    ------
    ValueError
        If one of its convolutions or normalizations is used more than once.

    Examples
    --------
    >>> backbone = build_backbone(weights=None, input_shape=(96, 96, 3))
    >>> len(backbone.layers), len(fold_batch_norm(backbone).layers)
    (142, 93)
    """
    import keras

    folded = _foldable(model)
    convolutions = {convolution.name for convolution in folded.values()}

    def clone(layer):
        if not isinstance(layer, keras.Layer) or layer.name in folded:
            return layer  # an operation has no weights, and what is folded is left out
        config = layer.get_config()
        if layer.name in convolutions:
            config.update(use_bias=True, bias_initializer="zeros")
        return type(layer).from_config(config)

    calls: Counter[str] = Counter()

    def call(layer, *inputs, **options):
        calls[layer.name] += 1
        return inputs[0] if layer.name in folded else layer(*inputs, **options)

    fast = keras.models.clone_model(model, clone_function=clone, call_function=call)
    shared = [name for name in (*folded, *convolutions) if calls[name] > 1]
    if shared:
        # What follows one use of a convolution need not follow the other.
        raise ValueError(
            f"{model.name} uses {', '.join(sorted(shared))} more than once, which cannot be folded. "
            "Predict with the model itself."
        )
    for layer in model.layers:
        if layer.weights and layer.name not in (*folded, *convolutions):
            fast.get_layer(layer.name).set_weights(layer.get_weights())
    for name, convolution in folded.items():
        weights = _folded_weights(convolution, model.get_layer(name))
        fast.get_layer(convolution.name).set_weights(weights)
    fast.trainable = False
    return fast


def _foldable(model):
    """Return the convolution that each batch normalization follows, by the latter's name."""
    import keras

    single = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    # Whoever reads a convolution besides its normalization needs it as it was.
    consumed = Counter(id(x) for layer in single for x in keras.tree.flatten(layer.input))
    consumed.update(id(x) for x in model.outputs)
    makers = {
        id(layer.output): layer
        for layer in single
        if type(layer) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        and layer.activation is keras.activations.linear
        and layer.data_format == "channels_last"
    }
    return {
        layer.name: makers[id(layer.input)]
        for layer in single
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.axis in (-1, 3)
        and id(layer.input) in makers
        and consumed[id(layer.input)] == 1
    }


def _folded_weights(convolution, normalization):
    """Return the kernel and bias that do the work of a convolution and its normalization."""
    import keras

    kernel, *bias = convolution.get_weights()
    scale = 1 / np.sqrt(normalization.moving_variance.numpy() + normalization.epsilon)
    if normalization.scale:
        scale = scale * normalization.gamma.numpy()
    shift = (bias[0] if bias else 0) - normalization.moving_mean.numpy()
    shift = shift * scale + (normalization.beta.numpy() if normalization.center else 0)
    if type(convolution) is keras.layers.DepthwiseConv2D:
        # The last two axes are channels and outputs per channel.
        return [kernel * scale.reshape(kernel.shape[2:]), shift]
    return [kernel * scale, shift]
