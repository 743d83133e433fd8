"""Part 3 of the data augmentation notebook: how far it goes."""

from functools import partial

import numpy as np

from coursehelpers.checks.formula import Case, formula

formula = partial(formula, notebook="data_augmentation")


def _images(rng):
    n, classes = 7, 4
    x = rng.uniform(size=(n, 5, 3, 2))
    y = np.eye(classes)[np.arange(n) % classes]  # nobody has the label of the partner
    lam = np.where(rng.permutation(n) % 2, rng.uniform(0.1, 0.4, n), rng.uniform(0.6, 0.9, n))
    order = np.roll(np.arange(n), 2)  # no partner is next to anyone, nor has them as its own
    yield Case("", (x, y, lam, order), points=(1, 2))
    # One lam between them: with 0 and 1 alone one mistake looks like another.
    lam = np.append(rng.uniform(0.1, 0.4), rng.permutation(2))
    x, y = rng.uniform(size=(3, 3, 3, 1)), rng.dirichlet(np.ones(classes), size=3)
    x, y, lam = (array.astype("float32") for array in (x, y, lam))
    several, alone = (x, y, lam, np.array([1, 2, 0])), (x[:1], y[:1], lam[:1], np.array([0]))
    yield Case("For three images, with lam 0 and 1 among them", several, points=0)
    yield Case("For a single image, which is its own partner", alone, points=0)


@formula(
    "3.2 Mixing images and labels",
    points=3,
    cases=_images,
    hints=[
        "x[order] are the partners of x, and y[order] their labels.",
        "lam has one entry for each image; reshape it to (n, 1, 1, 1) to multiply with x.",
        "The share of the image itself is lam, that of its partner 1 - lam.",
    ],
    returns="the images and the labels",
    parts=[("", "Expected lam times each plus 1 - lam times its partner.")] * 2,
    rtol=1e-3,
    mistakes="""
images not mixed | return x, y_mixed | The images have to be mixed like their labels.
images not mixed | = lam -> = np.round(lam)
labels not mixed | return x_mixed, y | The labels have to be mixed like the images.
labels not mixed | lam[ -> np.round(lam)[
lambda swapped | = lam. -> = (lam := 1 - lam). | lam is the share of the image itself, 1 - lam that of the other one.
larger share | = lam. -> = (lam := np.maximum(lam, 1 - lam)). | lam may be below 0.5; then the partner has the larger share.
partner changed | * x[order] -> * (share * x)[order]; * y[order] -> * (lam[:, None] * y)[order] | The partner was mixed already; does your code change x or y in place?
partner changed | x_mixed = share * x + (1 - share) * x[order] -> for i, j in enumerate(order): x[i], y[i] = lam[i] * x[i] + (1 - lam[i]) * x[j], lam[i] * y[i] + (1 - lam[i]) * y[j]; return x, y
half and half | = lam. -> = (lam := 0 * lam + 0.5). | The shares are lam and 1 - lam, not one half each.
one lambda | = lam. -> = (lam := lam[:1]). | Each example has its own entry of lam.
one lambda | = lam. -> = (lam := lam.mean(keepdims=True)).
not normalized | (1 - share) * -> ; (1 - lam[:, None]) * -> | The shares have to add up to 1: lam and 1 - lam.
not normalized | return x + x[order], y + y[order]
other partner | [order] -> [np.argsort(order)] | The partner of i is order[i], for the images as for the labels.
other partner | [order] -> [::-1]
other partner | [order] -> [np.arange(len(x)) - 1]
""",
)
def mixup(x, y, lam, order):
    """Mix every image and its label with those of its partner."""
    share = lam.reshape(-1, 1, 1, 1)
    x_mixed = share * x + (1 - share) * x[order]
    y_mixed = lam[:, None] * y + (1 - lam[:, None]) * y[order]
    return x_mixed, y_mixed
