"""The compiled loop trains as `Model.fit` does: the same weights, optimizer state and curves."""

from collections import defaultdict

import numpy as np
import pytest

from coursehelpers.training import Setting, compare

pytestmark = pytest.mark.heavy

SEED, EPOCHS, BATCH = 3, 3, 16
# Three batches an epoch, the last of them smaller.
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 8)), RNG.integers(3, size=40)
ONE_HOT, REAL, WEIGHT = np.eye(3)[Y], RNG.normal(size=(40, 1)), RNG.random(40)
IMAGES = RNG.integers(256, size=(40, 4, 4, 1)).astype("uint8")
WORDS = RNG.integers(1, 5, size=(40, 6)) * (np.arange(6) < RNG.integers(1, 7, size=(40, 1)))


def split(*arrays):
    """Return parts for `compare`: all examples to train, twelve of them to validate."""
    import keras

    return arrays, keras.tree.map_structure(lambda array: array[:12], arrays), None


def network(*hidden, shape=(8,), dtype=None, output=(3, "softmax"), optimizer="adam", **compiled):
    """Build and compile a small network; one without a shape gets its weights when called."""
    import keras

    inputs = [keras.Input(shape, dtype=dtype)] if shape else []
    model = keras.Sequential([*inputs, *hidden, keras.layers.Dense(*output, dtype="float32")])
    model.compile(
        optimizer,
        **{"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compiled},
    )
    return model


def state(model):
    variables = model.weights + model.optimizer.variables
    return [variable.numpy().astype(float) for variable in variables]


def compared(build, parts, *, epochs=EPOCHS, batch_size=BATCH, **setting):
    """Return what `compare` leaves in the model, and its curves named as in a History."""
    states, curves = [], defaultdict(list)
    frame = compare(
        {"mine": Setting(build, **setting)},
        parts,
        seeds=[SEED],
        epochs=epochs,
        batch_size=batch_size,
        shuffle=False,
        measure=lambda model, parts: states.append(state(model)) or {},
    ).frame
    for row in frame[frame["split"].isin(["train", "validation"])].itertuples():
        curves["val_" * (row.split == "validation") + row.metric].append(row.value)
    return states[0], curves


def fitted(build, parts, *, epochs=EPOCHS, batch_size=BATCH, callbacks=list):
    """Return the same from `Model.fit`."""
    import keras

    keras.utils.set_random_seed(SEED)
    model = build()
    (x, y, *weight), validation, _ = parts
    history = model.fit(
        x,
        y,
        sample_weight=weight[0] if weight else None,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=callbacks(),
        shuffle=False,
        verbose=0,
    ).history
    history.pop("learning_rate", None)  # what a callback adds
    return state(model), history


def assert_equal(ours, expected):
    np.testing.assert_equal(set(ours[1]), set(expected[1]))
    for name, curve in expected[1].items():
        np.testing.assert_allclose(ours[1][name], curve, rtol=1e-5, atol=1e-6, err_msg=name)
    for one, other in zip(ours[0], expected[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def assert_trains_as_fit_does(build, parts, **options):
    expected = fitted(build, parts, **options)
    assert any(len(set(curve)) > 1 for curve in expected[1].values()), "nothing to compare"
    assert_equal(compared(build, parts, **options), expected)


# --- Optimizers ---------------------------------------------------------------------------------


def decay_of_kernels(optimizers):
    schedule = optimizers.schedules.CosineDecay(0.01, 6, warmup_target=0.1, warmup_steps=2)
    optimizer = optimizers.AdamW(schedule, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def exponential_decay(optimizers):
    schedule = optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    return optimizers.SGD(schedule, momentum=0.9, nesterov=True)


@pytest.mark.parametrize(
    "optimizer",
    {
        "SGD": lambda o: o.SGD(0.1),
        "momentum, clipping": lambda o: o.SGD(0.1, momentum=0.9, clipnorm=0.1),
        "Nesterov, exponential decay": exponential_decay,
        "RMSprop": lambda o: o.RMSprop(0.01),
        "Adam, accumulation": lambda o: o.Adam(0.01, gradient_accumulation_steps=2),
        "AdamW, cosine decay": decay_of_kernels,
        "EMA": lambda o: o.SGD(0.1, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=4),
        "loss scaling": lambda o: o.LossScaleOptimizer(o.Adam(0.1), dynamic_growth_steps=2),
    }.items(),
    ids=lambda item: item[0],
)
def test_an_optimizer(optimizer):
    import keras

    def build():
        return network(optimizer=optimizer[1](keras.optimizers))

    assert_trains_as_fit_does(build, ((X, Y), None, None))


# --- Layers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "hidden",
    {
        "penalties": lambda la: [la.Dense(4, kernel_regularizer="l2", activity_regularizer="l1")],
        "batch normalization": lambda la: [
            la.Dense(4, use_bias=False),
            la.BatchNormalization(),
            la.Dense(4, trainable=False),
            la.BatchNormalization(trainable=False),
        ],
        "dropout and noise": lambda la: [la.GaussianNoise(0.1), la.Dense(9), la.Dropout(0.5)],
        "mixed precision": lambda la: [la.Dense(4, "relu", dtype="mixed_float16")],
    }.items(),
    ids=lambda item: item[0],
)
def test_layers(hidden):
    import keras

    def build():
        return network(*hidden[1](keras.layers))

    assert_trains_as_fit_does(build, split(X, Y))


def test_images_of_bytes():
    from keras import layers

    def build():
        hidden = layers.Rescaling(1 / 255), layers.Conv2D(2, 3), layers.Flatten()
        return network(*hidden, shape=(4, 4, 1), dtype="uint8")

    assert_trains_as_fit_does(build, split(IMAGES, Y))


def test_masked_sequences_of_integers():
    from keras import layers

    def build():
        hidden = layers.Embedding(5, 4, mask_zero=True), layers.LSTM(3, dropout=0.3)
        return network(*hidden, shape=(6,), dtype="int32")

    assert_trains_as_fit_does(build, ((WORDS, Y), None, None))


# --- Losses, metrics, weights and batches -------------------------------------------------------

CROSS_ENTROPY = {"loss": "categorical_crossentropy"}
WEIGHTED = {"weighted_metrics": ["accuracy"]}


@pytest.mark.parametrize(
    ("compiled", "arrays"),
    [
        pytest.param(
            {"metrics": ["accuracy"] * 2}, (X, Y[:, None].astype("uint8")), id="a metric twice"
        ),
        pytest.param(
            {**CROSS_ENTROPY, "metrics": ["accuracy", "auc", "precision", "recall"]},
            (X, ONE_HOT),
            id="one-hot labels",
        ),
        pytest.param(
            {"output": (1,), "loss": "mse", "metrics": None},
            (X, REAL),
            id="regression without metrics",
        ),
        pytest.param(
            {"output": (1, "sigmoid"), "loss": "binary_crossentropy"},
            (X, Y > 0),
            id="two classes",
        ),
        pytest.param(WEIGHTED, (X, Y, WEIGHT), id="sample weights"),
    ],
)
def test_losses_metrics_and_weights(compiled, arrays):
    assert_trains_as_fit_does(lambda: network(**compiled), split(*arrays))


@pytest.mark.parametrize("batch_size", [8, 64])
def test_batches_that_divide_the_data_or_hold_all_of_it(batch_size):
    assert_trains_as_fit_does(network, ((X, Y), None, None), batch_size=batch_size)


# --- Callbacks ------------------------------------------------------------------------------------

PARTS = (X[:24], Y[:24]), (X[24:], Y[24:]), None
MAX_EPOCHS = 10


def overfitting():
    """Build a network whose validation loss is least after its third epoch."""
    import keras

    optimizer = keras.optimizers.SGD(1.0)
    return network(keras.layers.Dense(9, "tanh"), optimizer=optimizer)


@pytest.mark.parametrize(
    ("epochs", "options"),
    [
        (4, {"patience": 2, "min_delta": 0.01}),
        (4, {"patience": 1, "restore_best_weights": True}),
        (MAX_EPOCHS, {"patience": 99, "restore_best_weights": True}),
        (7, {"patience": 1, "start_from_epoch": 5}),
        (4, {"patience": 3, "baseline": 0.5}),
        (5, {"patience": 3, "monitor": "val_accuracy", "mode": "max"}),
    ],
    ids=str,
)
def test_early_stopping(epochs, options):
    import keras

    def run(train):
        return train(
            overfitting,
            PARTS,
            epochs=MAX_EPOCHS,
            callbacks=lambda: [keras.callbacks.EarlyStopping(**options)],
        )

    expected = run(fitted)
    assert len(expected[1]["val_loss"]) == epochs
    assert_equal(run(compared), expected)


# Keras reads the learning rate in a way that Numpy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", ["plateau", "schedule", "own"])
def test_callbacks_that_change_what_is_trained(name):
    import keras

    class Shrink(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            for variable in self.model.trainable_variables:
                variable.assign(variable * 0.9)

    def callbacks():
        return {
            "plateau": lambda: keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=1),
            "schedule": lambda: keras.callbacks.LearningRateScheduler(lambda _, rate: rate / 2),
            "own": Shrink,
        }[name]()

    assert_trains_as_fit_does(overfitting, PARTS, epochs=6, callbacks=lambda: [callbacks()])


def test_callbacks_are_told_the_same_in_the_same_order():
    import keras

    told = []

    class Told(keras.callbacks.Callback):
        """Notes what it is told, and looks at the model meanwhile."""

        def on_train_begin(self, logs=None):
            told.append(("train begins", None, {}))

        def on_epoch_begin(self, epoch, logs=None):
            told.append(("begin", epoch, {}))

        def on_epoch_end(self, epoch, logs=None):
            told.append(("end", epoch, dict(logs)))
            self.model.predict(X[:3], verbose=0)
            self.model.evaluate(X[:3], Y[:3], verbose=0)

        def on_train_end(self, logs=None):
            told.append(("train ends", None, dict(logs)))

    def run(train):
        told.clear()
        train(network, split(X, Y), callbacks=lambda: [Told()])
        return list(told)

    ours, expected = run(compared), run(fitted)
    assert [what[:2] for what in ours] == [what[:2] for what in expected]
    for (*_, logs), (*_, theirs) in zip(ours, expected, strict=True):
        assert logs == pytest.approx(theirs, rel=1e-5)


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
