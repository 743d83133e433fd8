"""All kinds of models train in the compiled loop as `Model.fit` trains them."""

import pytest

from tests.test_compiled_equality import (
    REAL,
    WEIGHT,
    X,
    Y,
    assert_trains_as_fit_does,
    network,
    split,
)

# --- Several inputs and outputs -----------------------------------------------------------------

INPUTS, OUTPUTS = ["first", "second"], ["label", "number"]
LISTS = [X, REAL], [Y, REAL]
DICTS = {"first": X, "second": REAL}, {"label": Y, "number": REAL}
WEIGHTS = {"label": WEIGHT, "number": 1 - WEIGHT}


def two_by_two(kind):
    """Build a model with two inputs and two outputs, in lists or in dicts."""
    import keras
    from keras import layers

    inputs = [keras.Input((8,), name="first"), keras.Input((1,), name="second")]
    joined = layers.Concatenate()(inputs)
    outputs = [
        layers.Dense(3, "softmax", name="label")(joined),
        layers.Dense(1, name="number")(joined),
    ]

    def arranged(names, values):
        return list(values) if kind is list else dict(zip(names, values, strict=True))

    model = keras.Model(arranged(INPUTS, inputs), arranged(OUTPUTS, outputs))
    model.compile(
        "adam",
        arranged(OUTPUTS, ["sparse_categorical_crossentropy", "mse"]),
        loss_weights=arranged(OUTPUTS, [1.0, 0.1]),
        metrics=arranged(OUTPUTS, [["accuracy"], ["mae"]]),
    )
    return model


@pytest.mark.parametrize(
    "arrays", [LISTS, DICTS, (*DICTS, WEIGHTS)], ids=["lists", "dicts", "dicts with weights"]
)
def test_two_inputs_and_two_outputs(arrays):
    assert_trains_as_fit_does(lambda: two_by_two(type(arrays[0])), split(*arrays))


# --- Subclassed models --------------------------------------------------------------------------


def subclassed(train_step=None, test_step=None, **compiled):
    """Build a model without a graph of layers, and maybe with steps of its own."""
    import keras
    from keras import layers

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.dropout = layers.Dense(9, "relu"), layers.Dropout(0.5)
            self.labels = layers.Dense(3, "softmax")
            self.own = keras.metrics.Mean(name="own")

        def call(self, x, training=False):
            return self.labels(self.dropout(self.hidden(x), training=training))

        def loss_of(self, x, y, training):
            losses = keras.losses.sparse_categorical_crossentropy(y, self(x, training=training))
            return keras.ops.mean(losses) + keras.ops.mean(self.hidden.kernel**2)

    Model.train_step = train_step or Model.train_step
    Model.test_step = test_step or Model.test_step
    model = Model()
    model.compile("adam", **compiled)
    return model


def descend(model, x, y):
    """Make a step of gradient descent."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = model.loss_of(x, y, training=True)
    weights = model.trainable_variables
    model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
    return loss


def step_with_compiled_metrics(model, data):
    x, y = data
    model.own.update_state(descend(model, x, y))
    return model.compute_metrics(x, y, model(x))


def step_with_every_metric(model, data):
    """Do as the guide of Keras on customizing fit does."""
    x, y = data
    loss = descend(model, x, y)
    for metric in model.metrics:
        metric.update_state(*([y, model(x)] if metric.name == "compile_metrics" else [loss]))
    return {metric.name: metric.result() for metric in model.metrics}


def step_with_one_metric(model, data):
    model.own.update_state(descend(model, *data))
    return {"own": model.own.result()}


def validate_with_one_metric(model, data):
    model.own.update_state(model.loss_of(*data, training=False))
    return {"own": model.own.result()}


LOSS = {"loss": "sparse_categorical_crossentropy"}
ACCURACY = {**LOSS, "metrics": ["accuracy"]}


@pytest.mark.parametrize(
    ("steps", "compiled"),
    [
        pytest.param([], ACCURACY, id="the steps of Keras"),
        pytest.param([step_with_compiled_metrics], ACCURACY, id="compiled metrics"),
        pytest.param([step_with_every_metric], ACCURACY, id="every metric"),
        pytest.param([step_with_one_metric, validate_with_one_metric], LOSS, id="one metric"),
        pytest.param([step_with_one_metric, validate_with_one_metric], {}, id="no loss"),
    ],
)
def test_a_subclassed_model(steps, compiled):
    assert_trains_as_fit_does(lambda: subclassed(*steps, **compiled), split(X, Y))


# --- Layers with a state ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8,), None], ids=["built", "not built"])
def test_a_layer_that_counts_its_calls(shape):
    """So every call matters, of training as of validation: none is left out or added."""
    import keras

    class Fading(keras.layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1.0)
            return x * keras.ops.exp(-self.calls / 20)

    assert_trains_as_fit_does(lambda: network(Fading(), shape=shape), split(X, Y))


# --- Validation in several batches --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["a loss that sums", "the losses of two outputs"])
def test_validation_has_the_batches_of_fit(kind):
    """It matters where Keras averages over batches what is no mean over their examples."""
    import keras

    def build():
        if kind == "the losses of two outputs":
            return two_by_two(dict)
        return network(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum"))

    arrays = DICTS if kind == "the losses of two outputs" else (X, Y)
    assert_trains_as_fit_does(build, (arrays, arrays, None))
