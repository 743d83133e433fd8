"""Right and wrong answers to the exercise l2_penalty."""

import numpy as np

from tests.answers import accepted, refused


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
