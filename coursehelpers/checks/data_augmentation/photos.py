"""Exercises about networks that transform or disturb their inputs in training, and in training only."""

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from coursehelpers import data
from coursehelpers.checks.declared import exercise
from coursehelpers.checks.models import built, expect_outputs, expect_probabilities, predict

if TYPE_CHECKING:  # for the solutions, which are read here, not run
    import keras
    from keras import layers

exercise = partial(exercise, notebook="data_augmentation")

COUNT = 64  # photos to transform


def _visible_and_harmless(answer, expect, rng):
    (x, _), _ = _photos()
    photos = (x[rng.choice(len(x), COUNT, replace=False)] / 255).astype("float32")
    model = built(answer, expect)

    def transformed(training):
        def other_shape(_):
            return {"other shape": True}

        given, what = f"For {COUNT} photos", "photos of shape"
        return expect_outputs(
            answer, expect, photos, model, photos.shape, given, what, other_shape, training
        )

    expect.given = "With training=False"
    used = transformed(False)
    expect.given = "In training"
    draws = [transformed(True) for _ in range(3)]
    expect.given = ""
    both, before = np.concatenate(draws), np.tile(photos, (3, 1, 1, 1))
    changes = np.abs(both - before).mean(axis=(1, 2, 3))
    photo = photos[photos.std(axis=(1, 2, 3)).argmax()]
    copies = np.repeat(photo[None], 24, axis=0)
    batches = np.array(
        [predict(answer, copies, model, copies.shape, training=True) for _ in range(8)]
    )
    copies_change = np.abs(batches - photo).mean(axis=(2, 3, 4)).max()
    # What is drawn for a batch may by chance leave a few batches as they are.
    most = max(changes.max(), copies_change)
    expect.require(
        most > 0.01,
        "too weak",
        {"nothing changes": most < 1e-4},
        f"The mean change of a pixel is {most:.2g} in the photo that changes most.",
    )
    # A layer that draws once for a batch, from few possibilities, may repeat itself by chance.
    same = all(np.allclose(group[0], draw) for group in (draws, batches) for draw in group)
    # What mixes the photos of a batch finds the same in all copies.
    alike = not same and copies_change > 0.01 and _drawn_for_the_batch(batches)
    share = np.mean(changes > 0.01)
    expect(
        share > 0.2 and not same and not alike,  # a third, but for chance
        1,
        "Fewer than a third of the photos change visibly in training.",
        {"same for all": same, "one for the batch": alike},
        f"{share:.0%} of them changed." if same or not alike else "",
    )
    off = np.abs(used - photos).max()
    expect(off < 1e-4, 1, "changes in use", seen=f"A pixel changed by {off:.2g}.")
    low, high = both.min(), both.max()
    in_range = low >= -1e-3 and high <= 1 + 1e-3
    expect(in_range, 1, "other range", seen=f"The values go from {low:.2g} to {high:.2g}.")
    apart, among = _gaps(answer, photos, model, rng.permutation(COUNT) < COUNT // 2)
    # What is drawn once for a batch moves it as a whole, and so does a brightness out of range.
    mixed = apart - among > 0.2 and in_range and not alike
    wiped, grey = np.mean(_wiped(both, before)), np.mean(_grey(both, before))
    is_wiped, is_grey = (wiped > 0.9, grey > 0.9) if alike else (wiped > 0.1, grey > 0.06)
    seen = f"So it was with {wiped if is_wiped else grey:.0%} of them."
    if mixed and not is_wiped:
        seen = f"Dark and bright photos are {apart:.2f} apart, and {among:.2f} in one batch."
    expect(
        not (mixed or is_wiped or is_grey),
        1,
        "grey",
        {"wiped out": is_wiped, "photos mixed": mixed},
        seen,
    )


def _drawn_for_the_batch(batches):
    """Tell whether what happens to copies of a photo is, all or in part, drawn for their batch.

    They change together then: from batch to batch their mean differs by more than copies that are
    drawn one by one allow.
    """

    def are_apart(values):
        within = values.var(axis=1, ddof=1).mean(axis=0).sum() / values.shape[1]
        between = values.mean(axis=1).var(axis=0, ddof=1).sum()
        return between > max(12 * within, 1e-6)

    all_alike = np.ptp(batches, axis=1).max() < 1e-4
    return all_alike or are_apart(batches) or are_apart(batches.mean(axis=(2, 3)))


def _gaps(answer, photos, model, half):
    """Return how far bright photos are from dark ones in training, apart and in one batch."""
    dark = 0.1 * photos
    batches = 0.9 + dark, dark, np.where(half[:, None, None, None], 0.9 + dark, dark)
    bright, dim, among = (
        predict(answer, batch, model, photos.shape, training=True) for batch in batches
    )
    return bright.mean() - dim.mean(), among[half].mean() - among[~half].mean()


def _grey(photos, before):
    """Return for each photo whether its colour is gone."""
    colour, colour_before = (np.ptp(x, axis=3).mean(axis=(1, 2)) for x in (photos, before))
    return (colour < 0.01 * colour_before) & (colour_before > 0.02)


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
    "2.1 Layers in the model",
    points=4,
    seconds=30,
    requires=_visible_and_harmless,
    hints=[
        "keras.Sequential of layers such as RandomFlip and RandomTranslation is a model.",
        "Layers that change brightness or contrast need value_range=(0, 1).",
        "Ask of each: would you still see the cat? A tenth of the side is a good strength.",
    ],
    mistakes="""
other shape | 0 | layers.RandomFlip("horizontal") -> layers.RandomCrop(28, 28) | The photos came back with another shape; the model has to keep it.
nothing changes | 0 | return keras.Sequential([layers.Input((32, 32, 3)), layers.Activation("linear")]) | In training mode the photos come back unchanged.
too weak | 0 | return keras.Sequential([layers.Input((32, 32, 3)), layers.RandomTranslation(0.001, 0.001)]) | The photos change so little that nobody would see it; go further.
same for all | - | In training the same photos give the same each time; draw anew with every call.
one for the batch | 3 | return keras.Sequential([layers.Input((32, 32, 3)), layers.RandomCrop(28, 28), layers.Resizing(32, 32)]) | Copies of one photo in a batch change together: something is drawn once for the whole batch, as in RandomCrop and RandAugment of Keras. Each photo should have draws of its own.
one for the batch | 3 | return keras.Sequential([layers.Input((32, 32, 3)), layers.RandAugment((0, 1))])
changes in use | 2 | (0, 1)), -> (0, 1)), layers.Rescaling(2.0), | With training=False the photos have to come back as they went in.
changes in use | 2 | (0, 1)), -> (0, 1)), layers.Rescaling(2, offset=-1),
other range | 2 | , value_range=(0, 1) -> | Photos of 0..1 came back outside of it; see value_range, and clip noise.
other range | 3 | Brightness(0.1, value_range=(0, 1)) -> Contrast(0.9)
other range | 3 | RandomBrightness(0.1, value_range=(0, 1)) -> GaussianNoise(0.05)
photos mixed | 3 | layers.RandomBrightness(0.1, value_range=(0, 1)) -> layers.MixUp(0.4) | A photo came back as another one of the batch, or mixed with it.
photos mixed | 3 | layers.RandomBrightness(0.1, value_range=(0, 1)) -> layers.CutMix(1.0)
wiped out | 3 | 0.1, 0.1, interpolation="nearest" -> 0.95, 0.95, fill_mode="constant" | Of some photos hardly anything is left; make the transformations weaker.
wiped out | 3 | Brightness(0.1 -> Brightness(1.0
wiped out | 3 | Brightness(0.1 -> Brightness((-1.0, -0.9)
wiped out | 3 | Translation(0.1, 0.1, interpolation="nearest") -> Zoom((-0.9, -0.85))
wiped out | 3 | Flip("horizontal") -> Erasing(factor=1.0, scale=(0.9, 0.95), value_range=(0, 1))
grey | 3 | Flip("horizontal") -> Grayscale(factor=1.0) | The colours are gone, which may tell a cat from a dog; keep them.
grey | 3 | Flip("horizontal") -> Grayscale(factor=0.3)
""",
)
def build_cat_augmenter():
    """Return a model of layers that transform photos in training and leave them alone in use."""
    return keras.Sequential(
        [
            layers.Input((32, 32, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1, interpolation="nearest"),
            layers.RandomBrightness(0.1, value_range=(0, 1)),
        ]
    )


def _noise_on_the_inputs(answer, expect, rng):
    # Far enough from 0 and 1 that noise may be clipped there.
    images = np.repeat(rng.choice([0.25, 0.75], size=(20, 8, 8)), 100, axis=0)
    images = images.astype("float32")
    ratios, shape, given = {}, (len(images), 10), f"For {len(images)} images"
    for std, points in ((0.05, 1), (0.02, 0)):
        expect.given = f"With std {std}"
        model = built(answer, expect, std)
        used = expect_outputs(answer, expect, images, model, shape, given, "probabilities of shape")
        expect_probabilities(expect, used, given)
        again = predict(answer, images, model, shape)
        expect(np.allclose(used, again), points, "active in use")
        trained, other = (predict(answer, images, model, shape, training=True) for _ in range(2))
        sums = trained.sum(axis=1)
        seen = f"The sums go from {sums.min():.3g} to {sums.max():.3g}."
        expect(np.allclose(sums, 1, atol=1e-3), points, "noise on outputs", seen=seen)
        expect.require(not np.allclose(trained, other), "no input noise")
        # In use, images with noise of our own have to scatter alike.
        noise = std * rng.normal(size=images.shape).astype("float32")
        ours = predict(answer, np.clip(images + noise, 0, 1), model, shape)
        ratios[std], shift = _compared(trained, ours)
    expect.given = ""
    shapes = [np.shape(weight["value"]) for weight in answer.weights(model)]
    other = next((shape for shape in shapes if len(shape) > 2), None)
    expect.require(
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
    expect(
        only_noise and in_size and shift < 0.3,
        2,
        "other noise",
        {
            "std ignored": alike and 0.7 < implied[0.05] / implied[0.02] < 1.5,
            "not only noise": not only_noise,
            "variance": np.allclose(squares, 1, atol=0.25),
            "shifted noise": in_size,
        },
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


@exercise(
    "2.3 Noise on the inputs",
    points=4,
    seconds=20,
    requires=_noise_on_the_inputs,
    hints=[
        "keras.layers.GaussianNoise(std) adds noise in training and nothing in use.",
        "It stands before the first layer that has weights.",
        "Input((8, 8)), Flatten, GaussianNoise, Dense, and softmax at the end.",
    ],
    mistakes="""
active in use | - | With training=False the noise is on too; let Keras set the mode.
noise on outputs | 1 | layers.GaussianNoise(std), -> ; "softmax"), -> "softmax"), layers.GaussianNoise(std), | In training the outputs do not add up to 1: the noise acts on them.
no input noise | 2 | layers.GaussianNoise(std), -> | In training mode the same batch gives the same twice: there is no noise, or always the same.
std ignored | 2 | Noise(std) -> Noise(0.1) | The noise does not depend on std; is the argument used?
not only noise | 2 | "relu"), -> "relu"), layers.Dropout(0.02), | Not only the noise differs in training: is there dropout or batch normalization?
not only noise | 2 | (std), -> (std), layers.BatchNormalization(),
variance | 2 | (std) -> (std**2) | The noise has another size: std is a standard deviation, no variance.
shifted noise | - | The noise moves the scores to one side; its mean should be 0.
other noise | 2 | (std) -> (std / 2) | The noise is not that of images with noise of that size: where does it act?
other noise | 2 | (std), -> (std), layers.GaussianNoise(std),
other noise | 2 | GaussianNoise -> GaussianDropout
other noise | 2 | layers.GaussianNoise(std), -> ; layers.Dense(64, activation="relu"), -> layers.Dense(64), layers.GaussianNoise(std),
other noise | 2 | layers.GaussianNoise(std), -> ; , activation="softmax"), -> ), layers.GaussianNoise(std), layers.Softmax(),
""",
)
def build_noisy_mlp(std):
    """Return an MLP for digits of 8 x 8 pixels with Gaussian noise on its inputs in training."""
    return keras.Sequential(
        [
            layers.Input((8, 8)),
            layers.Flatten(),
            layers.GaussianNoise(std),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
