"""Part 2 of the data augmentation notebook: augmenting photos."""

from functools import cache, partial

import numpy as np

from coursehelpers import data
from coursehelpers.checks.core import Mistake, describe_numbers, exercise, mistakes_from
from coursehelpers.checks.data_augmentation.rows import (
    NO_NUMBERS,
    are_labels,
    has_row,
    missing,
    numbers,
    rows,
    same_rows,
)
from coursehelpers.checks.models import (
    built,
    expect_outputs,
    expect_sums_of_one,
    predict,
)

exercise = partial(exercise, notebook="data_augmentation")

COUNT = 64  # photos to transform

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "labels apart": "Points and labels do not belong together any more; treat both alike.",
        "augmented before": "A copy of a validation point is in the training part: split first.",
        "augmented validation": "Validation points are to be left as they are, without copies.",
        "overlap": "Some points are in both parts; they have to be disjoint.",
        "all x, all y": "Return pairs of x and y, one for each part, not all x and then all y.",
        "noise of others": "The points are there, their copies are wrong: noise[i] is for x[i].",
        "parts swapped": "The parts are in the wrong order: first training, then validation.",
        "not augmented": "The training part has no copies; augment it after the split.",
        "ignored the order": "Take the points as `order` has them; data may come sorted by class.",
        "first ones": "The last of `order` are for validation, not the first.",
        "active in use": "With training=False the noise is on too; let Keras set the mode.",
        "no input noise": "In training mode the same batch gives the same twice: there is no noise, "
        "or always the same.",
        "std ignored": "The noise does not depend on std; is the argument used?",
        "variance": "The noise has another size: std is a standard deviation, no variance.",
        "noise on outputs": "In training the outputs do not add up to 1: the noise acts on them.",
        "shifted noise": "The noise moves the scores to one side; its mean should be 0.",
        "other noise": "The noise is not that of images with noise of that size: where does it act?",
        "not only noise": "Not only the noise differs in training: is there dropout or batch "
        "normalization?",
        "nothing changes": "In training mode the photos come back unchanged.",
        "too weak": "The photos change so little that nobody would see it; go further.",
        "same for all": "In training the same photos give the same each time; draw anew with every call.",
        "changes in use": "With training=False the photos have to come back as they went in.",
        "other range": "Photos of 0..1 came back outside of it; see value_range, and clip noise.",
        "wiped out": "Of some photos hardly anything is left; make the transformations weaker.",
        "grey": "The colours are gone, which may tell a cat from a dog; keep them.",
        "photos mixed": "A photo came back as another one of the batch, or mixed with it.",
    }
)


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
    photos = (x[rng.choice(len(x), COUNT, replace=False)] / 255).astype("float32")
    model, shape = built(answer, expect), photos.shape[1:]
    expect.given = "With training=False"
    used = _expect_photos(answer, expect, photos, model)
    expect.given = "In training"
    draws = [_expect_photos(answer, expect, photos, model, training=True) for _ in range(3)]
    expect.given = ""
    both, before = np.concatenate(draws), np.tile(photos, (3, 1, 1, 1))
    changes = np.abs(both - before).mean(axis=(1, 2, 3))
    expect.that(
        changes.max() > 0.01,
        "",
        mistakes=known(("nothing changes", changes.max() < 1e-4), ("too weak", True)),
        seen=f"The mean change of a pixel is {changes.max():.2g} in the photo that changes most.",
    )
    # A layer that draws once for a batch, from few possibilities, may repeat itself by chance.
    few = [predict(answer, photos[:4], model, (4, *shape), training=True) for _ in range(6)]
    same = all(np.allclose(group[0], draw) for group in (draws, few) for draw in group)
    share = np.mean(changes > 0.01)
    expect.that(
        share > 0.2 and not same,  # a third, but for chance
        "Fewer than a third of the photos change visibly in training.",
        points=1,
        mistakes=known(("same for all", same)),
        seen=f"{share:.0%} of them changed.",
    )
    off = np.abs(used - photos).max()
    expect.that(
        off < 1e-4, "", 1, known(("changes in use", True)), f"A pixel changed by {off:.2g}."
    )
    low, high = both.min(), both.max()
    expect.that(
        low >= -1e-3 and high <= 1 + 1e-3,
        "",
        points=1,
        mistakes=known(("other range", True)),
        seen=f"The values go from {low:.2g} to {high:.2g}.",
    )
    apart, among = _gaps(answer, photos, model, rng.permutation(COUNT) < COUNT // 2)
    mixed, wiped = apart - among > 0.2, np.mean(_wiped(both, before))
    grey = np.ptp(both, axis=3).mean() < 0.1 * np.ptp(photos, axis=3).mean()
    seen = (
        f"Dark and bright photos are {apart:.2f} apart, and {among:.2f} in one batch."
        if mixed
        else f"So it was with {wiped:.0%} of them."
    )
    expect.that(
        not (mixed or wiped > 0.1 or grey),
        "",
        points=1,
        mistakes=known(("photos mixed", mixed), ("wiped out", wiped > 0.1), ("grey", grey)),
        seen=seen if mixed or wiped > 0.1 else "",
    )


def _expect_photos(answer, expect, photos, model, training=False):
    def other(shape):
        message = f"The photos came back with shape {shape}; the model has to keep {photos.shape}."
        return [Mistake("other shape", True, message)]

    given = f"For {len(photos)} photos"
    return expect_outputs(
        answer, expect, photos, model, photos.shape, given, "photos of shape", other, training
    )


def _gaps(answer, photos, model, half):
    """Return how far bright photos are from dark ones in training, in batches of their own and in one."""
    dark = 0.1 * photos
    batches = 0.9 + dark, dark, np.where(half[:, None, None, None], 0.9 + dark, dark)
    bright, dim, among = (
        predict(answer, batch, model, photos.shape, training=True) for batch in batches
    )
    return bright.mean() - dim.mean(), among[half].mean() - among[~half].mean()


def _wiped(photos, before):
    """Return for each photo whether little is left of what it showed."""
    each = (1, 2, 3)
    steps = [np.abs(np.diff(photos, axis=axis)) for axis in (1, 2)]
    pale = photos.std(axis=each) < 0.25 * before.std(axis=each)
    empty = (steps[0].max(axis=3) < 1e-4).mean(axis=(1, 2)) > 0.6
    blurred = steps[0].mean(axis=each) < 0.25 * np.abs(np.diff(before, axis=1)).mean(axis=each)
    # In a photo neighbouring pixels are alike, in noise and in a puzzle of pixels they are not.
    alike = [1 - (step**2).mean(axis=each) / (2 * photos.var(axis=each)) for step in steps]
    return pale | empty | blurred | (np.minimum(*alike) < 0.25)


@cache
def _photos():
    return data.load_cats_dogs()


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
    # The second time there are one feature and one point for validation.
    for n, d, validation, points in ((12, 2, 5, 1), (9, 1, 1, 0)):
        if expect.messages:  # a single point may be the right one by chance
            break
        x, noise = rng.normal(size=(n, d)), 0.1 * rng.normal(size=(n, d))
        y = np.arange(n) + 0.5
        # The last point is neither in the first nor in the last of the order.
        order = np.insert(rng.permutation(n - 1), validation, n - 1)
        expect.given = f"With {n} points, {validation} of them for validation"
        got = expect.pair(
            answer.call(x, y, noise, order, validation), "the training and the validation part"
        )
        parts = [expect.pair(part, "x and y, in each part") for part in got]
        train, kept = ([numbers(array) for array in part] for part in parts)
        expect.that(
            all(x.shape[1:] == (d,) and are_labels(y, len(x)) for x, y in (train, kept)),
            f"In each part x should have shape (..., {d}), and y a label for each point.",
            mistakes=known(("all x, all y", train[1].shape[1:] == (d,))),
            seen=f"Training holds {_both(parts[0])}, validation {_both(parts[1])}.",
        )
        expect.that(all(np.isfinite(array).all() for array in (*train, *kept)), NO_NUMBERS)
        chosen, last = order[:-validation], order[-validation:]

        def part_of(some, copies, x=x, y=y, noise=noise):
            both = [x[some], x[some] + noise[some]] if copies else [x[some]]
            return rows(np.concatenate(both), np.tile(y[some], len(both)))

        def is_part(part, some, copies, part_of=part_of):
            return same_rows(rows(*part), part_of(some, copies))

        leaked = bool(set(train[1].ravel()) & set(kept[1].ravel()))
        noisy = same_rows(rows(kept[0]), x[last] + noise[last])
        expect.that(
            is_part(kept, last, False),
            "Validation should be the last points of `order`, as they are.",
            points=points,
            mistakes=known(
                ("parts swapped", is_part(train, last, False)),
                ("ignored the order", is_part(kept, np.arange(n)[-validation:], False)),
                ("first ones", is_part(kept, order[:validation], False)),
                ("augmented before", leaked),
                ("augmented validation", noisy or is_part(kept, last, True)),
                ("labels apart", same_rows(rows(kept[0]), x[last])),
            ),
            seen=missing(rows(*kept), part_of(last, False), labels=True),
        )
        right = part_of(chosen, True)
        there = all(has_row(rows(*train), row) for row in part_of(chosen, False))
        expect.that(
            is_part(train, chosen, True),
            "Training should be the other points and a noisy copy of each.",
            points=1,
            mistakes=known(
                ("overlap", is_part(kept, last, False) and has_row(train[0], x[last[0]])),
                ("augmented before", leaked),
                ("not augmented", is_part(train, chosen, False)),
                ("labels apart", same_rows(rows(train[0]), right[:, :-1])),
                ("noise of others", there and len(train[0]) == len(right)),
            ),
            seen=missing(rows(*train), right, labels=True),
        )


def _both(part):
    return " and ".join(describe_numbers(array) for array in part)


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
    # Far enough from 0 and 1 that noise may be clipped there.
    images = np.repeat(rng.choice([0.25, 0.75], size=(20, 8, 8)), 100, axis=0)
    images = images.astype("float32")
    ratios, shape, given = {}, (len(images), 10), f"For {len(images)} images"
    for std, points in ((0.05, 1), (0.02, 0)):
        expect.given = f"With std {std}"
        model = built(answer, expect, std)
        used = expect_outputs(answer, expect, images, model, shape, given, "probabilities of shape")
        expect_sums_of_one(expect, used, given)
        again = predict(answer, images, model, shape)
        expect.that(np.allclose(used, again), "", points, known(("active in use", True)))
        trained, other = (predict(answer, images, model, shape, training=True) for _ in range(2))
        sums = trained.sum(axis=1)
        expect.that(
            np.allclose(sums, 1, atol=1e-3),
            "",
            points,
            known(("noise on outputs", True)),
            f"The sums go from {sums.min():.3g} to {sums.max():.3g}.",
        )
        noisy = not np.allclose(trained, other)
        expect.that(noisy, "", mistakes=known(("no input noise", True)))
        # In use, images with noise of our own have to scatter alike.
        noise = std * rng.normal(size=images.shape).astype("float32")
        ours = predict(answer, np.clip(images + noise, 0, 1), model, shape)
        ratios[std], shift = _compared(trained, ours)
    expect.given = ""
    shapes = [np.shape(weight["value"]) for weight in answer.weights(model)]
    other = next((shape for shape in shapes if len(shape) > 2), None)
    expect.that(
        other is None,
        "The network should be made of dense layers only.",
        seen=f"It has weights of shape {other}.",
    )
    silent = built(answer, expect, 0.0)
    used, trained = (predict(answer, images, silent, shape, mode) for mode in (False, True))
    only_noise = np.allclose(used, trained, atol=1e-5)
    implied = {std: std * np.sqrt(row.mean()) for std, row in ratios.items()}
    squares = [value / std**2 for std, value in implied.items()]
    alike = all(row.max() < 2 * row.min() for row in ratios.values())
    least, most = (np.sqrt(pick(np.concatenate([*ratios.values()]))) for pick in (np.min, np.max))
    in_size = least > 0.8 and most < 1.22
    expect.that(
        only_noise and in_size and shift < 0.3,
        "",
        2,
        known(
            ("std ignored", alike and 0.7 < implied[0.05] / implied[0.02] < 1.5),
            ("not only noise", not only_noise),
            ("variance", np.allclose(squares, 1, atol=0.25)),
            ("shifted noise", in_size),
            ("other noise", True),
        ),
        f"The scores scatter {least:.2g} to {most:.2g} times as much as with noise of size std."
        if only_noise
        else f"With std 0 a probability changes by {np.abs(used - trained).max():.2g} in training.",
    )


def _compared(probabilities, ours):
    """Return how much more the scores scatter than ours, in each direction, and their shift."""
    scores, wanted = (
        np.log(np.maximum(outputs, 1e-30)).reshape(20, -1, 10) for outputs in (probabilities, ours)
    )
    shift = (scores - wanted).mean(axis=(0, 1))
    scores, wanted = (
        (some - some.mean(axis=1, keepdims=True)).reshape(-1, 10) for some in (scores, wanted)
    )
    variances, directions = np.linalg.eigh(wanted.T @ wanted / len(wanted))
    large = variances > 1e-3 * variances.max()
    if not large.any():
        return np.array([np.inf]), np.inf
    scale = directions[:, large] / np.sqrt(variances[large])
    ratios = np.linalg.eigvalsh(scale.T @ scores.T @ scores @ scale / len(scores))
    return ratios, np.linalg.norm(shift @ scale)
