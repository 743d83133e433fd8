"""The exercises of the data augmentation notebook."""

from functools import cache, partial

import numpy as np

from coursehelpers import data
from coursehelpers.checks.core import describe, exercise, mistakes_from

exercise = partial(exercise, notebook="data_augmentation")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "originals left out": "The points themselves are missing; they stay beside their copies.",
        "same copy twice": "Both copies of a point are the same; noise[0] and noise[1] differ.",
        "one copy only": "There is one copy of each point; three stand for each: it and two copies.",
        "labels moved": "The labels changed; only the inputs get noise.",
        "labels apart": "Points and labels do not belong together any more; repeat both alike.",
        "noise on originals": "The points themselves got noise too; keep one of three as it is.",
        "noise multiplied": "The noise is to be added, not multiplied.",
        "no noise": "The copies are exact; add the noise to them.",
        "no such name": "This is none of the names that were given.",
        "mirrored": "Mirrored digits are no digits: a 2 then looks like an S, a 7 like a Γ.",
        "upside down": "Upside down a 6 looks like a 9, and mirrored top to bottom like neither.",
        "too careful": "A transformation that people would not even notice is missing.",
        "kept nothing": "Some of them keep every label; none was chosen.",
        "augmented before": "A copy of a validation point is in the training part: split first.",
        "augmented validation": "Validation points are to be left as they are, without copies.",
        "overlap": "Some points are in both parts; they have to be disjoint.",
        "parts swapped": "The parts are in the wrong order: first training, then validation.",
        "not augmented": "The training part has no copies; augment it after the split.",
        "ignored the order": "Take the points as `order` has them; data may come sorted by class.",
        "first ones": "The last of `order` are for validation, not the first.",
        "active in use": "With training=False the noise is on too; let Keras set the mode.",
        "no input noise": "Twice the same batch in training mode gives the same: no noise.",
        "std ignored": "The noise does not depend on std; is the argument used?",
        "variance": "The noise has another size: std is a standard deviation, no variance.",
        "noise on outputs": "In training the outputs do not add up to 1: the noise acts on them.",
        "other noise": "The noise is not that of images with noise of that size: where does it act?",
        "nothing changes": "In training mode the photos come back unchanged.",
        "same for all": "Twice the same photos give the same; draw anew with every call.",
        "changes in use": "With training=False the photos have to come back as they went in.",
        "other shape": "The photos came back in another shape; cropping needs a resize after it.",
        "other range": "Photos of 0..1 came back outside of it; see value_range.",
        "wiped out": "Of some photos hardly anything is left; make the transformations weaker.",
        "grey": "The colours are gone, which may tell a cat from a dog; keep them.",
        "labels not mixed": "The labels have to be mixed like the images.",
        "images not mixed": "The images have to be mixed like their labels.",
        "lambda swapped": "lam is the share of the image itself, 1 - lam that of the other one.",
        "one lambda": "Each example has its own entry of lam.",
        "other partner": "The labels come from another example than the images; use `order` twice.",
        "not normalized": "The shares have to add up to 1: lam and 1 - lam.",
        "half and half": "The shares are lam and 1 - lam, not one half each.",
    }
)


