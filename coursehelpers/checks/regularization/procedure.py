"""Part 3 of the regularization notebook: the training procedure."""

from functools import partial

import numpy as np

from coursehelpers.checks.core import exercise, mistakes_from
from coursehelpers.checks.models import (
    built,
    expect_outputs,
    expect_sums_of_one,
    predict,
)
from coursehelpers.checks.regularization import dropout
from coursehelpers.checks.regularization.cases import Case, expect_each

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
        "returned a loss": "The second value is a loss; return the number of its epoch.",
        "no stop, no return": "Nothing is returned if no stop comes; which epoch is the last one then?",
        "not scaled": "What is kept is not scaled, so that the expectation shrinks.",
        "scaled by the rate": "Scale by the share that is kept, not by the share that is dropped.",
        "scaled down": "What is kept has to get larger, not smaller, to keep the expectation.",
        "scaled by what happened": "Scale by the share that is kept in expectation, not by the share "
        "that happened to be kept here.",
        "scaled what is kept away": "What should be dropped is still there; it becomes 0.",
        "dropped an equal one": "An entry whose `uniform` equals the rate is kept, too.",
        "kept the others": "This keeps what should be dropped, or drops what should be kept.",
        "scaled everything": "Nothing is dropped here; entries with uniform < rate become 0.",
        "no hidden layer": "There is one kernel only; a hidden layer is missing.",
        "dropped probabilities": "In training the outputs do not add up to 1: dropout acts on them.",
        "dropped scores": "In training several classes have exactly the same probability: dropout "
        "acts on the scores. They are no output of a hidden layer.",
        "no dropout": "Twice the same batch in training mode gives the same; nothing is dropped.",
        "dropped in use": "With training=False nothing should be random, but the same images twice "
        "give different outputs; let Keras set the mode.",
        "share kept": "A larger rate drops less here; `rate` is the share that is dropped.",
        "rate ignored": "The amount of noise does not depend on the rate; is the argument used?",
        "noise at rate 0": "With rate 0 nothing should be dropped, but the same images twice give "
        "different outputs in training.",
        "blind at rate 0": "With rate 0 nothing should be dropped, but in training all images give "
        "the same outputs. Which units are kept, and what do they put out?",
        "other rate": "A layer drops another share than `rate`.",
        "not dropped": "The hidden units are disturbed, but none is dropped, that is, set to zero.",
        "dropped pixels": "Whole pixels are dropped: dropout stands before the hidden layers.",
        "variance": "This is the variance; the standard deviation is its root.",
        "precision": "This is the reciprocal; more inputs need smaller weights.",
        "uniform limit": "This is the limit of a uniform distribution with that variance.",
        "forgot 2": "The 2 in the numerator is missing.",
        "other scheme": "This belongs to the other scheme.",
        "fan out": "He counts the inputs of a unit, not its outputs.",
        "mean of fans": "Glorot has the sum of both fans under the 2, not their mean.",
        "no window": "Each unit of a convolution sees a whole window; how many inputs are that?",
        "window once": "Both fans count the window, also in their sum.",
        "constant": "This is the peak all along; the rate changes with the step.",
        "one step ahead": "At step 0 the warm-up starts at 0, at step `warmup` it is at the peak.",
        "no warm-up": "The warm-up is missing: there the rate rises linearly from 0.",
        "falling warm-up": "In the warm-up the rate rises; this one falls.",
        "cosine of all steps": "Half the wave starts at the end of the warm-up, not at step 0, and "
        "ends at step `steps`.",
        "quarter wave": "This is a quarter of a wave; half a wave goes from the top to the bottom.",
        "whole wave": "This is a whole wave; half a wave goes from the top to the bottom.",
        "degrees": "NumPy and math take angles in radians; how much is half a turn?",
        "linear": "The rate falls along a line here; it should follow a cosine.",
        "rising": "After the warm-up the rate falls; this one rises.",
        "not halved": "This is twice the right rate: at its top 1 + cos is 2.",
        "no 1 added": "This gets negative; lift the cosine, so that it ends at 0.",
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
    for curves in (
        [  # nothing after the stop counts
            ([9, 7, 5, 6, 6.5, 7, 4, 6, 6.2, 6.4, 6.6, 3], 3),
            ([4, 5, 6, 3, 2, 1], 2),  # the first epoch is the best
            ([4, 2, 3, 3.5], 2),  # stops with the last epoch
        ],
        [  # recovers in time once
            ([9, 7, 8, 8.5, 6, 7, 6.9, 7.7, 5, 5.5, 5.6, 5.7, 5.8, 4], 3),
            ([6, 5, 4, 4.5, 3, 5, 2], 1),  # the least patience
        ],
        [  # an equal loss is no improvement
            ([4, 3, 2, 2, 2.5, 1.5, 1.6, 1.7, 1.8, 1], 2),
            ([5, 5, 5, 5, 4], 3),
        ],
        [  # the patience never runs out
            ([4, 3, 2, 3, 2.5], 4),
            ([5, 4, 3, 2, 1], 2),
            ([3], 1),
        ],
    ):
        cases = [_stopped(answer, expect, rng.uniform(0.5, 2), *curve) for curve in curves]
        expect_each(
            expect,
            cases,
            "Return the epoch that uses up the patience, or else the last epoch, and the best one.",
        )


