"""Right and wrong answers to the exercise l1_penalty."""

import numpy as np

from tests.answers import accepted, refused


@accepted("NumPy")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(np.abs(w)) for w in weights)


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


@refused("no m", says="Divide by the number of training examples", misconception="forgot m")
def l1_penalty(weights, lambda_, m):
    return lambda_ * sum(np.sum(np.abs(w)) for w in weights)


@refused("m twice", says="Divide by m only once", misconception="divided by m twice")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m**2 * sum(np.sum(np.abs(w)) for w in weights)


@refused("wrong order of operations", says="mind the order", misconception="multiplied by m")
def l1_penalty(weights, lambda_, m):
    return lambda_ / 1 * m * sum(np.sum(np.abs(w)) for w in weights)


@refused("2m", says="leave out the factor 1/2", misconception="halved")
def l1_penalty(weights, lambda_, m):
    return lambda_ / (2 * m) * sum(np.sum(np.abs(w)) for w in weights)


@refused("no lambda", says="The factor lambda is missing", misconception="forgot lambda")
def l1_penalty(weights, lambda_, m):
    return sum(np.sum(np.abs(w)) for w in weights) / m


@refused("mean of each array", says="not a mean", misconception="mean, not sum")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.mean(np.abs(w)) for w in weights)


@refused(
    "no absolute value", says="Positive and negative weights cancel", misconception="signed sum"
)
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w) for w in weights)


@refused(
    "absolute value of each sum", says="not the sum afterwards", misconception="measured the sum"
)
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(abs(np.sum(w)) for w in weights)


@refused("squares", says="this is the other penalty", misconception="other penalty")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2) for w in weights)


@refused("Euclidean norm", says="without taking a root", misconception="norm")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.linalg.norm(w) for w in weights)


@refused("norm of a matrix", says="a largest column sum", misconception="matrix norm")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.linalg.norm(w, 1) for w in weights)


@refused("first array only", says="Only one array", earned=1, misconception="one array only")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * np.sum(np.abs(weights[0]))


@refused("overwrote the total", says="Only one array", earned=1, misconception="one array only")
def l1_penalty(weights, lambda_, m):
    for w in weights:
        total = np.abs(w).sum()
    return lambda_ / m * total


@refused("left out the biases", says="every array counts", earned=1, misconception="matrices only")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(np.abs(w)) for w in weights if w.ndim > 1)


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


@refused("mean over the arrays", says="not a mean", earned=1, misconception="mean, not sum")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * np.mean([np.sum(np.abs(w)) for w in weights])


@refused("divides by weights", says="with zeros: The penalty should be lambda / m times")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2 / np.abs(w)) for w in weights)


@refused("positive weights only", says="sum of the absolute values of the weights")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(np.maximum(w, 0)) for w in weights)


@refused("number of non-zero weights", says="sum of the absolute values of the weights")
def l1_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.count_nonzero(w) for w in weights)
