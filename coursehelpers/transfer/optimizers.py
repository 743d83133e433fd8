"""An optimizer that treats the layers of a pre-trained network differently."""

from functools import cache

import numpy as np


def layerwise_adam(learning_rate, *, factors=None, starts=None):
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
        For each of these layers the number of the step, from 0, at which it begins to learn; by
        default 0.

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
    >>> import keras
    >>> import numpy as np
    >>> model = keras.Sequential([keras.layers.Dense(2), keras.layers.Dense(1)])
    >>> model.compile(layerwise_adam(0.01, factors=(0, 1)), "mse")
    >>> _ = model(np.ones((4, 3)))
    >>> before = [w.numpy() for w in model.weights]
    >>> _ = model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    >>> [bool((w.numpy() != old).any()) for w, old in zip(model.weights, before)]
    [False, False, True, True]
    """
    given = {"factors": factors, "starts": starts}
    for name, values in given.items():
        # Said so that it is refused if it is NaN.
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
    numbers, before, seen = [], None, set()
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