def _stopped(answer, expect, scale, losses, patience):
    val_losses = np.round(scale * np.array(losses), 2)
    stopped, best = _stopping(val_losses, patience)
    last, best_of_all = len(val_losses) - 1, int(np.argmin(val_losses))
    expect.given = f"For the losses {val_losses.tolist()} and patience {patience}"
    got = answer.call(val_losses.tolist(), patience)
    silent = got is None and best + patience > last
    expect.that(not silent, "", mistakes=known(("no stop, no return", True)))
    mistakes = known(
        ("looked beyond the stop", (stopped, best_of_all)),
        ("swapped", (best, stopped)),
        ("counted from 1", (stopped + 1, best + 1)),
        ("counted from 1", (stopped + 1, best)),
        ("returned losses", val_losses[[stopped, best]]),
        ("returned a loss", (stopped, val_losses[best])),
        ("never stopped", (last, best_of_all)),
        ("never reset the count", _stopping(val_losses, patience, reset=False)),
        ("stopped too early", _stopping(val_losses, patience - 1)),
        ("stopped too early", _stopping(val_losses, max(patience - 1, 1))),
        ("stopped too late", _stopping(val_losses, patience + 1)),
        ("compared with the epoch before", _stopping(val_losses, patience, previous=True)),
        ("counted a tie as an improvement", _stopping(val_losses, patience, ties=True)),
        ("stopped after the end", (best + patience, best)),
    )
    got = expect.pair(got, "the last epoch that is trained and the best epoch")
    return Case(expect.given, got, (stopped, best), mistakes)


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
        if wait >= patience:
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
    # Of the six entries so many are dropped that the share is not `rate`.
    for rate, dropped in ((0.25, 3), (0.75, 3), (0.0, 0)):
        cases = []
        for shape, dtype in (((2, 3), "float64"), ((1, 6), "float32")):
            x = np.round(rng.uniform(0.5, 2, size=shape) * rng.choice([-1, 1], size=shape), 1)
            below, above = (
                rng.uniform(0, rate, size=dropped),
                rng.uniform(rate, 1, size=5 - dropped),
            )
            below, above = np.floor(100 * below) / 100, np.ceil(100 * above) / 100
            # One is equal to the rate, and kept.
            uniform = rng.permutation([*below, rate, *above]).reshape(shape)
            expect.given = f"For x = {x.tolist()}, rate {rate} and uniform = {uniform.tolist()}"
            got = answer.call(x.astype(dtype), rate, uniform.astype(dtype))
            cases.append(Case(expect.given, got, *_dropped(x, rate, uniform)))
        expect_each(expect, cases, "Entries with uniform < rate should be 0, the others scaled up.")


def _dropped(x, rate, uniform):
    """Return x after inverted dropout, and what known mistakes make of it."""
    kept = np.where(uniform >= rate, x, 0)
    others = x - kept
    share = rate or np.inf  # nothing is divided by a rate of 0
    mistakes = known(
        ("not scaled", kept),
        ("scaled down", (1 - rate) * kept),
        ("dropped an equal one", np.where(uniform > rate, x, 0) / (1 - rate)),
        ("scaled by what happened", kept / np.mean(uniform >= rate)),
        ("kept the others", others),
        ("kept the others", others / (1 - rate)),
        ("scaled everything", x / (1 - rate)),
        ("scaled everything", x),
        ("scaled what is kept away", np.where(kept == 0, x, kept / (1 - rate))),
        ("scaled by the rate", kept / share),
        ("scaled by the rate", kept * rate),
        ("kept the others", others / share),
    )
    return kept / (1 - rate), mistakes


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
    # With both signs few units are dead for all images.
    images = rng.uniform(-1, 1, size=(50, 28, 28)).astype("float32")
    given, shape = "For 50 images", (50, 10)
    noise = {}
    for rate, points in ((0.5, 1), (0.0, 0), (0.1, 0), (0.9, 0)):
        model = built(answer, expect, rate)
        used = expect_outputs(answer, expect, images, model, shape, given, "probabilities of shape")
        expect_sums_of_one(expect, used, given)
        if rate == 0.5:
            kernels = [w for w in answer.weights(model) if w["value"].ndim > 1]
            expect.that(len(kernels) > 1, "", mistakes=known(("no hidden layer", True)))
        again = predict(answer, images, model, shape)
        trained = [predict(answer, images, model, shape, training=True) for _ in "12"]
        sums = trained[0].sum(axis=1)
        add_up = np.allclose(sums, 1, atol=1e-3)
        expect.that(
            add_up and not (rate == 0.5 and dropout.drops_scores(used, trained[0])),
            "",
            points,
            known(("dropped probabilities", not add_up), ("dropped scores", True)),
            seen="" if add_up else f"The sums go from {sums.min():.3g} to {sums.max():.3g}.",
        )
        expect.that(np.allclose(used, again), "", points, known(("dropped in use", True)))
        if rate == 0.5:
            expect.that(not np.allclose(*trained), "", mistakes=known(("no dropout", True)))
            pixels = dropout.drops_pixels(answer, model)
            expect.that(not pixels, "", points, known(("dropped pixels", True)))
        noise[rate] = dropout.noise(used, *trained)
        if rate == 0:
            blind = dropout.signal(used, trained[0]) < 0.01
    others = dropout.other_rates(answer, model, rate)
    growth, quiet = noise[0.9] / noise[0.1], noise[0.0] < 1e-6
    dropped = dropout.drops_units(answer, built(answer, expect, 0.9999), images)
    seen = f"From rate 0.1 to 0.9 the variance of the scores grows by a factor of {growth:.2g}."
    if others:  # at the last rate
        seen = f"With rate {rate} it drops {others[0]:.3g}."
    expect.that(
        growth > 1.2 and not blind and quiet and not others and dropped,
        "With a larger rate the outputs should vary more.",
        points=1,
        mistakes=known(
            ("share kept", growth < 1 / 2),
            ("rate ignored", not quiet and growth < 2.5),
            ("blind at rate 0", blind),
            ("noise at rate 0", not quiet),
            ("other rate", others),
            ("not dropped", not dropped),
        ),
        seen=seen,
    )


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
    for shapes in (
        [(inputs, outputs), (inputs, 1)],
        [(height, width, inputs, outputs), (1, 1, inputs, outputs), (height, width, 1, outputs)],
    ):
        for scheme in ("glorot", "he"):
            cases = []
            for shape in shapes:
                expect.given = f'For a kernel of shape {shape} and the scheme "{scheme}"'
                got = answer.call(shape, scheme)
                cases.append(Case(expect.given, got, *_std(shape, scheme)))
            expect_each(
                expect,
                cases,
                "The standard deviation should be the root of the variance in the section; what "
                "are fan in and fan out here?",
            )


