"""What is inside a Keras model: its weights, and its activations and gradients for a batch."""

from collections import Counter

import numpy as np


def weight_statistics(model, near_zero=1e-3):
    """Describe every weight array of a model, those of nested models and biases included.

    Parameters
    ----------
    model : keras.Model
    near_zero : float, default 1e-3

    Returns
    -------
    pandas.DataFrame
        A row for each array: ``layer``, which is its path in the model, ``shape``, ``size``,
        ``mean``, ``std``, ``mean_abs``, the L2 ``norm``, and ``share_near_zero``, the share of
        values at most `near_zero` away from zero.

    Raises
    ------
    ValueError
        If the model has no weights yet.
    """
    import pandas as pd

    if not model.built:
        raise ValueError(f"{model.name} has no weights yet; call it once on a batch.")
    paths = _numbered(weight.path.removeprefix(f"{model.name}/") for weight in model.weights)
    rows = []
    for path, weight in zip(paths, model.weights, strict=True):
        values = weight.numpy().astype(float)
        rows.append(
            {
                "layer": path,
                "shape": values.shape,
                "size": values.size,
                "mean": values.mean(),
                "std": values.std(),
                "mean_abs": np.abs(values).mean(),
                "norm": np.linalg.norm(values.ravel()),
                "share_near_zero": (np.abs(values) <= near_zero).mean(),
            }
        )
    return pd.DataFrame(rows)


def activation_statistics(model, x):
    """Describe what every layer of a model puts out for a batch, in inference mode.

    Parameters
    ----------
    model : keras.Model
        A Sequential model that has its input shape, or a functional one.
    x : ndarray or list or dict of ndarray
        One batch, as the model takes it; all outputs are held in memory at once.

    Returns
    -------
    pandas.DataFrame
        A row for each layer, in order of computation: ``layer``, ``mean``, ``std`` and
        ``share_zero``, the share of exact zeros, such as the units that a ReLU cuts off. A nested
        model is one layer; several outputs of a layer are told apart as ``name[0]``, ``name[1]``.

    Raises
    ------
    TypeError
        If the model is subclassed, or a Sequential one without its input shape.
    """
    import keras
    import pandas as pd

    if getattr(model, "inputs", None) is None:
        raise TypeError(
            f"{type(model).__name__} {model.name} has no graph of layers to look into: it is "
            "subclassed, or a Sequential model that does not know its input shape. Build it with "
            "keras.Sequential or keras.Model(inputs, outputs), starting from a keras.Input."
        )
    names, outputs = [], []

    def record(layer, *args, **kwargs):
        result = layer(*args, **kwargs)
        if isinstance(layer, keras.layers.Layer):
            parts = keras.tree.flatten(result)
            several = len(parts) > 1
            names.extend(layer.name + f"[{i}]" * several for i in range(len(parts)))
            outputs.extend(parts)
        return result

    # The same layers, called once more: the `output` of a nested functional model belongs to its
    # own graph, so that it could not be had from this one.
    again = keras.models.clone_model(
        keras.Model(model.inputs, model.outputs),
        clone_function=lambda layer: layer,
        call_function=record,
    )
    values = keras.Model(again.inputs, outputs)(keras.tree.flatten(x), training=False)
    rows = []
    for name, value in zip(_numbered(names), keras.tree.flatten(values), strict=True):
        value = np.asarray(value).astype(float)
        rows.append(
            {
                "layer": name,
                "mean": value.mean(),
                "std": value.std(),
                "share_zero": (value == 0).mean(),
            }
        )
    return pd.DataFrame(rows)


def gradient_statistics(model, x, y):
    """Describe the gradient of a model's loss, penalties included, for one batch.

    Parameters
    ----------
    model : keras.Model
        A compiled model; it runs in inference mode, without dropout.
    x, y : ndarray
        One batch, as the model and its loss take it.

    Returns
    -------
    pandas.DataFrame
        A row for each trainable weight array, in order of the layers: ``layer``, which is its path
        in the model, and ``mean_abs``, ``std`` and the L2 ``norm`` of its gradient.

    Raises
    ------
    ValueError
        If the model is not compiled, and so has no loss.
    """
    import keras
    import pandas as pd
    import tensorflow as tf

    if not model.compiled:
        raise ValueError(f"{model.name} is not compiled, so it has no loss; call model.compile.")
    with tf.GradientTape() as tape:
        outputs = model(x, training=False)
        loss = model.compute_loss(x, keras.ops.convert_to_tensor(y), outputs)
    gradients = tape.gradient(loss, model.trainable_weights)
    paths = _numbered(w.path.removeprefix(f"{model.name}/") for w in model.trainable_weights)
    rows = []
    for path, gradient in zip(paths, gradients, strict=True):
        values = np.asarray(gradient).astype(float)
        rows.append(
            {
                "layer": path,
                "mean_abs": np.abs(values).mean(),
                "std": values.std(),
                "norm": np.linalg.norm(values.ravel()),
            }
        )
    return pd.DataFrame(rows)


def _numbered(names):
    """Tell equal names apart: a, b, a (2)."""
    seen = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} ({seen[name]})"
