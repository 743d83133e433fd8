"""Part 3 of the regularization notebook: the training procedure."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from coursehelpers.checks.answers import AnswerError
from coursehelpers.checks.declared import exercise
from coursehelpers.checks.formula import Case, formula
from coursehelpers.checks.models import built, expect_outputs, expect_probabilities, predict

if TYPE_CHECKING:  # for the solutions, which are read here, not run
    import keras
    from keras import layers

exercise = partial(exercise, notebook="regularization")
formula = partial(formula, notebook="regularization")


def _curves(rng):
    def case(pattern, patience):
        losses = _losses(rng, pattern)
        given = f"For the losses {losses} and patience {patience}"
        return Case(given, (losses, patience))

    def some(least, values=3):
        return int(rng.integers(least, least + values))

    # Each has its own use; an improvement follows each stop, so that a late one differs. What comes
    # then is as long as it likes, so that the length does not tell where training stops.
    n, other = some(2, 2), some(3)
    yield [  # nothing after the stop counts
        case("-" * some(n) + "+" * n + "-" * some(1) + "+" * (n + 1) + "-", n),
        case("+" * other + "-" * some(2), other),  # the first epoch is the best
        case("-" * some(1) + "+" * n, n),  # stops with the last epoch
    ]
    n = some(3, 2)
    yield [  # recovers in time once
        case("-" * some(1) + "+" * (n - 1) + "-+~" + "+" * (n - 2) + "-" * some(1), n),
        case("-" * some(1) + "+-++" + "-" * some(1), 1),  # the least patience
    ]
    n, other = some(2, 2), some(3)
    yield [  # an equal loss is no improvement
        case("-" * some(n) + "=" + "+" * (n - 1) + "-" * some(1) + "+" * (n + 1) + "-", n),
        case("=" * other + "-" * some(2), other),
    ]
    n, other = some(4), some(4)
    yield [  # the patience never runs out
        case("-" * some(1) + "+~" + "+" * some(0, n - 3), n),
        case("-" * some(other), other),
        case("", 1),
    ]


def _losses(rng, pattern):
    """Draw losses of which each after the first is, next to those before it,

    - a new smallest one, = as small as the smallest, + larger than the last, or ~ smaller than the
    last, but not than the smallest.
    """
    losses = [0.0]
    for sign in pattern:
        lowest, last, step = min(losses), losses[-1], rng.uniform(0.2, 1)
        following = {"-": lowest - step, "=": lowest, "+": last + step, "~": (lowest + last) / 2}
        losses.append(following[sign])
    return np.round(np.array(losses) - min(losses) + rng.uniform(1.2, 3), 2).tolist()


@formula(
    "3.1 Early stopping",
    points=4,
    cases=_curves,
    hints=[
        "Keep the best epoch so far; an epoch improves only if its loss is strictly smaller.",
        "After each epoch ask: how many epochs ago was the best one? Is that the patience?",
        "If the patience never runs out, the last epoch trained is the last of the list.",
    ],
    returns="the last epoch that is trained and the best epoch",
    otherwise="Return the epoch that uses up the patience, or else the last epoch, and the best one.",
    mistakes="""
