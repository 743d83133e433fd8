"""Measure what augmentation costs in `compare`: the time of an epoch with it over one without.

Every round trains the same network in each way in turn; the ratios are those within a round.
"""

import sys
import time
from collections import defaultdict
from functools import partial

import numpy as np

from coursehelpers.profiles import prepare
from tests.benchmarks.command import row, run, tell

MOST = 1.5  # times the epoch without augmentation, for flips and shifts
LIMITED = "flip, shift"
AUGMENTERS = {
    "flip": {"flip": True},
    LIMITED: {"flip": True, "shift": 0.1},
    "flip, shift, rotation": {"flip": True, "shift": 0.1, "rotation": 10},
    "flip, shift, colour": {"flip": True, "shift": 0.1, "brightness": 0.1, "contrast": 0.2},
    "flip, shift, mixup": {"flip": True, "shift": 0.1, "mixup": 0.2},
    "flip, shift, CutMix": {"flip": True, "shift": 0.1, "cutmix": 1.0},
    "flip, RandAugment": {"flip": True, "randaugment": 5},
}


def main(arguments=None):
    return run(__doc__, "augmentation", (5, "paired rounds"), "tiny data", benchmark, arguments)


def benchmark(rounds, quick):
    tell("starting TensorFlow")
    prepare()
    return table(epoch_seconds(rounds, size=100 if quick else 1000))


def epoch_seconds(rounds, size, epochs=3):
    """Return of each way the seconds of an epoch in each round.

    The first round warms up, and so does the first epoch of each training.
    """
    from keras.callbacks import LambdaCallback
    from keras.utils import to_categorical

    from coursehelpers import data
    from coursehelpers.augment import build_augmenter
    from coursehelpers.models import build_cnn
    from coursehelpers.training import Setting, compare

    seconds = defaultdict(list)

    def clock(name):
        ticks = []

        def stop(logs=None):
            seconds[name].append((ticks[-1] - ticks[0]) / (len(ticks) - 1))

        tick = LambdaCallback(
            on_epoch_end=lambda epoch, logs: ticks.append(time.perf_counter()), on_train_end=stop
        )
        return [tick]

    ways = {"none": None}
    ways |= {name: partial(build_augmenter, **options) for name, options in AUGMENTERS.items()}
    settings = {
        name: Setting(build_cnn, augment=augment, callbacks=partial(clock, name))
        for name, augment in ways.items()
    }
    (x, y), _ = data.load_cats_dogs()
    images, labels = data.subset(x, y, size, seed=0)
    part = images.astype("float32") / 255, to_categorical(labels, 2)
    compare(settings, (part, None, None), seeds=range(rounds + 1), epochs=epochs + 1)
    return {name: np.array(values[1:]) for name, values in seconds.items()}


def table(seconds):
    """Print the seconds of an epoch and its ratio; return the exit status."""
    tell()
    print(f"compare, photos of 32 x 32: seconds per epoch, ratios of {len(seconds['none'])} rounds")
    row("none", np.median(seconds["none"]))
    missed = []
    for name in AUGMENTERS:
        ratio = seconds[name] / seconds["none"]
        limits = (f"at most {MOST}", np.median(ratio) <= MOST) if name == LIMITED else ()
        missed.append(row(name, np.median(seconds[name]), "augmented / none", ratio, *limits))
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())
