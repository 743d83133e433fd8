"""Right and wrong answers to the exercise l2_sp_penalty."""

import numpy as np

from tests.answers import accepted, refused


def distances(weights, pretrained):
    return [np.sum((w - w0) ** 2) for w, w0 in zip(weights, pretrained, strict=True)]


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


@refused("first array only", says="Some of the arrays", earned=2, misconception="some arrays only")
def l2_sp_penalty(weights, pretrained, lambda_):
    for distance in distances(weights, pretrained):
        return lambda_ * distance


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
