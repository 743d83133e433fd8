"""Right and wrong answers to the exercise mixup."""

import numpy as np

from tests.answers import accepted, refused


def mix(x, y, lam, order):
    share = lam.reshape(-1, 1, 1, 1)
    return share * x + (1 - share) * x[order], lam[:, None] * y + (1 - lam[:, None]) * y[order]


@accepted("einsum")
def mixup(x, y, lam, order):
    both = ((array, array[order]) for array in (x, y))
    return [
        np.einsum("n,n...->n...", lam, own) + np.einsum("n,n...->n...", 1 - lam, other)
        for own, other in both
    ]


@accepted("image by image, lists")
def mixup(x, y, lam, order):
    images = [a * x[i] + (1 - a) * x[j] for i, (a, j) in enumerate(zip(lam, order, strict=True))]
    labels = [a * y[i] + (1 - a) * y[j] for i, (a, j) in enumerate(zip(lam, order, strict=True))]
    return np.stack(images).tolist(), np.stack(labels).tolist()


@accepted("Keras, float32")
def mixup(x, y, lam, order):
    from keras import ops

    share = ops.reshape(ops.cast(lam, "float32"), (-1, 1, 1, 1))
    x, y = ops.cast(x, "float32"), ops.cast(y, "float32")
    return (
        share * x + (1 - share) * ops.take(x, order, axis=0),
        share[:, :, 0, 0] * y + (1 - share[:, :, 0, 0]) * ops.take(y, order, axis=0),
    )


@accepted("in place, from the partner")
def mixup(x, y, lam, order):
    for array in (x, y):
        partner, share = array[order], lam.reshape(-1, *[1] * (array.ndim - 1))
        array -= partner
        array *= share
        array += partner
    return x, y


@accepted("as a matrix")
def mixup(x, y, lam, order):
    shares = np.diag(lam) + (1 - lam)[:, None] * np.eye(len(x))[order]
    return np.tensordot(shares, x, 1), shares @ y


@refused(
    "other labels", says="for the images as for the labels", earned=1, misconception="other partner"
)
def mixup(x, y, lam, order):
    return mix(x, y, lam, order)[0], mix(x, y, lam, np.argsort(order))[1]


@refused("lambda along the width", says="ValueError")
def mixup(x, y, lam, order):
    return lam * x + (1 - lam) * x[order], lam * y + (1 - lam) * y[order]


@refused("images only", says="two values, the images and the labels")
def mixup(x, y, lam, order):
    return mix(x, y, lam, order)[0]


@refused("other images", says="order[i]", earned=2, misconception="other partner")
def mixup(x, y, lam, order):
    return mix(x, y, lam, np.argsort(order))[0], mix(x, y, lam, order)[1]


@refused("partners mixed already", says="in place", misconception="partner changed")
def mixup(x, y, lam, order):
    for array in (x, y):
        array *= lam.reshape(-1, *[1] * (array.ndim - 1))
        array += (1 - lam).reshape(-1, *[1] * (array.ndim - 1)) * array[order]
    return x, y


@refused("lambda drawn anew", says="lam times each plus")
def mixup(x, y, lam, order):
    lam = np.random.default_rng().beta(0.4, 0.4, len(x))
    return mix(x, y, lam, order)


@refused("partners first", says="share of the image itself", misconception="lambda swapped")
def mixup(x, y, lam, order):
    return mix(x[order], y[order], lam, np.argsort(order))


@refused("sorted by lambda", says="lam times each plus")
def mixup(x, y, lam, order):
    lam = np.sort(lam)
    return mix(x, y, lam, order)


@refused("labels as class numbers", says="expected an array of shape (7, 4)", earned=1)
def mixup(x, y, lam, order):
    images, labels = mix(x, y, lam, order)
    return images, labels.argmax(axis=1)


@refused("divided by lambda", says="For three images, with lam 0 and 1", earned=2)
def mixup(x, y, lam, order):
    images, labels = mix(x, y, lam, order)
    share = lam.reshape(-1, 1)
    return images, (labels / share) * share


@refused("squeezed", says="For three images", earned=2)
def mixup(x, y, lam, order):
    images, labels = mix(x, y, lam, order)
    return images.squeeze(), labels
