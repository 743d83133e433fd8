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


@refused("not scaled", says="expectation shrinks", earned=1, misconception="not scaled")
def inverted_dropout(x, rate, uniform):
    return np.where(uniform >= rate, x, 0)


@refused("scaled as in use", says="divide by 1 - rate", earned=1, misconception="scaled down")
def inverted_dropout(x, rate, uniform):
    return np.where(uniform >= rate, x * (1 - rate), 0)


@refused("divided by the rate", says="not by the share", misconception="scaled by the rate")
def inverted_dropout(x, rate, uniform):
    if rate == 0:
        return np.zeros_like(x)
    return np.where(uniform >= rate, x / rate, 0)


@refused("multiplied by the rate", says="not by the share", misconception="scaled by the rate")
def inverted_dropout(x, rate, uniform):
    return np.where(uniform >= rate, x * rate, 0)


@refused("keeps what should go", says="what should be dropped", misconception="kept the others")
def inverted_dropout(x, rate, uniform):
    return np.where(uniform < rate, x / (1 - rate), 0)


@refused("rate is the share kept", says="what should be dropped", misconception="kept the others")
def inverted_dropout(x, rate, uniform):
    return np.where(uniform < rate, x, 0) / max(rate, 0.1)


@refused("only scaled", says="Nothing is dropped", earned=1, misconception="scaled everything")
def inverted_dropout(x, rate, uniform):
    return x / (1 - rate)


@refused("does nothing", says="Nothing is dropped", earned=1, misconception="scaled everything")
def inverted_dropout(x, rate, uniform):
    return x


@refused("draws by itself", says="should be 0, the others scaled", earned=1)
def inverted_dropout(x, rate, uniform):
    mask = np.random.default_rng(0).uniform(size=x.shape) >= rate
    return x * mask / (1 - rate)


@refused("the mask", says="should be 0, the others scaled")
def inverted_dropout(x, rate, uniform):
    return uniform >= rate


@refused("without what is dropped", says="expected an array of shape (6, 5)", earned=0)
def inverted_dropout(x, rate, uniform):
    return x[uniform >= rate + 0.01] / (1 - rate)
