"""Right and wrong answers to the exercise l2_penalty."""

import numpy as np

from tests.answers import accepted, refused


@accepted("NumPy")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2) for w in weights)


@accepted("plain Python loop")
def l2_penalty(weights, lambda_, m):
    total = 0.0
    for w in weights:
        for value in w.ravel().tolist():
            total += value * value
    return lambda_ * total / m


@accepted("float32 with Keras ops")
def l2_penalty(weights, lambda_, m):
    from keras import ops

    squares = [ops.sum(ops.square(ops.convert_to_tensor(w, "float32"))) for w in weights]
    return ops.sum(ops.stack(squares)) * (lambda_ / m)


@accepted("one long vector, result in an array of one entry")
def l2_penalty(weights, lambda_, m):
    flat = np.concatenate([w.ravel() for w in weights])[None]
    return lambda_ / m * (flat @ flat.T)


@accepted("squared norms")
def l2_penalty(weights, lambda_, m):
    return sum(lambda_ * np.linalg.norm(w) ** 2 for w in weights) / m


@refused("no m", says="Divide by the number of training examples", misconception="forgot m")
def l2_penalty(weights, lambda_, m):
    return lambda_ * sum(np.sum(w**2) for w in weights)


@refused("m twice", says="Divide by m only once", misconception="divided by m twice")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2) / m for w in weights)


@refused("times m", says="instead of multiplying", misconception="multiplied by m")
def l2_penalty(weights, lambda_, m):
    return lambda_ * m * sum(np.sum(w**2) for w in weights)


@refused("2m", says="leave out the factor 1/2", misconception="halved")
def l2_penalty(weights, lambda_, m):
    return lambda_ / (2 * m) * sum(np.sum(w**2) for w in weights)


@refused("no lambda", says="The factor lambda is missing", misconception="forgot lambda")
def l2_penalty(weights, lambda_, m):
    return sum(np.sum(w**2) for w in weights) / m


@refused("mean of each array", says="not a mean", misconception="mean, not sum")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.mean(w**2) for w in weights)


@refused("mean of all weights", says="not a mean", misconception="mean, not sum")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * np.mean(np.concatenate([w.ravel() for w in weights]) ** 2)


@refused(
    "forgot to square", says="Positive and negative weights cancel", misconception="signed sum"
)
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w) for w in weights)


@refused("squared the sum", says="not the sum afterwards", misconception="measured the sum")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w) for w in weights) ** 2


@refused("squared each sum", says="not the sum afterwards", misconception="measured the sum")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w) ** 2 for w in weights)


@refused("absolute values", says="this is the other penalty", misconception="other penalty")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(np.abs(w)) for w in weights)


@refused("norm of each array", says="without taking a root", misconception="norm")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.linalg.norm(w) for w in weights)


@refused("norm of all weights", says="without taking a root", misconception="norm")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * np.sqrt(sum(np.sum(w**2) for w in weights))


@refused(
    "returned inside the loop", says="Only one array", earned=1, misconception="one array only"
)
def l2_penalty(weights, lambda_, m):
    total = 0
    for w in weights:
        total += np.sum(w**2)
        return lambda_ / m * total


@refused("overwrote the total", says="Only one array", earned=1, misconception="one array only")
def l2_penalty(weights, lambda_, m):
    for w in weights:
        total = np.sum(w**2)
    return lambda_ / m * total


@refused("left out the biases", says="every array counts", earned=1, misconception="matrices only")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2) for w in weights if w.ndim > 1)


@refused("summed over one axis", says="expected one number")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * sum(np.sum(w**2, axis=0) for w in weights)


@refused("returns a text", says="Your answer is a text, expected one number")
def l2_penalty(weights, lambda_, m):
    return str(lambda_ / m * sum(np.sum(w**2) for w in weights))


@refused("prints instead of returning", says="Your function returned nothing; is there a `return`?")
def l2_penalty(weights, lambda_, m):
    print(lambda_ / m * sum(np.sum(w**2) for w in weights))


@refused("the list as one array", says="Your code raised TypeError", earned=0)
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * np.sum(weights**2)


@accepted("einsum, array by array")
def l2_penalty(weights, lambda_, m):
    return sum(lambda_ * np.einsum("i,i", w.ravel(), w.ravel()) / m for w in weights)


@accepted("a Keras regularizer")
def l2_penalty(weights, lambda_, m):
    import keras

    return float(sum(map(keras.regularizers.L2(lambda_ / m), weights)))


@refused("mean over the arrays", says="not a mean", earned=1, misconception="mean, not sum")
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * np.mean([np.sum(w**2) for w in weights])


@refused("number of weights for m", says="not a mean", misconception="mean, not sum")
def l2_penalty(weights, lambda_, m):
    count = sum(w.size for w in weights)
    return lambda_ / m * sum(np.sum(w**2) for w in weights) / count


@refused("number of weights in place of m", says="should be lambda / m times the sum")
def l2_penalty(weights, lambda_, m):
    m = sum(w.size for w in weights)
    return lambda_ / m * sum(np.sum(w**2) for w in weights)


@refused("lambda squared as well", says="should be lambda / m times the sum")
def l2_penalty(weights, lambda_, m):
    return sum(np.sum((lambda_ * w) ** 2) for w in weights) / m


@refused("loops of matrices", says="one of them all zero: Your code raised TypeError", earned=1)
def l2_penalty(weights, lambda_, m):
    total = 0
    for w in weights:
        for row in w:
            for value in row:
                total += value**2
    return lambda_ / m * total


@refused("stacked", says="one of them all zero: Your code raised ValueError", earned=1)
def l2_penalty(weights, lambda_, m):
    return lambda_ / m * np.sum(np.stack(weights) ** 2)
