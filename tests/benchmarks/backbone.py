"""Measure how fast the default backbone turns photos into features, as it is and folded.

Every round predicts with both models in turn; the ratios are those within a round. They compare
seconds of the processor, which stay what they are when other programs want it too.
"""

import sys
import time
from collections import defaultdict

import numpy as np

from coursehelpers.profiles import prepare
from tests.benchmarks.command import row, run, tell

MOST = 30  # seconds for the features of four thousand photos of 96 x 96 pixels, in which
LIMITED, PHOTOS = 96, 4000
SIZES = {96: 512, 160: 192, 224: 96}  # and how many photos of each are timed
BATCH = 32


def main(arguments=None):
    return run(__doc__, "backbone", (5, "paired rounds"), "a single batch", benchmark, arguments)


def benchmark(rounds, quick):
    tell("starting TensorFlow")
    prepare()
    sizes = {size: BATCH if quick else count for size, count in SIZES.items()}
    return table(seconds_per_photo(rounds, sizes))


def seconds_per_photo(rounds, sizes):
    """Return of each size and model the seconds per photo in each round: on the clock, of the CPU.

    Another round comes first, and warms up.
    """
    from coursehelpers.models import build_backbone, fold_batch_norm

    seconds = defaultdict(list)
    for size, count in sizes.items():
        tell(f"photos of {size} x {size}")
        photos = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)
        backbone = build_backbone(input_shape=(size, size, 3), pooling="avg")
        models = {"backbone": backbone, "folded": fold_batch_norm(backbone)}
        for _ in range(rounds + 1):
            for name, model in models.items():
                start = np.array([time.perf_counter(), time.process_time()])
                model.predict(photos, batch_size=BATCH, verbose=0)
                end = np.array([time.perf_counter(), time.process_time()])
                seconds[size, name].append((end - start) / count)
    return {key: np.array(values[1:]) for key, values in seconds.items()}


def table(seconds):
    """Print photos per second and the ratio of their times; return the exit status."""
    tell()
    rounds = len(seconds[LIMITED, "folded"])
    print(f"EfficientNet-Lite0, batches of {BATCH}: photos per second, ratios of {rounds} rounds")
    for size in SIZES:
        plain, folded = (seconds[size, name] for name in ("backbone", "folded"))
        row(f"{size} x {size}, as it is", 1 / np.median(plain[:, 0]))
        ratio = plain[:, 1] / folded[:, 1]
        row(
            f"{size} x {size}, folded", 1 / np.median(folded[:, 0]), "CPU, as it is / folded", ratio
        )
    needed = PHOTOS * np.median(seconds[LIMITED, "folded"][:, 0])
    what = f"seconds for {PHOTOS} photos of {LIMITED} x {LIMITED}"
    return int(row(what, needed, limit=f"at most {MOST}", met=needed <= MOST))


if __name__ == "__main__":
    sys.exit(main())