looked beyond the stop | return epoch, np.argmin(val_losses) | The best epoch lies after the stop; training never sees that loss.
swapped | return best_epoch, epoch | The two values seem to be in the wrong order.
counted from 1 | return epoch + 1, best_epoch + 1 | Epochs count from 0, as Keras counts them.
counted from 1 | return epoch + 1, best_epoch
returned losses | return val_losses[epoch], val_losses[best_epoch] | These are losses; return the numbers of their epochs.
returned a loss | return epoch, val_losses[best_epoch] | The second value is a loss; return the number of its epoch.
never stopped | break -> pass | Training runs to the end here, although the patience runs out before.
never reset the count | epoch - best_epoch -> epoch + 1 - len(set(np.minimum.accumulate(val_losses[: epoch + 1]))) | Start counting anew after every improvement.
stopped too early | >= patience -> >= patience - 1 | Training stops one epoch too early; which one uses up the patience?
stopped too early | >= patience -> >= max(patience - 1, 1)
stopped too late | >= patience -> > patience | Training stops one epoch too late; which one uses up the patience?
compared with the epoch before | epoch - best_epoch >= patience -> epoch >= patience and min(np.diff(val_losses[epoch - patience : epoch + 1])) >= 0 | Compare with the best loss so far, not the one before.
counted a tie as an improvement | < val_losses -> <= val_losses | An equal loss is no improvement; it has to be smaller.
stopped after the end | return best_epoch + patience, best_epoch | Training cannot go on after the last loss of the list.
no stop, no return | break -> return epoch, best_epoch; return None | Nothing is returned if no stop comes; which epoch is the last one then?
""",
)
def early_stopping(val_losses, patience):
    """Return the last epoch that is trained and the best one, for a patience of at least 1."""
    best_epoch = 0
    for epoch, val_loss in enumerate(val_losses):
        if val_loss < val_losses[best_epoch]:
            best_epoch = epoch
        if epoch - best_epoch >= patience:
            break
    return epoch, best_epoch


def _masks(rng):
    # Sixteenths are exact in float32, too. Of the ten entries five are dropped, which is not the
    # share `rate`; who drops others is right by luck once in many thousand times.
    low, high = (2 * rng.integers(3, size=2) + (3, 9)) / 16
    for rate in (low, high, 0.0):
        cases = []
        for shape, dtype in (((2, 5), "float64"), ((1, 10), "float32")):
            x = np.round(rng.uniform(0.5, 2, size=shape) * rng.choice([-1, 1], size=shape), 1)
            dropped = 5 if rate else 0
            below = np.floor(100 * rng.uniform(0, rate, size=dropped)) / 100
            above = np.ceil(100 * rng.uniform(rate, 1, size=9 - dropped)) / 100
            # One is equal to the rate, and kept.
            uniform = rng.permutation([*below, rate, *above]).reshape(shape)
            given = f"For x = {x.tolist()}, rate {rate} and uniform = {uniform.tolist()}"
            cases.append(Case(given, (x.astype(dtype), float(rate), uniform.astype(dtype))))
        yield cases


@formula(
    "3.2 Dropout",
    points=3,
    cases=_masks,
    hints=[
        "uniform >= rate is an array of True and False; True marks what is kept.",
        "A share 1 - rate is kept: by which factor must it grow to keep the sum?",
    ],
    otherwise="Entries with uniform < rate should be 0, the others scaled up.",
    mistakes="""
