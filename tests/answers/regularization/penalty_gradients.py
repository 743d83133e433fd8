"""Right and wrong answers to the exercise penalty_gradients."""

import numpy as np

from tests.answers import accepted, refused


@accepted("comparisons, in float32, a list")
def penalty_gradients(w, lambda_, m):
    w = w.astype("float32")
    return [w * np.float32(2 * lambda_ / m), ((w > 0).astype("float32") - (w < 0)) * lambda_ / m]


@accepted("loops")
def penalty_gradients(w, lambda_, m):
    l2, l1 = [[] for _ in w], [[] for _ in w]
    for i, row in enumerate(w):
        for weight in row:
            l2[i].append(lambda_ * 2 * weight / m)
            l1[i].append(0 if weight == 0 else lambda_ / m * weight / abs(weight))
    return l2, l1


@accepted("automatic differentiation")
def penalty_gradients(w, lambda_, m):
    import tensorflow as tf

    w = tf.Variable(w)
    with tf.GradientTape(persistent=True) as tape:
        l2, l1 = lambda_ / m * tf.reduce_sum(w**2), lambda_ / m * tf.reduce_sum(abs(w))
    return tape.gradient(l2, w).numpy(), tape.gradient(l1, w).numpy()


@refused("divides by zero", says="where w / |w| is no number", earned=2)
def penalty_gradients(w, lambda_, m):
    return 2 * lambda_ / m * w, lambda_ / m * w / np.abs(w)


@refused("summed up", says="expected an array of shape (3, 2)")
def penalty_gradients(w, lambda_, m):
    return np.sum(2 * lambda_ / m * w), np.sum(lambda_ / m * np.sign(w))


@refused("one gradient", says="Return two values")
def penalty_gradients(w, lambda_, m):
    return 2 * lambda_ / m * w


@accepted("a copy, filled by masks")
def penalty_gradients(w, lambda_, m):
    l1 = np.zeros(w.shape)
    l1[w > 0], l1[w < 0] = lambda_ / m, -lambda_ / m
    return lambda_ * (w + w) / m, l1


@accepted("|w| with a small number added, one array")
def penalty_gradients(w, lambda_, m):
    return lambda_ / m * np.stack([2 * w, w / (np.abs(w) + 1e-8)])


@refused("L2 divides by zero", says="in the gradient of L2", earned=2)
def penalty_gradients(w, lambda_, m):
    return 2 * lambda_ / m * w**2 / w, lambda_ / m * np.sign(w)


@refused("zero near zero", says="entry [0, 2] is 0, expected", earned=2)
def penalty_gradients(w, lambda_, m):
    return 2 * lambda_ / m * w, lambda_ / m * np.sign(np.round(w, 1))


@refused("order exchanged", says="the other penalty", misconception="penalties swapped")
def penalty_gradients(w, lambda_, m):
    l1, l2 = lambda_ / m * np.sign(w), 2 * lambda_ / m * w
    return l1, l2


@refused("mean of the weights", says="lambda / m times the sum of the squares")
def penalty_gradients(w, lambda_, m):
    return 2 * lambda_ / m * w / w.size, lambda_ / m * np.sign(w) / w.size


@refused("the sum of both", says="Return two values")
def penalty_gradients(w, lambda_, m):
    return lambda_ / m * (2 * w + np.sign(w))
