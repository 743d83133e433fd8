"""Right and wrong answers to the exercise triple_with_noise."""

import numpy as np

from tests.answers import accepted, refused, refused_edits


@accepted("concatenate")
def triple_with_noise(x, y, noise):
    rows = [x]
    rows.extend(x + noise)
    return np.concatenate(rows), np.concatenate([y] * 3)


@accepted("point by point")
def triple_with_noise(x, y, noise):
    rows, labels = [], []
    for i in range(len(x)):
        rows += [x[i].tolist(), (x[i] + noise[0, i]).tolist(), (x[i] + noise[1, i]).tolist()]
        labels += [float(y[i])] * 3
    return rows, labels


@accepted("broadcasting, labels in a column, float32")
def triple_with_noise(x, y, noise):
    steps = np.concatenate([np.zeros_like(x)[None], noise])
    x = (x + steps).reshape(-1, x.shape[1]).astype("float32")
    return x, np.tile(y, 3).astype("float32")[:, None]


@accepted("copies first")
def triple_with_noise(x, y, noise):
    return np.vstack([x + noise[1], x + noise[0], x]), np.hstack([y, y, y])


@accepted("TensorFlow, in place")
def triple_with_noise(x, y, noise):
    import tensorflow as tf

    noise += x
    return tf.concat([x, noise[0], noise[1]], 0), tf.tile(y, [3])


@accepted("shuffled, half precision")
def triple_with_noise(x, y, noise):
    rows, labels = np.tile(x, (3, 1)), np.tile(y, 3)
    rows[len(x) :] += noise.reshape(-1, x.shape[1])
    order = np.random.default_rng().permutation(len(rows))
    return rows[order].astype("float16"), labels[order]


@refused("noise added up", says="does += change x?", earned=1, misconception="noise added up")
def triple_with_noise(x, y, noise):
    parts = [x.copy()]
    for draw in noise:
        x += draw
        parts.append(x.copy())
    return np.concatenate(parts), np.tile(y, 3)


refused_edits(
    "triple_with_noise",
    """
wider, not longer | 0 | return np.hstack([x, x + noise[0], x + noise[1]]), y | Expected inputs of shape
inputs only | 0 | return np.concatenate([x, x + noise[0], x + noise[1]]) | two values, the inputs and the labels
nothing | 0 | return np -> np | nothing (None)
noise of its own | 1 | x + noise[1] -> x + np.random.default_rng().normal(size=x.shape) | its two draws in `noise`
one draw for all features | 2 | noise[0] -> noise[0, :, :1] | its two draws in `noise`
labels as a row | 0 | [y, y, y]) -> [y, y, y])[None, :] | labels of shape (12,)
labels for the points only | 0 | np.concatenate([y, y, y]) -> y | an array of shape (4,)
squeezed | 0 | x + noise[1]]) -> x + noise[1]]).squeeze() | returned an array of shape (12,)
zeros | 0 | return np.zeros((3 * len(x), x.shape[1])), np.zeros(3 * len(x)) | only the inputs get noise | noise on originals
a block for each copy | 0 | concatenate -> stack | Expected inputs of shape
empty | 0 | return [], [] | Expected inputs of shape
rows of different lengths | 0 | return [[1.0, 2.0], [3.0]], y | Expected inputs of shape
two numbers | 0 | return x.mean(), y.mean() | Expected inputs of shape
""",
)
