"""The same network for predictions only, and faster: batch normalization folded away."""

from collections import Counter

import numpy as np


def fold_batch_norm(model):
    """Return a model for predictions alone, each batch normalization folded into its convolution.

    In predictions, batch normalization scales and shifts each channel by constants, and so does a
    convolution by its kernel and its bias: one can do the work of both. What follows something else
    than a convolution without activation stays.

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
    TypeError
        If `model` is no functional Keras model.
    ValueError
        If one of its convolutions or normalizations is used more than once.

    Examples
    --------
    >>> from coursehelpers.models import build_backbone
    >>> backbone = build_backbone(weights=None, input_shape=(96, 96, 3))
    >>> len(backbone.layers), len(fold_batch_norm(backbone).layers)
    (142, 93)
    """
    import keras

    if not isinstance(model, keras.Model) or not hasattr(model, "operations"):
        raise TypeError(
            f"model must be a functional Keras model, as build_backbone returns, got {model!r}."
        )
    folded = _foldable(model)
    convolutions = {convolution.name for convolution in folded.values()}

    def clone(layer):
        # Neither an operation without weights nor what is left out needs a copy.
        if not isinstance(layer, keras.Layer) or layer.name in folded:
            return layer
        config = layer.get_config()
        if layer.name in convolutions:
            config.update(use_bias=True, bias_initializer="zeros")
        return type(layer).from_config(config)

    calls = Counter()

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
        if layer.weights and layer.name not in folded | dict.fromkeys(convolutions):
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
    mean, variance = (
        np.asarray(w) for w in (normalization.moving_mean, normalization.moving_variance)
    )
    scale = 1 / np.sqrt(variance + normalization.epsilon)
    if normalization.scale:
        scale = scale * np.asarray(normalization.gamma)
    shift = (bias[0] if bias else 0) - mean
    shift = shift * scale + (np.asarray(normalization.beta) if normalization.center else 0)
    if type(convolution) is keras.layers.DepthwiseConv2D:
        # The last two axes are channels and outputs per channel.
        return [kernel * scale.reshape(kernel.shape[2:]), shift]
    return [kernel * scale, shift]
