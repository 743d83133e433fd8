"""Measure `compare` against `keras.Model.fit` and against a bare compiled loop.

Time is measured in rounds, in each of which every way to train has its turn; the ratios are those
within a round. What is compiled once is measured apart. Before that, all of them have to show that
they train the same thing.
"""

import gc
import itertools
import sys
import time

import numpy as np

from coursehelpers.profiles import prepare
from tests.benchmarks.command import row, run, tell

MOST_OVERHEAD = 1.3  # compare over the bare loop
MOST_GROWTH = 1  # MB of memory per seed
SETTLED = 5  # seeds until the memory has to stay
ANEW_ROUNDS = 3  # rounds of the way that takes longest and has no limit
TOLERANCE = 0.01  # between the final losses and accuracies of all ways to train


def main(arguments=None):
    return run(__doc__, "training", (7, "paired rounds"), "tiny data", benchmark, arguments)


def benchmark(rounds, quick):
    """Measure, print the table, and return the exit status."""
    tell("starting TensorFlow")
    prepare()
    from tests.benchmarks.contenders import cases

    gc.collect()
    gc.freeze()  # the objects of TensorFlow stay; collecting garbage does not look at them again
    tell("memory")
    missed = memory_table(resident_memory(seeds=6 if quick else 20))
    for case in cases(quick):
        tell(f"{case.name}: first calls")
        finals = final_values(case)
        if not np.ptp(list(finals.values()), axis=0).max() <= TOLERANCE:  # NaN neither
            tell()
            print(f"{case.name}: not the same is trained, {finals}", file=sys.stderr)
            return 2
        compiling = compile_seconds(case)
        tell(f"{case.name}: rounds")
        missed |= time_table(case, compiling, race(case, rounds))
    return int(missed)


def final_values(case):
    """Return what each way arrives at from the same weights, with the same order of batches."""
    from coursehelpers.training import compare
    from tests.benchmarks.contenders import BATCH, METRICS, BareLoop, FitWarm

    options = {"epochs": case.epochs, "batch_size": BATCH, "shuffle": False}
    done = compare({"compare": case.build}, case.parts, seeds=[0], **options)
    splits = ("train", "validation", "test")
    return {
        "compare": [done.final(metric, part)["value"][0] for part in splits for metric in METRICS],
        "fit": FitWarm(case).train(shuffle=False),
        "bare": BareLoop(case).train(shuffle=False),
    }


def compile_seconds(case):
    """Return of each way what its first call takes longer than its second, with a single batch."""
    from coursehelpers.training import compare
    from tests.benchmarks.contenders import BATCH, BareLoop, FitAnew, FitWarm

    case = case.small()
    FitAnew(case).train()  # what is loaded once in a process is not counted
    now = time.perf_counter
    ticks = {"compare": [now()]}

    def data(seed):
        ticks["compare"].append(now())
        return case.parts

    compare({"compare": case.build}, data, seeds=range(2), epochs=1, batch_size=BATCH)
    ticks["compare"].append(now())
    for name, way in {"fit": FitWarm, "bare": BareLoop}.items():
        ticks[name] = [now()]
        way = way(case)
        for _ in range(2):
            way.train()
            ticks[name].append(now())
    return {name: (t[-2] - t[0]) - (t[-1] - t[-2]) for name, t in ticks.items()}


def race(case, rounds):
    """Return of each way to train the seconds per seed, one for each round.

    `compare` asks for the data of a seed before it trains: then the others have their turn, so that
    no call of it has to compile anything again. The first round warms up.
    """
    from keras.callbacks import LambdaCallback

    from coursehelpers.training import Setting, compare
    from tests.benchmarks.contenders import BATCH, BareLoop, FitAnew, FitWarm

    others = {"fit": FitWarm(case), "bare": BareLoop(case), "anew": FitAnew(case)}
    turns = rotating(["compare", *others], rounds)
    seconds = {name: [] for name in ("compare", "reset", *others)}

    def start(name):
        gc.collect()
        seconds[name].append(-time.perf_counter())

    def stop(name):
        seconds[name][-1] += time.perf_counter()

    def others_until_compare():
        for name in itertools.takewhile(lambda name: name != "compare", turns):
            others[name].reset()
            start(name)
            others[name].train()
            stop(name)

    def data(seed):
        others_until_compare()
        start("compare")
        seconds["reset"].append(seconds["compare"][-1])
        return case.parts

    def trained(model, parts):
        stop("compare")
        return {}

    ready = LambdaCallback(on_train_begin=lambda logs: stop("reset"))
    compare(
        {"compare": Setting(case.build, callbacks=lambda: [ready])},
        data,
        seeds=range(rounds + 1),
        epochs=case.epochs,
        batch_size=BATCH,
        measure=trained,
        description=case.name,
    )
    others_until_compare()
    return {name: np.array(values[-rounds:]) for name, values in seconds.items()}


def rotating(names, rounds):
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            if name != "anew" or 1 <= number <= ANEW_ROUNDS:
                yield name


def resident_memory(seeds):
    """Return the resident memory in MB after each seed of a call of `compare`."""
    import psutil

    from coursehelpers.models import build_mlp
    from coursehelpers.training import compare

    process, used = psutil.Process(), []

    def measure(model, parts):
        gc.collect()
        used.append(process.memory_info().rss / 2**20)
        return {}

    rng = np.random.default_rng(0)
    part = rng.random((250, 28, 28), "float32"), rng.integers(10, size=250)
    settings = {"compare": lambda: build_mlp((32,))}
    compare(settings, (part, part, part), seeds=range(seeds), epochs=2, measure=measure)
    return used


def time_table(case, compiling, seconds):
    """Print the times of one model, and return whether a limit is missed."""
    warm = {name: np.median(values) for name, values in seconds.items()}
    overhead = seconds["compare"] / seconds["bare"]
    speedup = seconds["fit"] / seconds["compare"]
    anew = seconds["anew"] / seconds["compare"][: len(seconds["anew"])]
    limits = ()
    if case.least_speedup:
        limits = f"at least {case.least_speedup}", np.median(speedup) >= case.least_speedup
    tell()
    print(
        f"\n{case.name}, {case.epochs} epochs of {len(case.parts[0][1]):,} images: seconds per seed, "
        f"median ratio (range) of {len(overhead)} rounds"
    )
    missed = [
        row("compare, with its reset", warm["compare"]),
        row("  the reset alone", warm["reset"]),
        row(
            "bare compiled loop",
            warm["bare"],
            "compare / bare",
            overhead,
            f"at most {MOST_OVERHEAD}",
            np.median(overhead) <= MOST_OVERHEAD,
        ),
        row("fit, compiled before", warm["fit"], "fit / compare", speedup, *limits),
        row("fit, a new model per seed", warm["anew"], "anew / compare", anew),
    ]
    for name, value in compiling.items():
        row(f"once, before the first epoch: {name}", value)
    return any(missed)


def memory_table(used):
    """Print the memory, and return whether the limit is missed."""
    # A slope, because single values go up and down by the size of the data.
    growth = np.polyfit(range(len(used) - SETTLED + 1), used[SETTLED - 1 :], 1)[0]
    tell()
    print("compare with a small model: resident memory in MB")
    row("after seed 2", used[1])
    row(f"after seed {len(used)}", used[-1])
    limit = f"below {MOST_GROWTH}"
    return row(
        f"growth per seed from seed {SETTLED} on", growth, "", (), limit, growth < MOST_GROWTH
    )


if __name__ == "__main__":
    sys.exit(main())
