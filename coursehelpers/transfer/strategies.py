"""The strategies of transfer learning, by size and domain of the data: what the grid measures."""

import time
from functools import partial
from typing import NamedTuple

import numpy as np

from coursehelpers.data import load_cats_dogs, load_fashion_mnist, resize_images, split
from coursehelpers.models import blocks, build_backbone, build_cnn
from coursehelpers.transfer.features import batched, compute, extract_features, folded
from coursehelpers.transfer.head import train_head
from coursehelpers.transfer.tuning import fine_tune, split_backbone

IMAGE_SIZE = 96
BATCH_SIZE = 32
CLASSES = 2


class Size(NamedTuple):
    """Images to train on and to choose with."""

    train: int
    validation: int


SIZES = {"little": Size(100, 100), "much": Size(2_000, 500)}
# Each with two classes and 2,000 test images, so that the domain is what differs.
DOMAINS = {"similar": ("cat", "dog"), "different": ("T-shirt", "shirt")}
# The ends of these blocks are the stages at which a linear head may stand.
STAGES = ("block2b", "block3b", "block4c", "block5c", "block6d")


class Measured(NamedTuple):
    """Accuracy on both parts, and what was chosen on validation."""

    validation: float
    test: float
    choice: str = ""


class Tuning(NamedTuple):
    """How a backbone is fine-tuned: the last blocks, at one of some learning rates."""

    keep_last: int
    rates: tuple[float, ...]
    epochs: dict


class Scratch(NamedTuple):
    """How a network is trained from random weights: at most so long, the best epoch is kept."""

    epochs: dict
    patience: dict


FEW = Tuning(3, (3e-5, 3e-4), {"little": 8, "much": 5})
MANY = Tuning(14, (3e-5, 3e-4), {"little": 8, "much": 5})
SMALL = Scratch({"little": 100, "much": 40}, {"little": 20, "much": 10})
# No early stopping: the statistics of batch normalization need most of this time to settle.
SAME = Scratch({"little": 40, "much": 12}, {"little": 40, "much": 12})


def load_domain(domain):
    """Load the two classes of a domain.

    Parameters
    ----------
    domain : {"similar", "different"}
        Similar to ImageNet are the photos of cats and dogs; different are grey pictures of
        T-shirts and shirts, out of Fashion-MNIST.

    Returns
    -------
    (x_train, y_train), (x_test, y_test) : tuples of ndarray
        Images ``uint8`` of shape (n, 32, 32, 3) or (n, 28, 28), labels ``int64`` 0 and 1 of shape
        (n,).

    Raises
    ------
    ValueError
        If there is no such domain.

    Examples
    --------
    >>> (x, y), (x_test, y_test) = load_domain("different")
    >>> x.shape, len(y_test)
    ((12000, 28, 28), 2000)
    """
    _require_choice("domain", domain, DOMAINS)
    if domain == "similar":
        return tuple((x, y.astype(np.int64)) for x, y in load_cats_dogs())
    parts = []
    for x, y in load_fashion_mnist():
        kept = (y == 0) | (y == 6)
        parts.append((x[kept], (y[kept] == 6).astype(np.int64)))
    return tuple(parts)


def draw_cell(domain, size, seed):
    """Draw the data of one cell of the grid: training and validation at random, all of the test.

    Parameters
    ----------
    domain : {"similar", "different"}
    size : {"little", "much"}
    seed : int

    Returns
    -------
    Parts
        See `load_domain` for shapes and dtypes.

    Examples
    --------
    >>> [len(y) for _, y in draw_cell("similar", "little", seed=0)]
    [100, 100, 2000]
    """
    _require_choice("size", size, SIZES)
    train, test = load_domain(domain)
    parts = split(*train, **SIZES[size]._asdict(), seed=seed)
    return parts._replace(test=test)


def measure(domain, size, strategy, seed):
    """Train by one strategy in one cell of the grid, and evaluate it.

    Parameters
    ----------
    domain : {"similar", "different"}
    size : {"little", "much"}
    strategy : str
        One of `STRATEGIES`.
    seed : int
        Draws data, weights and order.

    Returns
    -------
    dict
        ``domain``, ``size``, ``strategy``, ``seed``; accuracies ``validation`` and ``test``;
        ``choice``: what was chosen on validation; ``seconds`` of wall-clock time.

    Raises
    ------
    ValueError
        If there is no such domain, size or strategy.

    Examples
    --------
    >>> measure("similar", "little", "head on top features", seed=0)["test"] > 0.7
    True
    """
    _require_choice("strategy", strategy, STRATEGIES)
    parts = draw_cell(domain, size, seed)
    start = time.perf_counter()
    found = STRATEGIES[strategy](parts, size, seed)
    seconds = time.perf_counter() - start
    cell = {"domain": domain, "size": size, "strategy": strategy, "seed": seed}
    return cell | found._asdict() | {"seconds": round(seconds, 1)}


