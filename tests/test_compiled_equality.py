"""The compiled loop trains as `Model.fit` does: the same weights, optimizer state and curves."""

from collections import defaultdict

import numpy as np
import pytest

from coursehelpers.training import Setting, compare

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


def fitted(build, parts, *, epochs=EPOCHS, batch_size=BATCH, callbacks=list, class_weight=None):
    """Return the same from `Model.fit`."""
    import keras

    keras.utils.set_random_seed(SEED)
    model = build()
    (x, y, *weight), validation, _ = parts
    history = model.fit(
        x,
        y,
        sample_weight=weight[0] if weight else None,
        class_weight=class_weight,
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
CLASS_WEIGHT = {"class_weight": {0: 5.0, 2: 0.1}}


@pytest.mark.parametrize(
    ("compiled", "arrays", "options"),
    [
        pytest.param(
            {"metrics": ["accuracy"] * 2}, (X, Y[:, None].astype("uint8")), {}, id="a metric twice"
        ),
        pytest.param(
            {**CROSS_ENTROPY, "metrics": ["accuracy", "auc", "precision", "recall"]},
            (X, ONE_HOT),
            {},
            id="one-hot labels",
        ),
        pytest.param(
            {"output": (1,), "loss": "mse", "metrics": None},
            (X, REAL),
            {},
            id="regression without metrics",
        ),
        pytest.param(
            {"output": (1, "sigmoid"), "loss": "binary_crossentropy"},
            (X, Y > 0),
            {},
            id="two classes",
        ),
        pytest.param(WEIGHTED, (X, Y, WEIGHT), {}, id="sample weights"),
        pytest.param(WEIGHTED, (X, Y), CLASS_WEIGHT, id="class weights"),
        pytest.param(CROSS_ENTROPY, (X, ONE_HOT), CLASS_WEIGHT, id="class weights, one-hot"),
    ],
)
def test_losses_metrics_and_weights(compiled, arrays, options):
    assert_trains_as_fit_does(lambda: network(**compiled), split(*arrays), **options)


@pytest.mark.parametrize("batch_size", [8, 64])
def test_batches_that_divide_the_data_or_hold_all_of_it(batch_size):
    assert_trains_as_fit_does(network, ((X, Y), None, None), batch_size=batch_size)
