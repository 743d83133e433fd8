"""Part 3 of the regularization notebook: the training procedure."""

from functools import partial

import numpy as np

from coursehelpers.checks.answers import AnswerError
from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.models import (
    built,
    expect_outputs,
    expect_sums_of_one,
    predict,
)

exercise = partial(exercise, notebook="regularization")

# What to tell who made a known mistake: what is wrong, and where to look next.
known = mistakes_from(
    {
        "swapped": "The two values seem to be in the wrong order.",
        "looked beyond the stop": "The best epoch lies after the stop; training never sees that loss.",
        "counted from 1": "Epochs count from 0, as Keras counts them.",
        "never stopped": "Training runs to the end here, although the patience runs out before.",
        "stopped too early": "Training stops one epoch too early; which one uses up the patience?",
        "stopped too late": "Training stops one epoch too late; which one uses up the patience?",
        "compared with the epoch before": "Compare with the best loss so far, not the one before.",
        "counted a tie as an improvement": "An equal loss is no improvement; it has to be smaller.",
        "never reset the count": "Start counting anew after every improvement.",
        "stopped after the end": "Training cannot go on after the last loss of the list.",
        "returned losses": "These are losses; return the numbers of their epochs.",
        "not scaled": "What is kept is not scaled, so that the expectation shrinks.",
        "scaled by the rate": "Divide by the share that is kept, not by the share that is dropped.",
        "scaled down": "What is kept has to get larger: divide by 1 - rate, do not multiply.",
        "kept the others": "This keeps what should be dropped; an entry stays if uniform >= rate.",
        "scaled everything": "Nothing is dropped here; entries with uniform < rate become 0.",
        "no hidden layer": "There is one kernel only; a hidden layer is missing.",
        "dropped probabilities": "In training the outputs do not add up to 1: dropout acts on them.",
        "no dropout": "Twice the same batch in training mode gives the same; nothing is dropped.",
        "dropped in use": "With training=False nothing should be random; let Keras set the mode.",
        "share kept": "A larger rate drops less: Dropout takes the share that is dropped.",
        "rate ignored": "The amount of noise does not depend on the rate; is the argument used?",
        "other rate": "A layer drops another share than `rate`.",
        "dropped pixels": "Whole pixels are dropped: dropout stands before the hidden layers.",
        "variance": "This is the variance; the standard deviation is its root.",
        "uniform limit": "This is the limit of a uniform distribution with that variance.",
        "forgot 2": "The 2 in the numerator is missing.",
        "other scheme": "This belongs to the other scheme.",
        "fan out": "He counts the inputs of a unit, not its outputs.",
        "mean of fans": "Glorot adds both fans up under the 2.",
        "no window": "Each unit of a convolution sees a whole window: height times width of it.",
        "window once": "Both fans count the window, also in their sum.",
        "constant": "This is the peak all along; the rate changes with the step.",
        "one step ahead": "At step 0 the warm-up starts at 0, at step `warmup` it is at the peak.",
        "no warm-up": "The warm-up is missing: there the rate rises linearly from 0.",
        "cosine of all steps": "Half the wave starts at the end of the warm-up, not at step 0.",
        "quarter wave": "This is a quarter of a wave; half a wave has pi in the cosine.",
        "whole wave": "This is a whole wave; half a wave has pi in the cosine.",
        "linear": "The rate falls along a line here; it should follow a cosine.",
        "rising": "After the warm-up the rate falls; this one rises.",
        "not halved": "1 + cos starts at 2; half of the peak belongs in front.",
        "no stop, no return": "Nothing is returned if no stop comes; which epoch is the last one then?",
    }
)


