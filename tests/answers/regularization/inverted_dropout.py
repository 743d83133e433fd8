"""Right and wrong answers to the exercise inverted_dropout."""

import numpy as np

from tests.answers import accepted, refused


@accepted("np.where")
def inverted_dropout(x, rate, uniform):
    return np.where(uniform >= rate, x / (1 - rate), 0)


@accepted("a mask, in float32")
def inverted_dropout(x, rate, uniform):
    mask = (uniform >= rate).astype("float32")
    return x.astype("float32") * mask / np.float32(1 - rate)


@accepted("in place")
def inverted_dropout(x, rate, uniform):
    x[uniform < rate] = 0
    x /= 1 - rate
    return x


@accepted("nested lists")
def inverted_dropout(x, rate, uniform):
    return [
        [a / (1 - rate) if u >= rate else 0.0 for a, u in zip(row, drawn, strict=True)]
        for row, drawn in zip(x.tolist(), uniform.tolist(), strict=True)
    ]


@refused("draws by itself", says="should be 0, the others scaled", earned=1)
def inverted_dropout(x, rate, uniform):
    mask = np.random.default_rng(0).uniform(size=x.shape) >= rate
    return x * mask / (1 - rate)


@refused("the mask", says="should be 0, the others scaled")
def inverted_dropout(x, rate, uniform):
    return uniform >= rate


@refused("without what is dropped", says="expected an array of shape (2, 5)", earned=0)
def inverted_dropout(x, rate, uniform):
    return x[uniform >= rate + 0.01] / (1 - rate)


@accepted("Keras ops, a tensor")
def inverted_dropout(x, rate, uniform):
    from keras import ops

    factor = ops.cast(ops.greater_equal(uniform, rate), "float32") / (1 - rate)
    return ops.multiply(ops.cast(x, "float32"), factor)


@accepted("a copy, by index")
def inverted_dropout(x, rate, uniform):
    dropped = np.zeros_like(x)
    for index in zip(*np.nonzero(~(uniform < rate)), strict=True):
        dropped[index] = x[index] / (1 - rate)
    return dropped


@refused("the mask, scaled", says="should be 0, the others scaled")
def inverted_dropout(x, rate, uniform):
    return (uniform >= rate) / (1 - rate)


@refused("dropped whole columns", says="should be 0, the others scaled", earned=1)
def inverted_dropout(x, rate, uniform):
    return x * (uniform[:1].min(axis=0) >= rate) / (1 - rate)


@refused("squeezed a batch of one", says="expected an array of shape (1, 10)")
def inverted_dropout(x, rate, uniform):
    return np.squeeze(np.where(uniform >= rate, x / (1 - rate), 0))


@refused("a table of factors", says="should be 0, the others scaled", earned=1)
def inverted_dropout(x, rate, uniform):
    return np.where(uniform >= rate, x * np.interp(rate, [0, 0.25, 0.75], [1, 4 / 3, 4]), 0)
