"""The strategies of transfer learning by size and domain of the data, and which of them wins where.

`measure` trains by one strategy in one cell; `data/grid.py` stores what it gives for all of them.
"""

import io
import time
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from coursehelpers.data import (
    Examples,
    Parts,
    load_cats_dogs,
    load_fashion_mnist,
    read_verified,
    resize_images,
    split,
)
from coursehelpers.metrics import paired_differences, summarize
from coursehelpers.models import blocks, build_backbone, build_cnn
from coursehelpers.transfer.features import compute, extract_features, folded
from coursehelpers.transfer.heads import train_head
from coursehelpers.transfer.tuning import fine_tune, split_backbone

if TYPE_CHECKING:
    import keras
    import pandas as pd

GRID = "transfer-grid/transfer-grid.csv"
IMAGE_SIZE = 96
BATCH_SIZE = 32
CLASSES = 2
# Each with two classes and 2,000 test images, so that the domain is what differs.
DOMAINS = {"similar": ("cat", "dog"), "different": ("T-shirt", "shirt")}
# Images to train on, and to choose with.
SIZES = {
    "little": {"train": 100, "validation": 100},
    "much": {"train": 2_000, "validation": 500},
}
# The ends of these blocks are the stages at which a linear head may stand.
STAGES = ("block2b", "block3b", "block4c", "block5c", "block6d")
# The last blocks are fine-tuned at each of these learning rates.
FEW = {"keep_last": 3, "rates": (3e-5, 3e-4), "epochs": {"little": 8, "much": 5}}
MANY = FEW | {"keep_last": 14}
# From random weights: at most so many epochs, and the best one is kept.
SMALL = {"epochs": {"little": 100, "much": 40}, "patience": {"little": 20, "much": 10}}
# No early stopping: the statistics of batch normalization need most of this time to settle.
SAME = {"epochs": {"little": 40, "much": 12}, "patience": {"little": 40, "much": 12}}


def load_domain(domain: str) -> tuple[Examples, Examples]:
    """Load the two classes of a domain.

    Parameters
    ----------
    domain : {"similar", "different"}
        Similar to ImageNet are the photos of cats and dogs; different are grey pictures of
        T-shirts and shirts, out of Fashion-MNIST. Another one is a ValueError.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray
        Images ``uint8`` of shape (n, 32, 32, 3) or (n, 28, 28), labels ``int64`` 0 and 1 of shape
        (n,).

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load_domain("different")
    >>> x.shape, len(y_test)
    ((12000, 28, 28), 2000)
    """
    _require_choice("domain", domain, DOMAINS)
    if domain == "similar":
        train, test = ((x, y.astype(np.int64)) for x, y in load_cats_dogs())
        return train, test
    parts = []
    for x, y in load_fashion_mnist():
        kept = (y == 0) | (y == 6)
        parts.append((x[kept], (y[kept] == 6).astype(np.int64)))
    return parts[0], parts[1]


def draw_cell(domain: str, size: str, seed: int) -> Parts[Examples]:
    """Draw the data of a cell: training and validation images at random, and all test images."""
    train, test = load_domain(domain)
    return split(*train, **SIZES[size], seed=seed)._replace(test=test)


def measure(domain: str, size: str, strategy: str, seed: int) -> dict[str, Any]:
    """Train by one strategy in one cell of the grid, and evaluate it.

    Parameters
    ----------
    domain, size, strategy : str
        One of `DOMAINS`, `SIZES` and `STRATEGIES`; other names are a ValueError.
    seed : int
        Draws data, weights and order.

    Returns
    -------
    dict
        ``domain``, ``size``, ``strategy``, ``seed``; accuracies ``validation`` and ``test``;
        ``choice``: what was chosen on validation; ``seconds`` of wall-clock time.

    Examples
    --------
    >>> measure("different", "little", "small network from scratch", seed=0)["test"] > 0.7
    True
    """
    _require_choice("strategy", strategy, STRATEGIES)
    _require_choice("size", size, SIZES)
    parts = draw_cell(domain, size, seed)
    start = time.perf_counter()
    found = STRATEGIES[strategy](parts, size, seed)
    seconds = time.perf_counter() - start
    cell = {"domain": domain, "size": size, "strategy": strategy, "seed": seed}
    return cell | found | {"seconds": round(seconds, 1)}