@exercise(
    "early_stopping",
    section="3.1 Early stopping",
    points=4,
    hints=[
        "Keep the best epoch so far; an epoch improves only if its loss is strictly smaller.",
        "After each epoch ask: how many epochs ago was the best one? Is that the patience?",
        "If the patience never runs out, the last epoch trained is the last of the list.",
    ],
)
def early_stopping(answer, expect, rng):
    # Each has its own use; an improvement follows each stop, so that a late one differs.
    curves = [
        ([9, 7, 5, 6, 6.5, 7, 4, 6, 6.2, 6.4, 6.6, 3], 3),  # nothing after the stop counts
        ([9, 7, 8, 8.5, 6, 7, 6.9, 7.7, 5, 5.5, 5.6, 5.7, 5.8, 4], 3),  # recovers in time once
        ([4, 3, 2, 2, 2.5, 1.5, 1.6, 1.7, 1.8, 1], 2),  # an equal loss is no improvement
        ([4, 3, 2, 3, 2.5], 4),  # the patience never runs out
    ]
    for losses, patience in curves:
        val_losses = np.array(losses) * rng.uniform(0.5, 2)
        stopped, best = _stopping(val_losses, patience)
        last, best_of_all = len(val_losses) - 1, int(np.argmin(val_losses))
        expect.given = f"For the losses {np.round(val_losses, 2).tolist()} and patience {patience}"
        got = answer.call(val_losses.tolist(), patience)
        silent = got is None and best + patience > last
        expect.that(not silent, "", mistakes=known(("no stop, no return", True)))
        expect.close(
            expect.pair(got, "the last epoch that is trained and the best epoch"),
            (stopped, best),
            points=1,
            otherwise="Return the epoch that uses up the patience, or the last, and the best one.",
            mistakes=known(
                ("looked beyond the stop", (stopped, best_of_all)),
                ("swapped", (best, stopped)),
                ("counted from 1", (stopped + 1, best + 1)),
                ("counted from 1", (stopped + 1, best)),
                ("returned losses", val_losses[[stopped, best]]),
                ("never stopped", (last, best_of_all)),
                ("never reset the count", _stopping(val_losses, patience, reset=False)),
                ("stopped too early", _stopping(val_losses, patience - 1)),
                ("stopped too late", _stopping(val_losses, patience + 1)),
                ("compared with the epoch before", _stopping(val_losses, patience, previous=True)),
                ("counted a tie as an improvement", _stopping(val_losses, patience, ties=True)),
                ("stopped after the end", (best + patience, best)),
            ),
        )


def _stopping(val_losses, patience, previous=False, ties=False, reset=True):
    """Apply the rule of `keras.callbacks.EarlyStopping`, or a known misreading of it."""
    best, wait, reference = 0, 0, np.inf
    for epoch, val_loss in enumerate(val_losses):
        improved = val_loss <= reference if ties else val_loss < reference
        wait = wait + 1 if not improved else 0 if reset else wait
        if improved or previous:
            reference = val_loss
        if val_loss < val_losses[best] or (ties and val_loss <= val_losses[best]):
            best = epoch
        if wait >= patience and not improved:
            break
    return epoch, best


@exercise(
    "inverted_dropout",
    section="3.2 Dropout",
    points=3,
    hints=[
        "uniform >= rate is an array of True and False; True marks what is kept.",
        "A share 1 - rate is kept: by which factor must it grow to keep the sum?",
    ],
)
def inverted_dropout(answer, expect, rng):
    for rate in (0.2, 0.7, 0.0):
        expect.given = f"With rate {rate}"
        x = rng.uniform(0.5, 2, size=(6, 5)) * rng.choice([-1, 1], size=(6, 5))
        uniform = rng.permuted(np.linspace(0.01, 0.99, 30)).reshape(6, 5)
        kept = np.where(uniform >= rate, x, 0)
        others = x - kept
        mistakes = [
            ("not scaled", kept),
            ("scaled down", (1 - rate) * kept),
            ("kept the others", others),
            ("kept the others", others / (1 - rate)),
            ("scaled everything", x / (1 - rate)),
            ("scaled everything", x),
        ]
        if rate:
            mistakes += [
                ("scaled by the rate", kept / rate),
                ("scaled by the rate", kept * rate),
                ("kept the others", others / rate),
            ]
        expect.close(
            answer.call(x, rate, uniform),
            kept / (1 - rate),
            points=1,
            otherwise="Entries with uniform < rate should be 0, the others scaled up.",
            mistakes=known(*mistakes),
        )


