"""Right and wrong answers to the exercise l1_penalty."""

import numpy as np

from tests.answers import accepted, refused


@accepted("plain Python loop")
def l1_penalty(weights, lambda_, m):
    total = 0.0
    for w in weights:
        for value in w.flat:
            total += value if value > 0 else -value
    return float(total) * lambda_ / m


@accepted("float32 with Keras ops")
def l1_penalty(weights, lambda_, m):
    from keras import ops

    return sum(ops.sum(ops.abs(ops.cast(w, "float32"))) for w in weights) * lambda_ / m


@accepted("weights times their signs")
def l1_penalty(weights, lambda_, m):
    return np.float32(sum(np.vdot(w, np.sign(w)) for w in weights) * lambda_ / m)


@accepted("norm of one long vector")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * np.linalg.norm(np.concatenate([w.ravel() for w in weights]), 1)


@refused("overwrote the total", says="Only one array", earned=1, misconception="one array only")
def l1_penalty(weights, lambda_, m):
    for w in weights:
        total = np.abs(w).sum()
    return lambda_ / m * total


@refused("one penalty per array", says="Your answer is a list of", earned=1)
def l1_penalty(weights, lambda_, m):
    return [lambda_ / m * np.sum(np.abs(w)) for w in weights]


@refused("prints instead of returning", says="Your function returned nothing; is there a `return`?")
def l1_penalty(weights, lambda_, m):
    print(lambda_ / m * sum(np.sum(np.abs(w)) for w in weights))


@accepted("positive and negative parts")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(np.maximum(w, 0) - np.minimum(w, 0)) for w in weights)


@accepted("a Keras regularizer")
def l1_penalty(weights, lambda_, m):
    import keras

    return sum(keras.regularizers.L1(lambda_ / m)(w) for w in weights)


@accepted("roots of squares")
def l1_penalty(weights, lambda_, m):
    return sum(lambda_ * np.sqrt(w * w).sum() for w in weights) / m


@refused("divides by weights", says="with zeros: The penalty should be lambda / m times")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2 / np.abs(w)) for w in weights)


@refused("positive weights only", says="sum of the absolute values of the weights")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(np.maximum(w, 0)) for w in weights)


@refused("number of non-zero weights", says="sum of the absolute values of the weights")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.count_nonzero(w) for w in weights)
