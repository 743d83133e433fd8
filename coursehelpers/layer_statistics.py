"""What is inside a Keras model: its activations and gradients for a batch."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import keras
    import pandas as pd


def activation_statistics(model: "keras.Model", x: ArrayLike) -> "pd.DataFrame":
    """Describe what every layer of a model outputs for a batch, in inference mode.

    Parameters
    ----------
    model : keras.Model
        A Sequential model that has its input shape, or a functional one; without nested models or
        shared layers.
    x : ndarray
        One batch, as the model takes it; all outputs are held in memory at once.

    Returns
    -------
    pandas.DataFrame
        A row for each layer, in order of computation: ``layer``, ``mean``, ``std`` and
        ``share_zero``, the fraction of exact zeros, such as the units that a ReLU cuts off.
    """
    import keras
    import pandas as pd

    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    outputs = keras.Model(model.inputs, [layer.output for layer in layers])([x], training=False)
    rows = []
    for layer, output in zip(layers, keras.tree.flatten(outputs), strict=True):
        values = np.asarray(output).astype(float)
        rows.append(
            {
                "layer": layer.name,
                "mean": values.mean(),
                "std": values.std(),
                "share_zero": (values == 0).mean(),
            }
        )
    return pd.DataFrame(rows)


def gradient_statistics(model: "keras.Model", x: ArrayLike, y: ArrayLike) -> "pd.DataFrame":
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
    weights = model.trainable_weights
    rows = []
    for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        values = np.asarray(gradient).astype(float)
        rows.append(
            {
                "layer": weight.path.removeprefix(f"{model.name}/"),
                "mean_abs": np.abs(values).mean(),
                "std": values.std(),
                "norm": np.linalg.norm(values.ravel()),
            }
        )
    return pd.DataFrame(rows)