@exercise(
    "build_dropout_mlp",
    section="3.2 Dropout",
    points=4,
    hints=[
        "keras.layers.Dropout(rate) stands behind the layer whose outputs it drops.",
        "It knows by itself whether it is called in training or in use.",
        "Flatten, Dense, Dropout, Dense: the probabilities come last and are not dropped.",
    ],
    seconds=20,
)
def build_dropout_mlp(answer, expect, rng):
    images = rng.uniform(size=(200, 28, 28)).astype("float32")
    noise = {}
    for rate, points in ((0.5, 1), (0.1, 0), (0.9, 0)):
        model, given, shape = built(answer, expect, rate), "For 200 images", (200, 10)
        used = expect_outputs(answer, expect, images, model, shape, given, "probabilities of shape")
        expect_sums_of_one(expect, used, given)
        again = predict(answer, images, model, shape)
        kernels = [w for w in answer.weights(model) if w["value"].ndim > 1]
        expect.that(len(kernels) > 1, "", mistakes=known(("no hidden layer", True)))
        trained, other = (predict(answer, images, model, shape, training=True) for _ in "12")
        sums = np.allclose(trained.sum(axis=1), 1, atol=1e-3)
        expect.that(sums, "", points, known(("dropped probabilities", True)))
        expect.that(np.allclose(used, again), "", points, known(("dropped in use", True)))
        noisy = not np.allclose(trained, other)
        expect.that(noisy, "", mistakes=known(("no dropout", True)))
        # The spread of the scores, which without dropout comes from the images alone.
        scores = [np.log(np.maximum(p, 1e-30)) for p in (trained, other, used)]
        noise[rate] = np.mean((scores[0] - scores[1]) ** 2) / np.mean(np.var(scores[2], axis=0))
        if rate == 0.5:
            expect.that(
                not _drops_pixels(answer, model, rng),
                "",
                points,
                known(("dropped pixels", True)),
            )
    ratio = noise[0.9] / noise[0.1]
    other = any(not np.isclose(share, 0.9) for share in _rates(answer, model))
    mistakes = known(
        ("share kept", ratio < 1 / 2), ("rate ignored", ratio < 2), ("other rate", other)
    )
    expect.that(ratio > 2 and not other, "", points=1, mistakes=mistakes)


def _rates(answer, model):
    """Return the rates in the configuration of a model; a subclass may have none."""
    try:
        nested = [answer.config(model)]
    except AnswerError:
        return []
    rates = []
    while nested:
        part = nested.pop()
        if isinstance(part, dict):
            numbers = (int, float)
            rates += [v for key, v in part.items() if key == "rate" and isinstance(v, numbers)]
            nested += part.values()
        elif isinstance(part, list):
            nested += part
    return rates


def _drops_pixels(answer, model, rng):
    """Tell whether an image of a single pixel is now and then taken for a black one."""
    images = np.zeros((201, 28, 28), "float32")
    images[np.arange(200), *rng.integers(28, size=(2, 200))] = 5
    used, trained = (predict(answer, images, model, (201, 10), mode) for mode in (False, True))
    taken = np.isclose(trained[:-1], used[-1], atol=1e-7)
    return taken.all(axis=1).mean() > 0.25