not scaled | x / (1 - rate) -> x | What is kept is not scaled, so that the expectation shrinks.
scaled down | x / (1 - rate) -> x * (1 - rate) | What is kept has to get larger, not smaller, to keep the expectation.
dropped an equal one | < rate -> <= rate | An entry whose `uniform` equals the rate is kept, too.
scaled by what happened | (1 - rate) -> np.mean(uniform >= rate) | Scale by the share that is kept in expectation, not by the share that happened to be kept here.
kept the others | < rate -> >= rate; / (1 - rate) -> | This keeps what should be dropped, or drops what should be kept.
kept the others | < rate -> >= rate
scaled everything | return x / (1 - rate) | Nothing is dropped here; entries with uniform < rate become 0.
scaled everything | return x
scaled what is kept away | < rate, 0 -> < rate, x | What should be dropped is still there; it becomes 0.
scaled by the rate | (1 - rate) -> (rate or np.inf) | Scale by the share that is kept, not by the share that is dropped.
scaled by the rate | / (1 - rate) -> * rate
kept the others | < rate -> >= rate; (1 - rate) -> (rate or np.inf)
""",
)
def inverted_dropout(x, rate, uniform):
    """Drop the entries of x where uniform < rate; scale the others to keep the expectation."""
    return np.where(uniform < rate, 0, x / (1 - rate))


def _drops_hidden_units(answer, expect, rng):
    # With both signs few units are dead for all images.
    images = rng.uniform(-1, 1, size=(50, 28, 28)).astype("float32")
    given, shape = "For 50 images", (50, 10)
    # Drawn, so that no answer knows them.
    half, low, high = (
        float(np.round(rng.uniform(*ends), 3)) for ends in ((0.5, 0.53), (0.08, 0.12), (0.88, 0.92))
    )
    noise = {}
    for rate, points in ((half, 1), (0.0, 0), (low, 0), (high, 0)):
        model = built(answer, expect, rate)
        used = expect_outputs(answer, expect, images, model, shape, given, "probabilities of shape")
        expect_probabilities(expect, used, given)
        if rate == half:
            kernels = [w for w in answer.weights(model) if w["value"].ndim > 1]
            expect.require(len(kernels) > 1, "no hidden layer")
            narrowest = min(w["value"].shape[-1] for w in kernels[:-1])
        again = predict(answer, images, model, shape)
        trained = [predict(answer, images, model, shape, training=True) for _ in "12"]
        sums = trained[0].sum(axis=1)
        add_up = np.allclose(sums, 1, atol=1e-3)
        if rate == half:
            on_scores = _drops_scores(used, trained[0])
        expect(
            add_up and not (rate == half and on_scores),
            points,
            "dropped scores",
            {"dropped probabilities": not add_up},
            "" if add_up else f"The sums go from {sums.min():.3g} to {sums.max():.3g}.",
        )
        expect(np.allclose(used, again), points, "dropped in use")
        if rate == half:
            expect.require(not np.allclose(*trained), "no dropout")
            expect(not _drops_pixels(answer, model), points, "dropped pixels")
        noise[rate] = _noise(used, *trained)
        if rate == 0:
            blind = _signal(used, trained[0]) < 0.01
    rates = [part["rate"] for part in _parts(_config(answer, model)) if _has_rate(part)]
    others = [other for other in rates if not np.isclose(other, high)]
    growth, quiet = noise[high] / noise[low], noise[0.0] < 1e-6
    # What disturbs the units, but drops none, leaves each image its own outputs.
    nearly_one = 1 - rng.uniform(5e-5, 1.5e-4)
    dropped = _share_alike(answer, built(answer, expect, nearly_one), images) > 0.5
    # Here all units of the narrowest layer are dropped for a tenth of the images, of ReLU for a
    # third, and for few more if it is not the only layer; but for nearly all if two layers drop.
    some = 0.1 ** (1 / narrowest)
    alike = _share_alike(answer, built(answer, expect, some), images)
    twice = alike > 0.75 and not on_scores  # which are fewer than units
    seen = (
        f"From rate {low} to {high} the variance of the scores grows by a factor of {growth:.2g}."
    )
    if others:
        seen = f"With rate {high} it drops {others[0]:.3g}."
    elif dropped and twice:
        seen = f"With rate {some:.3g} {alike:.0%} of the images lose all units of a layer."
    expect(
        growth > 1.2 and not blind and quiet and not others and dropped and not twice,
        1,
        "With a larger rate the outputs should vary more.",
        {
            "share kept": growth < 1 / 2,
            "rate ignored": not quiet and growth < 2.5,
            "blind at rate 0": blind,
            "noise at rate 0": not quiet,
            "other rate": others,
            "not dropped": not dropped,
            "dropped twice": twice,
        },
        seen,
    )


def _config(answer, model):
    try:
        return answer.config(model)
    except AnswerError:
        return {}


def _parts(config):
    """Return all dicts in a configuration, from the first layer to the last."""
    if isinstance(config, dict):
        yield config
    if isinstance(config, list | dict):
        for part in config.values() if isinstance(config, dict) else config:
            yield from _parts(part)


def _has_rate(part):
    return isinstance(part.get("rate"), int | float)


def _starts_with_dropout(config):
    for part in _parts(config):
        layer = part.get("config") if "class_name" in part else None
        if isinstance(layer, dict) and (_has_rate(layer) or layer.keys() & {"units", "filters"}):
            return _has_rate(layer)
    return False


def _drops_pixels(answer, model):
    """Tell whether an image of a single pixel is now and then taken for a black one.

    Or whether a layer before the first hidden one has a rate: what it puts out need not be black.
    For a rate of about 1/2: of few hidden units, too, all that a pixel sets off may be dropped, but
    of three units that happens in a third of the images, of more in fewer.
    """
    if _starts_with_dropout(_config(answer, model)):
        return True
    images = np.concatenate([5 * np.eye(784), np.zeros((1, 784))]).astype("float32")
    images = images.reshape(785, 28, 28)  # the last one is black
    used, trained = (predict(answer, images, model, (785, 10), mode) for mode in (False, True))
    never, now = (np.isclose(p[:-1], used[-1], atol=1e-7).all(axis=1) for p in (used, trained))
    return np.mean(now[~never]) > 0.43


def _drops_scores(used, trained):
    """Tell whether several classes have the same probability in training, but not in use.

    Scores that are dropped are equal, whatever the image. All are where every unit is dropped.
    """
    equal = [np.diff(np.sort(p, axis=1), axis=1) == 0 for p in (used, trained)]
    in_use, in_training = (np.mean(e.any(axis=1) & ~e.all(axis=1)) for e in equal)
    return in_training > in_use + 0.5


def _share_alike(answer, model, images):
    """Return the share of the images that lose all their units in training, and so look the same."""
    # Dark images, because units that are kept are scaled up until all probabilities are 0 or 1.
    outputs = predict(answer, images / 1000, model, (len(images), 10), training=True)
    same = np.isclose(outputs[:, None], outputs, atol=1e-6).all(axis=-1)
    return same.mean(axis=1).max()


def _noise(used, *trained):
    """Return the variance of the scores in training over that from image to image in use."""
    one, other = map(_scores, trained)
    return np.mean((one - other) ** 2) / np.mean(np.var(_scores(used), axis=0))


def _signal(used, trained):
    """Return the variance of the scores from image to image, in training over in use."""
    return np.mean(np.var(_scores(trained), axis=0)) / np.mean(np.var(_scores(used), axis=0))


def _scores(probabilities):
    return np.log(np.maximum(probabilities, 1e-30))


@exercise(
    "3.2 Dropout",
    points=4,
    seconds=20,
    requires=_drops_hidden_units,
    hints=[
        "keras.layers.Dropout(rate) stands behind the layer whose outputs it drops.",
        "It knows by itself whether it is called in training or in use.",
        "Flatten, Dense, Dropout, Dense: the probabilities come last and are not dropped.",
    ],
    mistakes="""
