"""Fine-tuning the last blocks of a backbone on what the frozen ones before them compute."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from coursehelpers.data import generator as _generator
from coursehelpers.data import require_count as _require_count
from coursehelpers.models import blocks, freeze
from coursehelpers.progress import progress_bar
from coursehelpers.transfer.features import DELAY, batched, compute
from coursehelpers.transfer.head import attach_head


class SplitBackbone(NamedTuple):
    """A backbone in two: the frozen `lower` part, and the `upper` part, whose blocks learn."""

    lower: object
    upper: object


def split_backbone(backbone, *, keep_last):
    """Cut a backbone before its last blocks, and freeze what comes before.

    What the lower part computes of an image stays the same while the upper one learns. With
    ``extract_features(lower, images)`` it is computed once, and training the upper part on that
    gives the weights that training the whole backbone would give, in a fraction of the time.

    Parameters
    ----------
    backbone : keras.Model
        What `coursehelpers.models.build_backbone` returns; it is frozen as `freeze` does it. Both
        parts share its layers, so that it learns what the upper part does.
    keep_last : int
        Blocks that learn, at least one of them and not all (see `coursehelpers.models.blocks`).

    Returns
    -------
    SplitBackbone
        ``lower``: from images to the feature map at the cut; ``upper``: from there to the output
        of the backbone. Both are functional Keras models. The normalization
        of both is frozen.

    Raises
    ------
    ValueError
        If `keep_last` is not a number of blocks that leaves some on both sides, the layers are not
        named by blocks, or more than one feature map crosses the cut.

    Examples
    --------
    >>> from coursehelpers.models import build_backbone
    >>> backbone = build_backbone(weights=None, input_shape=(96, 96, 3), pooling="avg")
    >>> lower, upper = split_backbone(backbone, keep_last=2)
    >>> lower.output_shape, upper.output_shape, len(upper.trainable_weights)
    ((None, 3, 3, 192), (None, 1280), 4)
    """
    import keras

    found = blocks(backbone)
    if isinstance(keep_last, bool) or keep_last not in range(1, len(found)):
        raise ValueError(
            f"keep_last must be between 1 and {len(found) - 1}, so that some of the {len(found)} "
            f"blocks of {backbone.name} learn and some do not, got {keep_last!r}."
        )
    cut = _cut(backbone, found[list(found)[-keep_last]][0])
    freeze(backbone, keep_last=keep_last)
    return SplitBackbone(
        keras.Model(backbone.inputs[0], cut, name=f"{backbone.name}_lower"),
        keras.Model(cut, backbone.outputs[0], name=f"{backbone.name}_upper"),
    )


def fine_tune(
    upper,
    head,
    activations,
    y,
    *,
    validation,
    epochs=5,
    learning_rate=1e-5,
    batch_size=32,
    seed=0,
):
    """Train the upper part of a backbone and its head, and keep the best epoch.

    Adam with a very low learning rate changes the weights of ImageNet only a little; normalization
    keeps its statistics. After the last epoch the weights of the one with the lowest validation
    cross-entropy are put back. Epoch 0, before any step, is one of them, so that fine-tuning that
    does not help changes nothing.

    Parameters
    ----------
    upper : keras.Model
        The upper part of `split_backbone`; its trainable weights are changed.
    head : Head
        What `train_head` made of the features of `upper`.
    activations : ndarray of float32, shape (n, height, width, channels)
        Features of the lower part.
    y : ndarray of int, shape (n,)
        Class numbers.
    validation : tuple of ndarray
        Activations and class numbers of other examples.
    epochs : int, default 5
    learning_rate : float, default 1e-5
    batch_size : int, default 32
    seed : int or sequence of int, default 0
        Seed of the order of the examples.

    Returns
    -------
    Head
        The trained head, with the strength it started from.
    list of float
        Validation cross-entropy after each epoch, first that of epoch 0.

    Raises
    ------
    ValueError
        If shapes do not fit, a class number is none of the head's, or a number is not positive.

    Examples
    --------
    >>> from coursehelpers.models import build_backbone
    >>> from coursehelpers.transfer import extract_features, train_head
    >>> lower, upper = split_backbone(
    ...     build_backbone(input_shape=(32, 32, 3), pooling="avg"), keep_last=1
    ... )
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
    >>> activations, y = extract_features(lower, images, cache=False), np.arange(8) % 2
    >>> features = upper.predict(activations, verbose=0)
    >>> head = train_head(features, y, validation=(features, y))
    >>> head, losses = fine_tune(
    ...     upper, head, activations, y, validation=(activations, y), epochs=2
    ... )
    >>> len(losses)
    3
    """
    import keras

    for name, count in (("epochs", epochs), ("batch_size", batch_size)):
        _require_count(name, count)
    if not 0 < learning_rate < np.inf:
        raise ValueError(f"learning_rate must be a positive number, got {learning_rate!r}.")
    x_val, y_val = validation
    y, y_val = np.asarray(y), np.asarray(y_val)
    for name, x, labels in (("activations", activations, y), ("validation", x_val, y_val)):
        if x.shape[1:] != upper.input_shape[1:] or len(x) != len(labels) or not len(x):
            raise ValueError(
                f"{name} must have the shape (n, {', '.join(map(str, upper.input_shape[1:]))}) that "
                f"{upper.name} takes and n class numbers, got {x.shape} and {len(labels)}."
            )
        if labels.dtype.kind not in "ui" or not 0 <= labels.min() <= labels.max() < len(head.bias):
            raise ValueError(
                f"The class numbers of {name} must be integers from 0 to {len(head.bias) - 1}, got "
                f"{labels.dtype} from {labels.min()} to {labels.max()}."
            )
    rng = _generator(seed)
    model = attach_head(upper, head)
    model.compile(
        keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", jit_compile=False
    )
    losses = [_validation_loss(model, x_val, y_val, batch_size)]
    steps = -(-len(y) // batch_size)
    with progress_bar(epochs * steps, "fine-tuning", delay=DELAY) as bar:
        kept = _values(model)
        for _ in range(epochs):
            order = rng.permutation(len(y))
            for start in range(0, len(y), batch_size):
                batch = order[start : start + batch_size]
                model.train_on_batch(activations[batch], y[batch])
                bar.update()
            losses.append(_validation_loss(model, x_val, y_val, batch_size))
            if losses[-1] == min(losses):
                kept = _values(model)
    for weight, value in zip(model.trainable_weights, kept, strict=True):
        weight.assign(value)
    kernel, bias = model.get_layer("head").get_weights()
    return replace(head, kernel=kernel, bias=bias), losses


def _values(model):
    return [weight.numpy() for weight in model.trainable_weights]


def _validation_loss(model, x, y, batch_size):
    p = compute(model, *batched(x, batch_size), batch_size, "validating")
    return float(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-7)).mean())


def _cut(backbone, first):
    """Return the tensor that goes from the layers before `first` to it and all after it."""
    import keras

    operations = [op for op in backbone.operations if not isinstance(op, keras.layers.InputLayer)]
    position = next(i for i, op in enumerate(operations) if op is first)
    below = {id(backbone.inputs[0]): backbone.inputs[0]}
    for op in operations[:position]:
        below.update({id(x): x for x in keras.tree.flatten(op.output)})
    read = [x for op in operations[position:] for x in keras.tree.flatten(op.input)]
    crossing = {id(x): x for x in [*read, *backbone.outputs] if id(x) in below}
    if len(crossing) != 1:
        raise ValueError(
            f"{backbone.name} cannot be cut before {first.name}, because {len(crossing)} feature "
            "maps cross the cut. Choose another keep_last."
        )
    return next(iter(crossing.values()))
