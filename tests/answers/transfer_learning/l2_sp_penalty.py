"""Right and wrong answers to the exercise l2_sp_penalty."""

import numpy as np

from tests.answers import accepted, refused


def distances(weights, pretrained, of=lambda difference: np.sum(difference**2)):
    return [of(w - w0) for w, w0 in zip(weights, pretrained, strict=True)]


@accepted("as in the formula")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(distances(weights, pretrained))


@accepted("loop")
def l2_sp_penalty(weights, pretrained, lambda_):
    total = 0
    for i in range(len(weights)):
        total += np.linalg.norm((weights[i] - pretrained[i]).ravel()) ** 2
    return total * lambda_


@accepted("one long vector")
def l2_sp_penalty(weights, pretrained, lambda_):
    w, w0 = (np.concatenate([a.ravel() for a in arrays]) for arrays in (weights, pretrained))
    return lambda_ * ((w - w0) @ (w - w0))


@accepted("Keras, float32")
def l2_sp_penalty(weights, pretrained, lambda_):
    from keras import ops

    pairs = zip(weights, pretrained, strict=True)
    return lambda_ * sum(ops.sum(ops.square(ops.cast(w - w0, "float32"))) for w, w0 in pairs)


@accepted("multiplied out")
def l2_sp_penalty(weights, pretrained, lambda_):
    pairs = zip(weights, pretrained, strict=True)
    return lambda_ * sum(np.sum(w**2 - 2 * w * w0 + w0**2) for w, w0 in pairs)


@refused("plain L2", says="pulls the weights to zero", misconception="pulled to zero")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(np.sum(w**2) for w in weights)


@refused(
    "squares first", says="First the difference", earned=1, misconception="difference of squares"
)
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(
        np.sum(w**2) - np.sum(w0**2) for w, w0 in zip(weights, pretrained, strict=True)
    )


@refused("sum first", says="First the squares", earned=1, misconception="square of the sum")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(distances(weights, pretrained, of=lambda d: np.sum(d) ** 2))


@refused("norms", says="have no root", earned=1, misconception="root")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(distances(weights, pretrained, of=lambda d: np.sqrt(np.sum(d**2))))


@refused("L1", says="not with their absolute values", earned=1, misconception="absolute values")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(distances(weights, pretrained, of=lambda d: np.sum(np.abs(d))))


@refused("means", says="are to be added up", earned=1, misconception="mean")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(distances(weights, pretrained, of=lambda d: np.mean(d**2)))


@refused("no lambda", says="have its lambda", earned=1, misconception="forgot lambda")
def l2_sp_penalty(weights, pretrained, lambda_):
    return sum(distances(weights, pretrained))


@refused("halved", says="1/2 in the formula", earned=1, misconception="halved")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ / 2 * sum(distances(weights, pretrained))


@refused("kernels only", says="biases too", earned=2, misconception="some arrays only")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(
        np.sum((w - w0) ** 2) for w, w0 in zip(weights, pretrained, strict=True) if w.ndim > 1
    )


@refused("first array only", says="Some of the arrays", earned=2, misconception="some arrays only")
def l2_sp_penalty(weights, pretrained, lambda_):
    for distance in distances(weights, pretrained):
        return lambda_ * distance


@refused("subtracted", says="wrong sign", earned=1, misconception="wrong sign")
def l2_sp_penalty(weights, pretrained, lambda_):
    return -lambda_ * sum(distances(weights, pretrained))


@refused("lists subtracted", says="raised TypeError")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * np.sum((weights - pretrained) ** 2)


@refused("one number for each array", says="expected one number")
def l2_sp_penalty(weights, pretrained, lambda_):
    return [lambda_ * distance for distance in [*distances(weights, pretrained), 0.0]]


@refused("returns nothing", says="is there a `return`?")
def l2_sp_penalty(weights, pretrained, lambda_):
    sum(distances(weights, pretrained))


@accepted("recursion")
def l2_sp_penalty(weights, pretrained, lambda_):
    def distance(pairs):
        if not pairs:
            return 0.0
        (w, w0), *rest = pairs
        return float(np.square(np.subtract(w, w0)).sum()) + distance(rest)

    return lambda_ * distance(list(zip(weights, pretrained, strict=True)))


@accepted("TensorFlow's own half of it")
def l2_sp_penalty(weights, pretrained, lambda_):
    import tensorflow as tf

    halves = [tf.nn.l2_loss(w - w0) for w, w0 in zip(weights, pretrained, strict=True)]
    return 2.0 * lambda_ * float(tf.add_n([tf.cast(half, "float64") for half in halves]))


@refused("half of it by TensorFlow", says="half of the right", earned=1, misconception="halved")
def l2_sp_penalty(weights, pretrained, lambda_):
    import tensorflow as tf

    return lambda_ * sum(
        float(tf.nn.l2_loss(w - w0)) for w, w0 in zip(weights, pretrained, strict=True)
    )


@refused(
    "the last array only", says="Some of the arrays", earned=2, misconception="some arrays only"
)
def l2_sp_penalty(weights, pretrained, lambda_):
    for w, w0 in zip(weights, pretrained, strict=True):
        total = np.sum((w - w0) ** 2)
    return lambda_ * total


@refused("lambda squared", says="without a square", earned=1, misconception="lambda squared")
def l2_sp_penalty(weights, pretrained, lambda_):
    return sum(np.sum((lambda_ * (w - w0)) ** 2) for w, w0 in zip(weights, pretrained, strict=True))


@refused("both penalties", says="The penalty should be", misconception="pulled to zero")
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * (sum(distances(weights, pretrained)) + sum(np.sum(w**2) for w in weights))


@refused("of each array a number", says="a list of 1 entries")
def l2_sp_penalty(weights, pretrained, lambda_):
    return [[lambda_ * distance] * 2 for distance in distances(weights, pretrained)]


@refused("relative to the pre-trained", says="The penalty should be lambda times", earned=1)
def l2_sp_penalty(weights, pretrained, lambda_):
    return lambda_ * sum(
        np.sum((w - w0) ** 2) / np.sum(w0**2) for w, w0 in zip(weights, pretrained, strict=True)
    )


@refused("the gradient", says="an array of shape (4, 3), expected one number")
def l2_sp_penalty(weights, pretrained, lambda_):
    return 2 * lambda_ * (weights[0] - pretrained[0])
