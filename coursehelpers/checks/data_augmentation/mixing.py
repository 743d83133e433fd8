"""Part 3 of the data augmentation notebook: how far it goes."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from

exercise = partial(exercise, notebook="data_augmentation")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "labels not mixed": "The labels have to be mixed like the images.",
        "images not mixed": "The images have to be mixed like their labels.",
        "lambda swapped": "lam is the share of the image itself, 1 - lam that of the other one.",
        "one lambda": "Each example has its own entry of lam.",
        "other partner": "The partner of i is order[i], for the images as for the labels.",
        "partner changed": "The partner was mixed already; does your code change x or y in place?",
        "larger share": "lam may be below 0.5; then the partner has the larger share.",
        "not normalized": "The shares have to add up to 1: lam and 1 - lam.",
        "half and half": "The shares are lam and 1 - lam, not one half each.",
    }
)


@exercise(
    "mixup",
    section="3.2 Mixing images and labels",
    points=3,
    hints=[
        "x[order] are the partners of x, and y[order] their labels.",
        "lam has one entry for each image; reshape it to (n, 1, 1, 1) to multiply with x.",
        "The share of the image itself is lam, that of its partner 1 - lam.",
    ],
)
def mixup(answer, expect, rng):
    n, classes = 7, 4
    x = rng.uniform(size=(n, 5, 3, 2))
    y = np.eye(classes)[np.arange(n) % classes]  # nobody has the label of the partner
    lam = np.where(rng.permutation(n) % 2, rng.uniform(0.1, 0.4, n), rng.uniform(0.6, 0.9, n))
    order = np.roll(np.arange(n), 2)  # no partner is next to anyone, nor has them as its own
    _expect_mixed(answer, expect, (x, y, lam, order), points=(1, 2), mistakes=_mistakes)
    if expect.messages:
        return
    expect.given = "For two images, with lam 0 and 1"
    x, y = rng.uniform(size=(2, 3, 3, 1)), rng.dirichlet(np.ones(classes), size=2)
    x, y, lam = (array.astype("float32") for array in (x, y, rng.permutation(2)))
    _expect_mixed(answer, expect, (x, y, lam, np.array([1, 0])))
    expect.given = "For a single image, which is its own partner"
    _expect_mixed(answer, expect, (x[:1], y[:1], lam[:1], np.array([0])))


def _expect_mixed(answer, expect, question, points=(0, 0), mistakes=lambda *given: ()):
    """Expect the images and the labels of a question (x, y, lam, order) to be mixed."""
    got = expect.pair(answer.call(*question), "the images and the labels")
    names = "images not mixed", "labels not mixed"
    for part, array, worth, unmixed in zip(got, question[:2], points, names, strict=True):
        expect.close(
            part,
            _mixed(array, *question[2:]),
            points=worth,
            otherwise="Expected lam times each plus 1 - lam times its partner.",
            rtol=1e-3,
            atol=1e-5,
            mistakes=mistakes(array, *question[2:], unmixed),
        )


def _mistakes(array, lam, order, unmixed):
    n, mixed = len(array), partial(_mixed, array)
    return known(
        (unmixed, array),
        (unmixed, mixed(np.round(lam), order)),
        ("lambda swapped", mixed(1 - lam, order)),
        ("larger share", mixed(np.maximum(lam, 1 - lam), order)),
        ("partner changed", _mixed_in_place(array, lam, order, [np.arange(n)])),
        ("partner changed", _mixed_in_place(array, lam, order, range(n))),
        ("half and half", mixed(np.full(n, 0.5), order)),
        ("one lambda", mixed(np.full(n, lam[0]), order)),
        ("one lambda", mixed(np.full(n, lam.mean()), order)),
        ("not normalized", mixed(lam, order, rest=1.0)),
        ("not normalized", mixed(np.ones(n), order, rest=1.0)),
        ("other partner", mixed(lam, np.argsort(order))),
        ("other partner", mixed(lam, np.arange(n)[::-1])),
        ("other partner", mixed(lam, np.arange(n) - 1)),
    )


def _mixed(array, share, partner, rest=None):
    share = np.reshape(share, (-1, *[1] * (array.ndim - 1)))
    rest = 1 - share if rest is None else rest
    return share * array + rest * array[partner]


def _mixed_in_place(array, lam, order, steps):
    array, share = array.copy(), np.reshape(lam, (-1, *[1] * (array.ndim - 1)))
    for some in steps:
        array[some] *= share[some]
        array[some] += (1 - share[some]) * array[order[some]]
    return array