@exercise(
    "triple_with_noise",
    section="1.1 Three points for one",
    points=3,
    hints=[
        "noise has shape (2, m, d): noise[0] and noise[1] each fit on x.",
        "np.concatenate([x, x + noise[0], ...]) puts arrays below each other.",
        "The labels of the copies are those of the originals: np.concatenate([y, y, y]).",
    ],
)
def triple_with_noise(answer, expect, rng):
    for m, d in ((4, 1), (5, 3)):
        x, y, noise = rng.normal(size=(m, d)), rng.normal(size=m), rng.normal(size=(2, m, d))
        expect.given = f"With x of shape {x.shape}"
        got = expect.pair(answer.call(x, y, noise), "the inputs and the labels")
        got_x, got_y = (_numbers(part) for part in got)
        copies = x + noise[0], x + noise[1]

        def is_made_of(parts, labels=(y, y, y), got=(got_x, got_y)):
            return _same_rows(_rows(*got), _rows(np.concatenate(parts), np.concatenate(labels)))

        x_right = _same_rows(_rows(got_x), _rows(np.concatenate([x, *copies])))
        expect.that(
            got_x.shape == (3 * m, d) and got_y.size == 3 * m,
            f"Expected inputs of shape {(3 * m, d)} and {3 * m} labels, got {describe(got[0])} and "
            f"{describe(got[1])}.",
            mistakes=known(
                ("originals left out", _same_rows(_rows(got_x), _rows(np.concatenate(copies)))),
                ("one copy only", got_x.shape == (2 * m, d)),
            ),
        )
        expect.that(
            x_right,
            "The inputs should be x, x + noise[0] and x + noise[1], in any order.",
            points=1,
            mistakes=known(
                ("no noise", is_made_of([x, x, x])),
                ("noise on originals", not all(_has_row(got_x, row) for row in x)),
                ("same copy twice", is_made_of([x, copies[0], copies[0]])),
                ("noise multiplied", is_made_of([x, x * noise[0], x * noise[1]])),
            ),
        )
        if m == 5:
            ok = is_made_of([x, *copies])
            new = not all(np.isclose(y, label).any() for label in got_y.ravel())
            mistakes = known(("labels moved", new), ("labels apart", x_right))
            expect.that(ok or not x_right, "Each copy keeps the label of its point.", 1, mistakes)


@exercise(
    "label_preserving",
    section="1.4 Which transformations keep the label",
    points=2,
    hints=[
        "Think of a 6 and a 9, of a 2 and an S.",
        "Mirrors and half turns make other signs; moving or turning a little does not.",
    ],
)
def label_preserving(answer, expect, rng):
    names = [str(name) for name in rng.permutation([*KEEPING, *BREAKING])]
    got = answer.call(names)
    expect.that(
        isinstance(got, list) and all(isinstance(name, str) for name in got),
        f"Return a list of names. Your function returned {describe(got)}.",
    )
    unknown = [name for name in got if name not in names]
    expect.that(not unknown, "", mistakes=known(("no such name", True)))
    expect.that(got, "", mistakes=known(("kept nothing", True)))
    upside_down = {"half turn", "mirror top and bottom"} & set(got)
    expect.that(
        not set(got) & set(BREAKING),
        "",
        points=1,
        mistakes=known(("upside down", upside_down), ("mirrored", True)),
    )
    missing = set(KEEPING) - set(got)
    expect.that(not missing, "", points=1, mistakes=known(("too careful", True)))


KEEPING = ("shift by one pixel", "turn by ten degrees", "brighten a little", "add a little noise")
BREAKING = ("mirror left and right", "mirror top and bottom", "half turn")


@exercise(
    "split_then_augment",
    section="2.2 Leakage",
    points=3,
    hints=[
        "order is a permutation of 0 to n - 1: order[-validation:] are the validation points.",
        "Only the training points get copies, and only after the split.",
        "The copies of the points `chosen` are x[chosen] + noise[chosen].",
    ],
)
def split_then_augment(answer, expect, rng):
    n, validation = 12, 5
    x, noise = rng.normal(size=(n, 2)), 0.1 * rng.normal(size=(n, 2))
    y, order = np.arange(n) + 0.5, rng.permutation(n)
    expect.given = f"With {n} points, {validation} of them for validation"
    got = expect.pair(
        answer.call(x, y, noise, order, validation), "the training and the validation part"
    )
    parts = [expect.pair(part, "x and y, in each part") for part in got]
    train, kept = ([_numbers(array) for array in part] for part in parts)
    chosen, last = order[:-validation], order[-validation:]

    def part_of(points, copies):
        both = [x[points], x[points] + noise[points]] if copies else [x[points]]
        return _rows(np.concatenate(both), np.concatenate([y[points]] * len(both)))

    leaked = bool(set(train[1].ravel()) & set(kept[1].ravel()))
    n_last, first = np.arange(n)[-validation:], order[:validation]
    expect.that(
        _same_rows(_rows(*kept), part_of(last, False)),
        f"Validation should be the last {validation} of `order`, as they are.",
        points=1,
        mistakes=known(
            ("parts swapped", _same_rows(_rows(*train), part_of(last, False))),
            ("ignored the order", _same_rows(_rows(*kept), part_of(n_last, False))),
            ("first ones", _same_rows(_rows(*kept), part_of(first, False))),
            ("augmented validation", _same_rows(_rows(*kept), part_of(last, True))),
            ("augmented before", leaked),
        ),
    )
    expect.that(
        _same_rows(_rows(*train), part_of(chosen, True)),
        "Training should be the other points and a noisy copy of each.",
        points=2,
        mistakes=known(
            ("augmented before", leaked),
            ("not augmented", _same_rows(_rows(*train), part_of(chosen, False))),
        ),
    )


