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
    got_x, got_y = expect.pair(answer.call(x, y, lam, order), "the images and the labels")

    def mixed(array, share=lam, partner=order, rest=None):
        share = np.reshape(share, (-1, *[1] * (array.ndim - 1)))
        rest = 1 - share if rest is None else rest
        return share * array + rest * array[partner]

    def mixed_in_place(array, steps):
        array, share = array.copy(), np.reshape(lam, (-1, *[1] * (array.ndim - 1)))
        for some in steps:
            array[some] *= share[some]
            array[some] += (1 - share[some]) * array[order[some]]
        return array

    for got, array, points, unmixed in (
        (got_x, x, 1, "images not mixed"),
        (got_y, y, 2, "labels not mixed"),
    ):
        expect.close(
            got,
            mixed(array),
            points=points,
            otherwise="Expected lam times each plus 1 - lam times its partner.",
            rtol=1e-3,
            atol=1e-5,
            mistakes=known(
                (unmixed, array),
                (unmixed, mixed(array, np.round(lam))),
                ("lambda swapped", mixed(array, 1 - lam)),
                ("larger share", mixed(array, np.maximum(lam, 1 - lam))),
                ("partner changed", mixed_in_place(array, [np.arange(n)])),
                ("partner changed", mixed_in_place(array, range(n))),
                ("half and half", mixed(array, np.full(n, 0.5))),
                ("one lambda", mixed(array, np.full(n, lam[0]))),
                ("one lambda", mixed(array, np.full(n, lam.mean()))),
                ("not normalized", mixed(array, rest=1.0)),
                ("not normalized", mixed(array, np.ones(n), rest=1.0)),
                ("other partner", mixed(array, partner=np.argsort(order))),
                ("other partner", mixed(array, partner=np.arange(n)[::-1])),
                ("other partner", mixed(array, partner=np.arange(n) - 1)),
            ),
        )
