"""Right and wrong answers to the exercise triple_with_noise."""

import numpy as np

from tests.answers import accepted, refused


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


@refused("copies only", says="points themselves are missing", misconception="originals left out")
def triple_with_noise(x, y, noise):
    return np.concatenate([x + noise[0], x + noise[1]]), np.concatenate([y, y])


@refused("one copy", says="one copy of each point", misconception="one copy only")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, x + noise[0]]), np.concatenate([y, y])


@refused("the same copy twice", says="Both copies", earned=1, misconception="same copy twice")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, x + noise[0], x + noise[0]]), np.concatenate([y, y, y])


@refused("labels noisy too", says="only the inputs", earned=2, misconception="labels moved")
def triple_with_noise(x, y, noise):
    labels = np.concatenate([y, y + noise[0, :, 0], y + noise[1, :, 0]])
    return np.concatenate([x, x + noise[0], x + noise[1]]), labels


@refused(
    "labels repeated otherwise", says="repeat both alike", earned=2, misconception="labels apart"
)
def triple_with_noise(x, y, noise):
    return np.concatenate([x, x + noise[0], x + noise[1]]), np.repeat(y, 3)


@refused("copies of copies", says="as it is", earned=1, misconception="noise on originals")
def triple_with_noise(x, y, noise):
    x = x + noise[0]
    return np.concatenate([x, x + noise[0], x + noise[1]]), np.concatenate([y, y, y])


@refused("no noise", says="The copies are exact", earned=1, misconception="no noise")
def triple_with_noise(x, y, noise):
    return np.repeat(x, 3, axis=0), np.repeat(y, 3)


@refused("multiplied", says="to be added", earned=1, misconception="noise multiplied")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, x * noise[0], x * noise[1]]), np.concatenate([y, y, y])


@refused("wider, not longer", says="Expected inputs of shape")
def triple_with_noise(x, y, noise):
    return np.hstack([x, x + noise[0], x + noise[1]]), y


@refused("inputs only", says="two values, the inputs and the labels")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, x + noise[0], x + noise[1]])


@refused("nothing", says="nothing (None)")
def triple_with_noise(x, y, noise):
    np.concatenate([x, x + noise[0], x + noise[1]])


@refused("noise added up", says="does += change x?", earned=1, misconception="noise added up")
def triple_with_noise(x, y, noise):
    parts = [x.copy()]
    for draw in noise:
        x += draw
        parts.append(x.copy())
    return np.concatenate(parts), np.tile(y, 3)


@refused("noise of its own", says="its two draws in `noise`", earned=1)
def triple_with_noise(x, y, noise):
    noise = np.random.default_rng().normal(size=noise.shape)
    return np.concatenate([x, *(x + noise)]), np.tile(y, 3)


@refused("subtracted", says="not subtracted", earned=1, misconception="noise subtracted")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, x - noise[0], x - noise[1]]), np.tile(y, 3)


@refused("one draw for all features", says="its two draws in `noise`", earned=2)
def triple_with_noise(x, y, noise):
    return np.concatenate([x, *(x + noise[:, :, :1])]), np.tile(y, 3)


@refused("labels as a row", says="labels of shape (12,)")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, *(x + noise)]), np.tile(y, 3)[None, :]


@refused("labels for the points only", says="an array of shape (4,)")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, *(x + noise)]), y


@refused("labels backwards", says="is missing", earned=2, misconception="labels apart")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, *(x + noise)]), np.tile(y, 3)[::-1]


@refused("squeezed", says="returned an array of shape (12,)")
def triple_with_noise(x, y, noise):
    return np.concatenate([x, *(x + noise)]).squeeze(), np.tile(y, 3)


@refused("zeros", says="only the inputs get noise", misconception="noise on originals")
def triple_with_noise(x, y, noise):
    return np.zeros((3 * len(x), x.shape[1])), np.zeros(3 * len(x))


@refused("a block for each copy", says="Expected inputs of shape")
def triple_with_noise(x, y, noise):
    return np.stack([x, *(x + noise)]), np.stack([y, y, y])


@refused("empty", says="Expected inputs of shape")
def triple_with_noise(x, y, noise):
    return [], []


@refused("rows of different lengths", says="Expected inputs of shape")
def triple_with_noise(x, y, noise):
    return [[1.0, 2.0], [3.0]], y


@refused("two numbers", says="Expected inputs of shape")
def triple_with_noise(x, y, noise):
    return x.mean(), y.mean()