@exercise(
    "build_noisy_mlp",
    section="2.3 Noise on the inputs",
    points=4,
    hints=[
        "keras.layers.GaussianNoise(std) adds noise in training and nothing in use.",
        "It stands before the first layer that has weights.",
        "Input((8, 8)), Flatten, GaussianNoise, Dense, and softmax at the end.",
    ],
    seconds=20,
)
def build_noisy_mlp(answer, expect, rng):
    image = rng.uniform(size=(8, 8)).astype("float32")
    images = np.repeat(image[None], 400, axis=0)
    implied = {}
    for std, points in ((0.3, 1), (0.05, 0)):
        expect.given = f"With std {std}"
        model = answer.call(std)
        expect.that(model is not None, "Your function returned nothing; is there a `return`?")
        used, again = (answer.predict(images, model=model) for _ in range(2))
        expect.that(
            np.shape(used) == (400, 10) and np.allclose(used.sum(axis=1), 1, atol=1e-3),
            "For 400 images the model should return probabilities of shape (400, 10); it gives "
            f"{describe(used)}.",
        )
        expect.that(np.allclose(used, again), "", points, known(("active in use", True)))
        trained, other = (answer.predict(images, training=True, model=model) for _ in range(2))
        sums = np.allclose(trained.sum(axis=1), 1, atol=1e-3)
        expect.that(sums, "", points, known(("noise on outputs", True)))
        noisy = not np.allclose(trained, other)
        expect.that(noisy, "", mistakes=known(("no input noise", True)))
        # In use, images with noise of our own have to scatter as much.
        ours = images + (std * rng.normal(size=images.shape)).astype("float32")
        implied[std] = std * _scatter(trained) / _scatter(answer.predict(ours, model=model))
    expect.given = ""
    ratios = [value / std for std, value in implied.items()]
    squares = [value / std**2 for std, value in implied.items()]
    expect.that(
        np.allclose(ratios, 1, atol=0.25),
        "",
        2,
        known(
            ("std ignored", 0.7 < implied[0.3] / implied[0.05] < 1.5),
            ("variance", np.allclose(squares, 1, atol=0.25)),
            ("other noise", True),
        ),
    )


def _scatter(probabilities):
    """Return how much the scores of one image scatter: the root of their mean variance."""
    return np.sqrt(np.log(np.maximum(probabilities, 1e-30)).var(axis=0).mean())