@exercise(
    "initial_std",
    section="3.3 Initialization",
    points=4,
    hints=[
        "Take the shape apart: the last two entries are inputs and outputs, the others the window.",
        "Fan in is inputs times the entries of the window, fan out is outputs times them.",
        "Glorot divides 2 by the sum of both fans, He by fan in; both are variances.",
    ],
)
def initial_std(answer, expect, rng):
    inputs, outputs = (int(n) for n in rng.choice(np.arange(20, 200), size=2, replace=False))
    height, width = (int(n) for n in rng.choice([2, 3, 5, 7], size=2, replace=False))
    for shape in ((inputs, outputs), (height, width, inputs, outputs)):
        window = int(np.prod(shape[:-2]))
        fan_in, fan_out = window * inputs, window * outputs
        right = {"glorot": np.sqrt(2 / (fan_in + fan_out)), "he": np.sqrt(2 / fan_in)}
        for scheme, other in (("glorot", "he"), ("he", "glorot")):
            expect.given = f'For a kernel of shape {shape} and the scheme "{scheme}"'
            std = right[scheme]
            mistakes = [
                ("variance", std**2),
                ("uniform limit", np.sqrt(3) * std),
                ("forgot 2", std / np.sqrt(2)),
                ("other scheme", right[other]),
                ("no window", std * np.sqrt(window)),
                ("fan out", np.sqrt(2 / fan_out)),
                ("fan out", np.sqrt(2 / outputs)),
                ("mean of fans", np.sqrt(2) * std),
                ("window once", np.sqrt(2 / (fan_in + outputs))),
                ("window once", np.sqrt(2 / (inputs + fan_out))),
            ]
            expect.close(
                answer.call(shape, scheme),
                std,
                points=1,
                otherwise="The standard deviation should be the root of 2 over the fans.",
                mistakes=known(*mistakes),
            )


@exercise(
    "learning_rate",
    section="3.5 Learning-rate schedules",
    points=3,
    hints=[
        "Two cases: before step `warmup`, and from there on.",
        "Before, the rate is peak times the share of the warm-up that is done.",
        "Afterwards let t be the share done of the steps after the warm-up; the rate is "
        "peak / 2 * (1 + cos(pi * t)).",
    ],
)
def learning_rate(answer, expect, rng):
    peak = rng.uniform(0.05, 0.5)
    for given, warmup, when in (
        ("In the warm-up", 8, np.array([0, 1, 4, 7])),
        ("After the warm-up", 8, np.array([8, 13, 20, 29, 40])),
        ("Without a warm-up", 0, np.array([0, 7, 20, 33, 40])),
    ):
        expect.given = f"{given} (steps=40, warmup={warmup})"
        got = [expect.number(answer.call(int(step), 40, peak, warmup)) for step in when]
        done, late = when / 40, (when - warmup) / (40 - warmup)
        wave = peak / 2 * (1 + np.cos(np.pi * late))
        rising = peak * when / max(warmup, 1)
        mistakes = [
            ("constant", np.full(len(when), peak)),
            ("no warm-up", peak / 2 * (1 + np.cos(np.pi * done))),
            ("no warm-up", wave),
            ("one step ahead", peak * (when + 1) / max(warmup, 1)),
        ]
        if when[0] >= warmup:
            mistakes = [
                ("constant", np.full(len(when), peak)),
                ("cosine of all steps", peak / 2 * (1 + np.cos(np.pi * done))),
                ("cosine of all steps", peak / 2 * (1 + np.cos(np.pi * (when - warmup) / 40))),
                ("quarter wave", peak * np.cos(np.pi / 2 * late)),
                ("quarter wave", peak / 2 * (1 + np.cos(np.pi / 2 * late))),
                ("whole wave", peak / 2 * (1 + np.cos(2 * np.pi * late))),
                ("linear", peak * (1 - late)),
                ("rising", peak / 2 * (1 - np.cos(np.pi * late))),
                ("not halved", 2 * wave),
            ]
        expect.close(
            got,
            rising if when[0] < warmup else wave,
            points=1,
            otherwise="The rate should rise linearly to the peak, then follow half a cosine to 0.",
            mistakes=known(*mistakes),
        )