def build_stages(image_size: int = IMAGE_SIZE) -> "tuple[keras.Model, dict[str, slice]]":
    """Build the network of all stages: from images to the pooled features of each, side by side.

    Returns
    -------
    model : keras.Model
        The frozen backbone; its output has the shape (n, features of all stages).
    columns : dict of str to slice
        Where the features of each stage stand; the last one is "top".

    Examples
    --------
    >>> model, columns = build_stages()
    >>> columns["block2b"], model.output_shape[1] == columns["top"].stop
    (slice(0, 24, None), True)
    """
    import keras

    backbone = build_backbone(input_shape=(image_size, image_size, 3), pooling="avg")
    found = blocks(backbone)
    pool = keras.layers.GlobalAveragePooling2D()
    outputs = {name: pool(found[name][-1].output) for name in STAGES}
    outputs["top"] = backbone.output
    columns, start = {}, 0
    for name, output in outputs.items():
        columns[name] = slice(start, start + output.shape[-1])
        start = columns[name].stop
    joined = keras.layers.Concatenate()(list(outputs.values()))
    return keras.Model(backbone.input, joined, name=f"{backbone.name}_stages"), columns


def load_grid() -> "pd.DataFrame":
    """Load what the strategies of transfer learning reached, for each cell and seed.

    Returns
    -------
    pandas.DataFrame
        One row per run, with the columns that `coursehelpers.transfer.strategies.measure` gives;
        ``seconds`` are those of one processor core.

    Raises
    ------
    DataError
        If the file is missing or damaged.

    Examples
    --------
    >>> grid = load_grid()
    >>> len(grid) == grid["seed"].nunique() * 24
    True
    """
    import pandas as pd

    return pd.read_csv(io.BytesIO(read_verified(GRID)), keep_default_na=False)


def standings(grid: "pd.DataFrame") -> "pd.DataFrame":
    """Compare the strategies in each cell of the grid with the best one there.

    Parameters
    ----------
    grid : pandas.DataFrame
        What `load_grid` returns.

    Returns
    -------
    pandas.DataFrame
        One row per cell and strategy: ``domain``, ``size``, ``strategy``; the mean test accuracy
        ``estimate`` with its 95 % interval ``low``, ``high`` over ``n`` seeds; the mean
        ``difference`` to the strategy with the highest mean of the cell, its interval ``diff low``,
        ``diff high`` with Holm's correction over the strategies; and its ``standing``:

        - "worse": shown to be worse than the one with the highest mean,
        - "best": has the highest mean, and all others were shown to be worse,
        - "tied": neither, the seeds do not tell it from the one with the highest mean.

        Finally ``beaten``: whether some other strategy of the cell was better in every seed. That
        is no proof, but a reason not to recommend the strategy.

    Examples
    --------
    >>> from coursehelpers.transfer import load_grid
    >>> table = standings(load_grid())
    >>> set(table["standing"]) <= {"best", "tied", "worse"}
    True
    """
    import pandas as pd

    names = {"estimate": "difference", "low": "diff low", "high": "diff high"}
    cells = []
    for (domain, size), runs in grid.groupby(["domain", "size"], sort=False):
        means = summarize(runs, "strategy", "test")
        best = means.loc[means["estimate"].idxmax(), "strategy"]
        against = paired_differences(runs, "strategy", "test", best).rename(columns=names)
        table = means.merge(against[["strategy", *names.values()]], how="left").fillna(0.0)
        table["standing"] = "tied"
        table.loc[table["diff high"] < 0, "standing"] = "worse"
        if (table["standing"] == "tied").sum() == 1:
            table["standing"] = table["standing"].replace("tied", "best")
        table["beaten"] = table["strategy"].isin(_beaten(runs))
        table.insert(0, "domain", domain)
        table.insert(1, "size", size)
        cells.append(table)
    return pd.concat(cells, ignore_index=True)


def _beaten(runs):
    """Return the strategies that another one was better than in every seed."""
    values = runs.pivot_table("test", "strategy", "seed").T
    return [name for name in values if values.gt(values[name], axis=0).all().any()]


