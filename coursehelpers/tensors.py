"""Arrays in, tensors out: what the compiled training loop needs of a data set."""

import keras
import numpy as np
import tensorflow as tf


def tensors(parts):
    """Convert the three parts of a data set to tensors; an empty part becomes None."""
    if not isinstance(parts, tuple | list) or len(parts) != 3:
        raise TypeError(
            "data must be three parts, train, validation and test, each (x, y) or None, "
            f"got {type(parts).__name__}."
        )
    named = zip(("train", "validation", "test"), parts, strict=True)
    train, validation, test = (_part(name, part) for name, part in named)
    if train is None:
        raise ValueError("data has no training examples.")
    return train, validation, test


def _part(name, part):
    if part is None:
        return None
    if not isinstance(part, tuple | list) or len(part) not in (2, 3):
        raise TypeError(
            f"The {name} data must be (x, y) or (x, y, sample_weight) of arrays, "
            f"got {type(part).__name__}."
        )
    part = tf.nest.map_structure(lambda array: _tensor(name, array), tuple(part))
    sizes = [array.shape[0] for array in tf.nest.flatten(part)]
    if len(set(sizes)) > 1:
        raise ValueError(f"The arrays of the {name} data differ in length: {sizes}.")
    return part if sizes[0] else None


def _tensor(name, array):
    array = np.asarray(array)
    if array.ndim == 0 or array.dtype == object:
        raise TypeError(
            f"The {name} data must be arrays with one entry per example, got dtype "
            f"{array.dtype} and shape {array.shape}. Make NumPy arrays of lists and data sets first."
        )
    if array.dtype.kind == "f":  # as fit does
        array = array.astype(keras.config.floatx())
    return tf.constant(array)


def weigh(y, class_weight):
    y = y.numpy()
    labels = y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y))
    weights = [class_weight.get(int(label), 1.0) for label in labels.round()]
    return tf.constant(weights, keras.config.floatx())


def gather(part, chosen):
    return tf.nest.map_structure(lambda array: tf.gather(array, chosen), part)


def cut(part, start, stop):
    return tf.nest.map_structure(lambda array: array[start:stop], part)


def signature_of(part):
    return tf.nest.map_structure(
        lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), part
    )


def symbolic(part):
    return tf.nest.map_structure(
        lambda array: keras.KerasTensor((None, *array.shape[1:]), array.dtype.name), part
    )
