"""Fine-tuning: the last blocks of a backbone, on what the frozen ones before them compute."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from coursehelpers.data import Seed, generator, require_count
from coursehelpers.models import blocks, freeze
from coursehelpers.progress import progress_bar
from coursehelpers.transfer.features import DELAY, compute
from coursehelpers.transfer.heads import Head, attach_head

if TYPE_CHECKING:
    import keras


def split_backbone(backbone: "keras.Model", *, keep_last: int) -> "tuple[keras.Model, keras.Model]":
    """Cut a backbone before its last blocks, and freeze what comes before.

    The lower part's output stays the same while the upper one learns. With
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
    lower, upper : keras.Model
        From images to the feature map at the cut, and from there to the output of the backbone.
        The normalization of both is frozen.

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
    lower = keras.Model(backbone.inputs[0], cut, name=f"{backbone.name}_lower")
    return lower, keras.Model(cut, backbone.outputs[0], name=f"{backbone.name}_upper")


def fine_tune(
    upper: "keras.Model",
    head: Head,
    activations: np.ndarray,
    y: ArrayLike,
    *,
    validation: tuple[np.ndarray, ArrayLike],
    epochs: int = 5,
    learning_rate: float = 1e-5,
    batch_size: int = 32,
    seed: Seed = 0,
) -> tuple[Head, list[float]]:
    """Train the upper part of a backbone and its head, and keep the best epoch.

    Adam with a very low learning rate changes the weights of ImageNet only a little; normalization
    keeps its statistics. At the end the weights of the epoch with the lowest validation
    cross-entropy are put back. Epoch 0, before any step, counts too: fine-tuning that does not help
    changes nothing.

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
    epochs, learning_rate, batch_size
        Of Adam, by default 5, 1e-5 and 32.
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
    >>> from coursehelpers.transfer import train_head
    >>> backbone = build_backbone(input_shape=(32, 32, 3), pooling="avg")
    >>> lower, upper = split_backbone(backbone, keep_last=1)
    >>> x, y = np.random.default_rng(0).random((8, *lower.output_shape[1:])), np.arange(8) % 2
    >>> features = upper.predict(x, verbose=0)
    >>> head = train_head(features, y, validation=(features, y))
    >>> head, losses = fine_tune(upper, head, x, y, validation=(x, y), epochs=2)
    >>> len(losses)
    3
    """
    import keras

    for name, count in (("epochs", epochs), ("batch_size", batch_size)):
        require_count(name, count)
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
    rng = generator(seed)
    model = attach_head(upper, head)
    model.compile(
        keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy", jit_compile=False
    )
    losses = [_validation_loss(model, x_val, y_val, batch_size)]
    steps = -(-len(y) // batch_size)
    with progress_bar(epochs * steps, "fine-tuning", delay=DELAY) as bar:
        kept = model.get_weights()
        for _ in range(epochs):
            order = rng.permutation(len(y))
            for start in range(0, len(y), batch_size):
                batch = order[start : start + batch_size]
                model.train_on_batch(activations[batch], y[batch])
                bar.update()
            losses.append(_validation_loss(model, x_val, y_val, batch_size))
            if losses[-1] == min(losses):
                kept = model.get_weights()
    model.set_weights(kept)
    kernel, bias = model.get_layer("head").get_weights()
    return replace(head, kernel=kernel, bias=bias), losses


def _validation_loss(model, x, y, batch_size):
    p = compute(model, x, batch_size, "validating")
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


def layerwise_adam(
    learning_rate: float,
    *,
    factors: Sequence[float] | np.ndarray | None = None,
    starts: Sequence[int] | np.ndarray | None = None,
) -> "keras.optimizers.Adam":
    """Build Adam with a factor on the step of each layer, and a step number at which it sets in.

    With factors that rise from the first layer to the last these are discriminative learning
    rates, with starts that fall it is gradual unfreezing (Howard and Ruder 2018). A factor on the
    gradient would do nothing, because Adam divides it out again.

    Parameters
    ----------
    learning_rate : float
    factors : sequence of float, optional
        One for each layer with trainable weights, first the one next to the input; by default 1.
    starts : sequence of int, optional
        For each of these layers the step, from 0, at which it begins to learn; by default 0.

    Returns
    -------
    keras.optimizers.Adam

    Raises
    ------
    ValueError
        If a factor or start is negative, or, in training, if there are not as many of them as
        layers.

    Notes
    -----
    Keras knows the class once this function was called: call it before
    ``keras.models.load_model`` reads what another process saved, or load with ``compile=False``.

    References
    ----------
    J. Howard, S. Ruder: Universal language model fine-tuning for text classification. ACL 2018.

    Examples
    --------
    >>> layerwise_adam(0.01, factors=(0.1, 1), starts=(50, 0)).get_config()["starts"]
    [50, 0]
    """
    given = {"factors": factors, "starts": starts}
    for name, values in given.items():
        # Not `value < 0`, which NaN would pass.
        if values is not None and (not len(values) or not all(value >= 0 for value in values)):
            raise ValueError(
                f"{name} must be numbers of at least 0, one per layer, got {values!r}."
            )
        # In a saved model, Keras takes lists only: it refuses a range and gives no array back.
        given[name] = None if values is None else np.asarray(values).tolist()
    return _layerwise_adam()(learning_rate, **given)


def _layer_numbers(variables):
    """Return for each variable the number of its layer, from 0.

    The weights of a layer follow each other, and have the same path but for their own name.
    """
    numbers, before, seen = list[int](), None, set[str]()
    for path in (v.path for v in variables):
        layer = path.rpartition("/")[0]
        # Layers of two nested models may have the same path: a weight that is there again is of
        # the next one.
        if layer != before or path in seen:
            before, seen = layer, set()
            numbers.append(numbers[-1] + 1 if numbers else 0)
        else:
            numbers.append(numbers[-1])
        seen.add(path)
    return numbers


@cache
def _layerwise_adam():
    """Define the class when it is needed: importing this package must not import Keras."""
    import keras
    from keras import ops

    @keras.saving.register_keras_serializable("coursehelpers")
    class LayerwiseAdam(keras.optimizers.Adam):
        def __init__(self, learning_rate=0.001, *, factors=None, starts=None, **options):
            super().__init__(learning_rate, **options)
            self.factors, self.starts = factors, starts
            self.layer_of = {}

        def build(self, variables):
            numbers = _layer_numbers(variables)
            count = len(set(numbers))
            for name in ("factors", "starts"):
                values = getattr(self, name)
                if values is not None and len(values) != count:
                    raise ValueError(
                        f"{name} must have a number for each of the {count} layers that "
                        f"learn, got {len(values)}."
                    )
            # TensorFlow hands the variables inside of those of Keras to `update_step`.
            self.layer_of = {id(v.value): n for v, n in zip(variables, numbers, strict=True)}
            super().build(variables)

        def update_step(self, gradient, variable, learning_rate):
            inside = variable.value if isinstance(variable, keras.Variable) else variable
            layer = self.layer_of[id(inside)]
            factor = 1.0 if self.factors is None else self.factors[layer]
            if self.starts is not None:
                waiting = ops.less(self.iterations, self.starts[layer])
                factor = ops.where(waiting, 0.0, factor)
            super().update_step(gradient, variable, learning_rate * factor)

        def get_config(self):
            return super().get_config() | {"factors": self.factors, "starts": self.starts}

    return LayerwiseAdam