def _head(parts, size, seed, *, stages):
    """Train a head on the features of each stage, and take the best one on validation."""
    model, columns = build_stages()
    features = [(extract_features(model, _enlarged(x), cache=False), y) for x, y in parts]
    trained = []
    for name in stages:
        train, validation, test = ((x[:, columns[name]], y) for x, y in features)
        head = train_head(*train, validation=validation)
        trained.append((min(head.losses.values()), name, head, validation, test))
    _, name, head, validation, test = min(trained, key=itemgetter(0))
    return _measured(head, validation, test, name if len(stages) > 1 else "")


def _fine_tune(parts, size, seed, *, keep_last, rates, epochs):
    """Fine-tune the last blocks at each rate, and take the best one on validation."""
    images, labels = [_enlarged(x) for x, _ in parts], [y for _, y in parts]
    activations, tuned = None, []
    for rate in rates:
        backbone = build_backbone(input_shape=images[0].shape[1:], pooling="avg")
        lower, upper = split_backbone(backbone, keep_last=keep_last)
        if activations is None:  # the frozen part is the same for all rates
            activations = [extract_features(lower, x, cache=False) for x in images]
        train, validation, test = zip(activations, labels, strict=True)
        head = train_head(*_features(upper, *train), validation=_features(upper, *validation))
        head, losses = fine_tune(
            upper,
            head,
            *train,
            validation=validation,
            epochs=epochs[size],
            learning_rate=rate,
            batch_size=BATCH_SIZE,
            seed=seed,
        )
        tuned.append((min(losses), rate, upper, head))
    _, rate, upper, head = min(tuned, key=itemgetter(0))
    validation, test = _features(upper, *validation), _features(upper, *test)
    return _measured(head, validation, test, f"learning rate {rate:g}")


def _from_scratch(parts, size, seed, *, build, prepare, epochs, patience):
    """Train a network from random weights, and take the best epoch on validation."""
    import keras

    from coursehelpers.augment import build_augmenter
    from coursehelpers.training import Setting, compare

    def stop_early():
        return [keras.callbacks.EarlyStopping(patience=patience[size], restore_best_weights=True)]

    data = [(prepare(x), keras.utils.to_categorical(y, CLASSES)) for x, y in parts]
    build = partial(build, input_shape=data[0][0].shape[1:])
    setting = Setting(build, callbacks=stop_early, augment=partial(build_augmenter, flip=True))
    run = compare(
        {"": setting}, tuple(data), seeds=[seed], epochs=epochs[size], batch_size=BATCH_SIZE
    )
    curves = run.frame.query("split == 'validation'").pivot_table("value", "epoch", "metric")
    best = int(curves["loss"].to_numpy().argmin())
    return {
        "validation": float(curves["accuracy"].iloc[best]),
        "test": run.final()["value"].item(),
        "choice": f"{best + 1} of {len(curves)} epochs",
    }


def _measured(head, validation, test, choice):
    return {
        "validation": head.accuracy(*validation),
        "test": head.accuracy(*test),
        "choice": choice,
    }


def _features(network, x, y):
    return compute(folded(network), x, BATCH_SIZE), y


def _same_network(input_shape):
    import keras

    backbone = build_backbone(weights=None, input_shape=input_shape, pooling="avg")
    head = keras.layers.Dense(CLASSES, activation="softmax")
    # Augmentation takes pixels in 0..1, the backbone in 0..255.
    model = keras.Sequential([keras.layers.Rescaling(255), backbone, head])
    model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy", metrics=["accuracy"])
    return model


def _enlarged(x):
    return resize_images(x, IMAGE_SIZE)


def _scaled(x):
    x = x.astype(np.float32) / 255
    return x if x.ndim == 4 else x[..., None]


def _enlarged_and_scaled(x):
    return _scaled(_enlarged(x))


def _require_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}.")


STRATEGIES: dict[str, Callable[[Parts[Examples], str, int], dict[str, Any]]] = {
    "head on top features": partial(_head, stages=("top",)),
    "head on earlier features": partial(_head, stages=STAGES),
    "fine-tune few blocks": partial(_fine_tune, **FEW),
    "fine-tune many blocks": partial(_fine_tune, **MANY),
    "small network from scratch": partial(
        _from_scratch, build=partial(build_cnn, classes=CLASSES), prepare=_scaled, **SMALL
    ),
    "same network from scratch": partial(
        _from_scratch, build=_same_network, prepare=_enlarged_and_scaled, **SAME
    ),
}