@exercise(
    "build_cat_augmenter",
    section="2.1 Layers in the model",
    points=4,
    hints=[
        "keras.Sequential of layers such as RandomFlip and RandomTranslation is a model.",
        "Layers that change brightness or contrast need value_range=(0, 1).",
        "Ask of each: would you still see the cat? A tenth of the side is a good strength.",
    ],
    seconds=30,
)
def build_cat_augmenter(answer, expect, rng):
    (x, _), _ = _photos()
    photos = (x[rng.choice(len(x), 128, replace=False)] / 255).astype("float32")
    model = answer.call()
    expect.that(model is not None, "Your function returned nothing; is there a `return`?")
    used = answer.predict(photos, model=model)
    same_shape = np.shape(used) == photos.shape
    expect.that(same_shape, "", mistakes=known(("other shape", True)))
    trained, other = (answer.predict(photos, training=True, model=model) for _ in range(2))
    same_shape = trained.shape == photos.shape
    expect.that(same_shape, "", mistakes=known(("other shape", True)))
    changed = np.abs(trained - photos).mean(axis=(1, 2, 3)) > 1e-3
    expect.that(changed.any(), "", mistakes=known(("nothing changes", True)))
    expect.that(
        changed.mean() > 0.3 and not np.allclose(trained, other),
        "Fewer than a third of the photos change in training.",
        points=1,
        mistakes=known(("same for all", np.allclose(trained, other))),
    )
    expect.that(np.allclose(used, photos), "", 1, known(("changes in use", True)))
    both = np.concatenate([trained, other])
    in_range = np.isfinite(both).all() and both.min() >= -1e-3 and both.max() <= 1 + 1e-3
    expect.that(in_range, "", points=1, mistakes=known(("other range", True)))
    left = both.std(axis=(1, 2, 3)) / np.tile(photos.std(axis=(1, 2, 3)), 2)
    flat = (np.abs(np.diff(both, axis=1)).max(axis=3) < 1e-4).mean(axis=(1, 2))
    colour = np.ptp(both, axis=3).mean() / np.ptp(photos, axis=3).mean()
    rough = np.median(_roughness(both) / np.tile(_roughness(photos), 2))
    wiped = np.mean((left < 0.25) | (flat > 0.6)) > 0.05 or rough > 5
    expect.that(
        not wiped and colour > 0.2,
        "",
        points=1,
        mistakes=known(("wiped out", wiped), ("grey", True)),
    )


def _roughness(photos):
    """Return how much neighbouring pixels differ, which noise raises."""
    return np.abs(np.diff(photos, axis=1)).mean(axis=(1, 2, 3))


@cache
def _photos():
    return data.load_cats_dogs()


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
    n, classes = 6, 3
    x = rng.uniform(size=(n, 3, 3, 2))
    y = np.eye(classes)[rng.integers(classes, size=n)]
    y[:2] = np.eye(classes)[:2]  # two labels at least
    lam = rng.uniform(0.55, 0.9, size=n)
    order = np.roll(np.arange(n), 1)
    got_x, got_y = expect.pair(answer.call(x, y, lam, order), "the images and the labels")

    def mixed(array, share=lam, partner=order, rest=None):
        share = np.reshape(share, (-1, *[1] * (array.ndim - 1)))
        rest = 1 - share if rest is None else rest
        return share * array + rest * array[partner]

    for got, array, points, unmixed in (
        (got_x, x, 1, "images not mixed"),
        (got_y, y, 2, "labels not mixed"),
    ):
        other = "other partner" if array is y else unmixed
        expect.close(
            got,
            mixed(array),
            points=points,
            otherwise="Expected lam times each plus 1 - lam times its partner.",
            rtol=1e-3,
            atol=1e-5,
            mistakes=known(
                (unmixed, array),
                ("lambda swapped", mixed(array, 1 - lam)),
                ("one lambda", mixed(array, np.full(n, lam[0]))),
                ("one lambda", mixed(array, np.full(n, lam.mean()))),
                ("half and half", mixed(array, np.full(n, 0.5))),
                ("not normalized", mixed(array, rest=1.0)),
                (other, mixed(array, partner=np.argsort(order))),
                (other, mixed(array, partner=np.arange(n)[::-1])),
            ),
        )


def _numbers(part):
    """Return an answer's array as floats; an empty one if it is no array of numbers."""
    try:
        return np.asarray(part, float)
    except (TypeError, ValueError):
        return np.empty((0, 0))


def _rows(x, *labels):
    """Return one row for each example, its label behind its inputs, in sorted order."""
    columns = [np.reshape(x, (len(x), -1)) if np.ndim(x) else np.empty((0, 1))]
    columns += [np.reshape(y, (-1, 1)) for y in labels]
    if len({len(column) for column in columns}) > 1:
        return np.empty((0, 1))
    rows = np.concatenate(columns, axis=1)
    return rows[np.lexsort(np.round(rows, 5).T[::-1])]


def _same_rows(one, other):
    return one.shape == other.shape and np.allclose(one, other, rtol=1e-3, atol=1e-4)


def _has_row(rows, row):
    return rows.ndim == 2 and bool(np.isclose(rows, row, rtol=1e-3, atol=1e-4).all(axis=1).any())