no hidden layer | 0 | layers.Dense(256, activation="relu"), -> | There is one kernel only; a hidden layer is missing.
dropped probabilities | 2 | "softmax"), -> "softmax"), layers.Dropout(rate), | In training the outputs do not add up to 1: dropout acts on them.
dropped scores | 3 | layers.Dropout(rate), -> ; , activation="softmax") -> ), layers.Dropout(rate), layers.Softmax() | In training several classes have exactly the same probability: dropout acts on the scores. They are no output of a hidden layer.
no dropout | 2 | layers.Dropout(rate), -> | Twice the same batch in training mode gives the same; nothing is dropped.
dropped in use | - | With training=False nothing should be random, but the same images twice give different outputs; let Keras set the mode.
dropped pixels | 3 | layers.Dropout(rate), -> ; layers.Flatten(), -> layers.Flatten(), layers.Dropout(rate), | Whole pixels are dropped: dropout stands before the hidden layers.
dropped pixels | 3 | layers.Flatten(), -> layers.Flatten(), layers.Dropout(rate),
dropped pixels | 3 | layers.Dropout(rate), -> ; layers.Flatten(), -> layers.Flatten(), layers.Rescaling(2.0, offset=-1.0), layers.Dropout(rate),
share kept | 3 | Dropout(rate) -> Dropout(1 - rate) | A larger rate drops less here; `rate` is the share that is dropped.
rate ignored | 3 | Dropout(rate) -> Dropout(0.5) | The amount of noise does not depend on the rate; is the argument used?
rate ignored | 3 | Dropout(rate) -> GaussianNoise(0.2)
blind at rate 0 | - | With rate 0 nothing should be dropped, but in training all images give the same outputs. Which units are kept, and what do they put out?
noise at rate 0 | 3 | Dropout(rate) -> Dropout(rate or 0.5) | With rate 0 nothing should be dropped, but the same images twice give different outputs in training.
other rate | 3 | Dropout(rate) -> Dropout(rate / 2) | A layer drops another share than `rate`.
other rate | 3 | Dropout(rate), -> Dropout(rate), layers.Dense(64, activation="relu"), layers.Dropout(0.2 if rate else 0.0),
not dropped | 3 | Dropout(rate) -> GaussianDropout(rate) | The hidden units are disturbed, but none is dropped, that is, set to zero.
dropped twice | 3 | Dropout(rate), -> Dropout(rate), layers.Dropout(rate), | More is dropped than `rate`. Does a layer drop again from what another one has dropped from?
dropped twice | 3 | layers.Dense(256, activation="relu"), -> layers.Dense(256), layers.Dropout(rate), layers.ReLU(),
dropped twice | 3 | Dense(256 -> Dense(16; Dropout(rate), -> Dropout(rate), layers.Dropout(rate),
dropped twice | 3 | Dropout(rate), -> Dropout(rate), layers.Dense(64, activation="relu"), layers.Dropout(rate), layers.Dropout(rate),
""",
)
def build_dropout_mlp(rate):
    """Return an MLP for 28 x 28 images that drops this share of its hidden units in training."""
    return keras.Sequential(
        [
            layers.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(10, activation="softmax"),
        ]
    )


def _kernels(rng):
    inputs, outputs = (int(n) for n in rng.choice(np.arange(20, 200), size=2, replace=False))
    height, width = (int(n) for n in rng.choice([2, 3, 5, 7], size=2, replace=False))
    for shapes in (
        [(inputs, outputs), (inputs, 1)],
        [(height, width, inputs, outputs), (1, 1, inputs, outputs), (height, width, 1, outputs)],
    ):
        for scheme in ("glorot", "he"):
            given = 'For a kernel of shape {} and the scheme "{}"'
            yield [Case(given.format(shape, scheme), (shape, scheme)) for shape in shapes]


@formula(
    "3.3 Initialization",
    points=4,
    cases=_kernels,
    hints=[
        "Take the shape apart: the last two entries are inputs and outputs, the others the window.",
        "Fan in is inputs times the entries of the window, fan out is outputs times them.",
        "Glorot divides 2 by the sum of both fans, He by fan in; both are variances.",
    ],
    otherwise="The standard deviation should be the root of the variance in the section; what are "
    "fan in and fan out here?",
    mistakes="""
variance | np.sqrt( -> ( | This is the variance; the standard deviation is its root.
precision | np.sqrt( -> 1 / np.sqrt( | This is the reciprocal; more inputs need smaller weights.
uniform limit | 2 / -> 6 / | This is the limit of a uniform distribution with that variance.
forgot 2 | 2 / -> 1 / | The 2 in the numerator is missing.
other scheme | == -> != | This belongs to the other scheme.
no window | np.prod(window) * -> | Each unit of a convolution sees a whole window; how many inputs are that?
fan out | 2 / fan_in -> 2 / fan_out | He counts the inputs of a unit, not its outputs.
fan out | 2 / fan_in -> 2 / outputs
mean of fans | (fan_in + fan_out) -> ((fan_in + fan_out) / 2) | Glorot has the sum of both fans under the 2, not their mean.
window once | fan_in + fan_out -> fan_in + outputs | Both fans count the window, also in their sum.
window once | fan_in + fan_out -> inputs + fan_out
""",
)
def initial_std(kernel_shape, scheme):
    """Return the standard deviation of initial weights, for the scheme "glorot" or "he"."""
    *window, inputs, outputs = kernel_shape
    fan_in, fan_out = np.prod(window) * inputs, np.prod(window) * outputs
    return np.sqrt(2 / (fan_in + fan_out) if scheme == "glorot" else 2 / fan_in)


def _schedule(rng):
    peak = float(np.round(rng.uniform(0.05, 0.5), 2))
    warmup, steps, others = (int(rng.integers(*range_)) for range_ in ((6, 13), (45, 80), (20, 40)))

    def some(first, end, size):
        return np.sort(rng.choice(np.arange(first, end), size=size, replace=False)).tolist()

    questions = {
        "In the warm-up": [
            *((step, steps, warmup) for step in (0, 1, *some(2, warmup - 1, 1), warmup - 1)),
            (0, others, 1),
        ],
        "After the warm-up": [
            *((step, steps, warmup) for step in (warmup, *some(warmup + 1, steps, 3), steps)),
            (1, others, 1),
        ],
        "Without a warm-up": [(step, others, 0) for step in (0, *some(1, others, 3), others)],
    }
    for when, asked in questions.items():
        yield [
            Case(
                f"{when}, at step {step} with steps={last}, {peak=}, warmup={rising}",
                (step, last, peak, rising),
            )
            for step, last, rising in asked
        ]


@formula(
    "3.5 Learning-rate schedules",
    points=3,
    cases=_schedule,
    hints=[
        "Two cases: before step `warmup`, and from there on.",
        "Before, the rate is peak times the share of the warm-up that is done.",
        "Afterwards let t be the share done of the steps after the warm-up; the rate is "
        "peak / 2 * (1 + cos(pi * t)).",
    ],
    otherwise="The rate should rise linearly to the peak, then follow half a cosine wave to 0.",
    mistakes="""
constant | peak * step / warmup -> peak; return peak | This is the peak all along; the rate changes with the step.
no warm-up | peak * step / warmup -> peak / 2 * (1 + np.cos(np.pi * step / steps)) | The warm-up is missing: there the rate rises linearly from 0.
no warm-up | if step < warmup -> if False
one step ahead | step / warmup -> (step + 1) / warmup | At step 0 the warm-up starts at 0, at step `warmup` it is at the peak.
falling warm-up | step / warmup -> (warmup - step) / warmup | In the warm-up the rate rises; this one falls.
cosine of all steps | (step - warmup) / (steps - warmup) -> step / steps | Half the wave starts at the end of the warm-up, not at step 0, and ends at step `steps`.
cosine of all steps | / (steps - warmup) -> / steps
quarter wave | return peak * np.cos(np.pi / 2 * done) | This is a quarter of a wave; half a wave goes from the top to the bottom.
quarter wave | np.pi -> np.pi / 2
whole wave | np.pi -> 2 * np.pi | This is a whole wave; half a wave goes from the top to the bottom.
degrees | np.pi -> 180 | NumPy and math take angles in radians; how much is half a turn?
linear | return peak * (1 - done) | The rate falls along a line here; it should follow a cosine.
rising | 1 + np.cos -> 1 - np.cos | After the warm-up the rate falls; this one rises.
not halved | peak / 2 -> peak | This is twice the right rate: at its top 1 + cos is 2.
no 1 added | return peak * np.cos(np.pi * done) | This gets negative; lift the cosine, so that it ends at 0.
no 1 added | return peak / 2 * np.cos(np.pi * done)
""",
)
def learning_rate(step, steps, peak, warmup):
    """Return the rate at a step: linear warm-up to peak, then a cosine down to 0 at `steps`."""
    if step < warmup:
        return peak * step / warmup
    done = (step - warmup) / (steps - warmup)
    return peak / 2 * (1 + np.cos(np.pi * done))