def build_stages(image_size=IMAGE_SIZE):
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


def _head(parts, size, seed, *, stages):
    model, columns = build_stages()
    features = [extract_features(model, _enlarged(x), cache=False) for x, _ in parts]
    best = None
    for name in stages:
        x, x_val, x_test = (part[:, columns[name]] for part in features)
        head = train_head(x, parts.train[1], validation=(x_val, parts.validation[1]))
        loss = min(head.losses.values())
        if best is None or loss < best[0]:
            accuracies = (head.accuracy(x_val, parts.validation[1]), x_test, head)
            best = loss, name, accuracies
    _, name, (validation, x_test, head) = best
    choice = name if len(stages) > 1 else ""
    return Measured(validation, head.accuracy(x_test, parts.test[1]), choice)


def _fine_tune(parts, size, seed, *, tuning):
    y, y_val, y_test = (labels for _, labels in parts)
    images = [_enlarged(x) for x, _ in parts]
    activations = best = None
    for rate in tuning.rates:
        backbone = build_backbone(input_shape=images[0].shape[1:], pooling="avg")
        lower, upper = split_backbone(backbone, keep_last=tuning.keep_last)
        if activations is None:  # the frozen part is the same for all rates
            activations = [extract_features(lower, x, cache=False) for x in images]
        x, x_val, x_test = activations
        pooled = [_features(upper, part) for part in (x, x_val)]
        head = train_head(pooled[0], y, validation=(pooled[1], y_val))
        head, losses = fine_tune(
            upper,
            head,
            x,
            y,
            validation=(x_val, y_val),
            epochs=tuning.epochs[size],
            learning_rate=rate,
            batch_size=BATCH_SIZE,
            seed=seed,
        )
        if best is None or min(losses) < best[0]:
            best = min(losses), rate, upper, head
    _, rate, upper, head = best
    validation, test = (
        head.accuracy(_features(upper, part), labels)
        for part, labels in ((x_val, y_val), (x_test, y_test))
    )
    return Measured(validation, test, f"learning rate {rate:g}")


def _from_scratch(parts, size, seed, *, build, prepare, scratch):
    import keras

    from coursehelpers.augment import build_augmenter
    from coursehelpers.training import Setting, compare

    def stop_early():
        patience = scratch.patience[size]
        return [keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True)]

    data = [(prepare(x), keras.utils.to_categorical(y, CLASSES)) for x, y in parts]
    build = partial(build, data[0][0].shape[1:])
    setting = Setting(build, callbacks=stop_early, augment=partial(build_augmenter, flip=True))
    run = compare(
        {"": setting}, tuple(data), seeds=[seed], epochs=scratch.epochs[size], batch_size=BATCH_SIZE
    )
    epochs = len(set(run.frame["epoch"]))
    losses = run.frame.query("metric == 'loss' and split == 'validation'")["value"].to_numpy()
    accuracies = run.frame.query("metric == 'accuracy' and split == 'validation'")["value"]
    validation = float(accuracies.to_numpy()[losses.argmin()])
    return Measured(
        validation, run.final()["value"].item(), f"{losses.argmin() + 1} of {epochs} epochs"
    )


def _small_network(shape):
    return build_cnn(input_shape=shape, classes=CLASSES)


def _same_network(shape):
    import keras

    backbone = build_backbone(weights=None, input_shape=shape, pooling="avg")
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


def _features(network, x):
    return compute(folded(network), *batched(x, BATCH_SIZE), BATCH_SIZE)


def _require_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}.")


STRATEGIES = {
    "head on top features": partial(_head, stages=("top",)),
    "head on earlier features": partial(_head, stages=STAGES),
    "fine-tune few blocks": partial(_fine_tune, tuning=FEW),
    "fine-tune many blocks": partial(_fine_tune, tuning=MANY),
    "small network from scratch": partial(
        _from_scratch, build=_small_network, prepare=_scaled, scratch=SMALL
    ),
    "same network from scratch": partial(
        _from_scratch, build=_same_network, prepare=_enlarged_and_scaled, scratch=SAME
    ),
}