def _std(shape, scheme):
    """Return the standard deviation, and what known mistakes make of it."""
    *window, inputs, outputs = shape
    window = int(np.prod(window))
    fan_in, fan_out = window * inputs, window * outputs
    std = {"glorot": np.sqrt(2 / (fan_in + fan_out)), "he": np.sqrt(2 / fan_in)}
    right = std.pop(scheme)
    (other,) = std.values()
    mistakes = known(
        ("variance", right**2),
        ("precision", 1 / right),
        ("uniform limit", np.sqrt(3) * right),
        ("forgot 2", right / np.sqrt(2)),
        ("other scheme", other),
        ("no window", right * np.sqrt(window)),
        ("fan out", np.sqrt(2 / fan_out)),
        ("fan out", np.sqrt(2 / outputs)),
        ("mean of fans", np.sqrt(2) * right),
        ("window once", np.sqrt(2 / (fan_in + outputs))),
        ("window once", np.sqrt(2 / (inputs + fan_out))),
    )
    return right, mistakes


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
    peak = float(np.round(rng.uniform(0.05, 0.5), 2))
    questions = {
        "In the warm-up": [*((step, 40, 8) for step in (0, 1, 4, 7)), (0, 25, 1)],
        "After the warm-up": [*((step, 40, 8) for step in (8, 13, 20, 29, 40)), (1, 25, 1)],
        "Without a warm-up": [(step, 60, 0) for step in (0, 7, 20, 33, 60)],
    }
    for when, steps in questions.items():
        cases = []
        for step, last, warmup in steps:
            expect.given = f"{when}, at step {step} with steps={last}, {peak=}, {warmup=}"
            got = answer.call(step, last, peak, warmup)
            cases.append(Case(expect.given, got, *_rate(step, last, peak, warmup)))
        expect_each(
            expect,
            cases,
            "The rate should rise linearly to the peak, then follow half a cosine wave to 0.",
        )


def _rate(step, steps, peak, warmup):
    """Return the learning rate, and what known mistakes make of it."""

    def wave(share, pi=np.pi):
        return peak / 2 * (1 + np.cos(pi * share))

    late = (step - warmup) / (steps - warmup)
    if step < warmup:
        mistakes = known(
            ("constant", peak),
            ("no warm-up", wave(step / steps)),
            ("no warm-up", wave(late)),
            ("one step ahead", peak * (step + 1) / warmup),
            ("falling warm-up", peak * (1 - step / warmup)),
        )
        return peak * step / warmup, mistakes
    mistakes = known(
        ("constant", peak),
        ("cosine of all steps", wave(step / steps)),
        ("cosine of all steps", wave((step - warmup) / steps)),
        ("quarter wave", peak * np.cos(np.pi / 2 * late)),
        ("quarter wave", wave(late, np.pi / 2)),
        ("whole wave", wave(late, 2 * np.pi)),
        ("degrees", wave(late, 180)),
        ("linear", peak * (1 - late)),
        ("rising", peak - wave(late)),
        ("not halved", 2 * wave(late)),
        ("no 1 added", peak * np.cos(np.pi * late)),
        ("no 1 added", peak / 2 * np.cos(np.pi * late)),
    )
    return wave(late), mistakes
