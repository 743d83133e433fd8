"""What `compare` trains and measures: every run by itself, each seed with draws of its own."""

import gc
import weakref
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursehelpers.training import Setting, compare

# The same examples in every run, and no time limit per example: a shared runner can stall.
few = settings(derandomize=True, deadline=None, max_examples=6)

SHAPE, CLASSES, BATCH = (4, 4, 1), 3, 16


def draw(seed, n=40):
    """Draw training, validation and test data, with one-hot labels."""
    rng = np.random.default_rng(seed)
    labels = np.eye(CLASSES)[rng.integers(CLASSES, size=(3, n))]
    images = rng.random((3, n, *SHAPE)) + labels.argmax(-1)[..., None, None, None] / 5
    return tuple(zip(images, labels, strict=True))


def network(*hidden, optimizer="sgd", shape=SHAPE, output=(CLASSES, "softmax"), **compiled):
    import keras
    from keras import layers

    parts = [part() for part in hidden]
    model = keras.Sequential([keras.Input(shape), layers.Flatten(), *parts, layers.Dense(*output)])
    model.compile(
        optimizer, **{"loss": "categorical_crossentropy", "metrics": ["accuracy"], **compiled}
    )
    return model


def noisy():
    from keras import layers

    return network(
        lambda: layers.Dense(9),
        layers.BatchNormalization,
        partial(layers.Dropout, 0.5),
        optimizer="adam",
    )


def norm(model, parts):
    return {"norm": np.sqrt(sum((weight**2).sum() for weight in model.get_weights()))}


def all_settings():
    """Return settings with everything that is random or keeps a state."""
    import keras
    from keras import layers

    def pipeline():
        return layers.Pipeline([layers.RandomFlip(), layers.RandomTranslation(0.3, 0.3)])

    def stop():
        return [keras.callbacks.EarlyStopping(patience=0, restore_best_weights=True)]

    return {
        "plain": Setting(network),
        "noisy": Setting(noisy),
        "stopping": Setting(noisy, callbacks=stop),
        "flipped": Setting(network, augment=layers.RandomFlip),
        "mixed up": Setting(network, augment=layers.MixUp),
        "moved": Setting(network, augment=pipeline),
        "weighted": Setting(network, class_weight={0: 5.0}),
    }


def runs(frame):
    """Return the rows of each run."""
    return {
        run: rows[["epoch", "split", "metric", "value"]].to_numpy().tolist()
        for run, rows in frame.groupby(["setting", "seed"], sort=False)
    }


@pytest.fixture(scope="module")
def everything():
    """All settings, compared over four seeds."""
    return compare(
        all_settings(), draw, seeds=range(4), epochs=2, batch_size=BATCH, measure=norm
    ).frame


# --- Seeds --------------------------------------------------------------------------------------


@few
@given(data=st.data())
def test_a_run_is_the_same_whatever_other_seeds_and_settings_there_are(everything, data):
    chosen = all_settings()
    names = data.draw(st.lists(st.sampled_from(list(chosen)), min_size=1, max_size=3, unique=True))
    seeds = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))
    again = compare(
        {name: chosen[name] for name in names},
        draw,
        seeds=seeds,
        epochs=2,
        batch_size=BATCH,
        measure=norm,
    ).frame
    expected = runs(everything)
    assert list(runs(again)) == [(name, seed) for seed in seeds for name in names]
    assert runs(again) == {run: expected[run] for run in runs(again)}


def test_no_two_runs_are_the_same(everything):
    norms = everything[everything["metric"] == "norm"]
    norms = norms[norms["setting"] != "stopping"]  # it may stop where noisy ends
    assert len(norms) == 4 * 6
    assert norms["value"].is_unique


def test_equal_settings_have_equal_rows():
    equal = {"one": noisy, "other": lambda: noisy(), "shared": noisy}
    frame = compare(equal, draw, seeds=[5, 6], epochs=2, batch_size=BATCH, measure=norm).frame
    for seed in (5, 6):
        one, *others = (runs(frame)[name, seed] for name in equal)
        assert others == [one, one]


def test_a_seed_draws_the_initial_weights_that_it_draws_by_itself():
    import keras

    def build():  # it learns nothing
        return network(optimizer=keras.optimizers.SGD(0.0))

    def measure(model, parts):
        return {"weight": model.get_weights()[0][0, 0]}

    weights = compare({"still": build}, draw(0), seeds=[4, 2], epochs=1, measure=measure)
    for seed, value in weights.final("weight", "model")[["seed", "value"]].to_numpy():
        keras.utils.set_random_seed(int(seed))
        assert value == build().get_weights()[0][0, 0]


def test_data_are_drawn_once_for_each_seed_and_told_to_measure():
    drawn, measured = {}, []

    def data(seed):
        assert seed not in drawn
        drawn[seed] = draw(seed)
        return drawn[seed]

    def measure(model, parts):
        measured.append(next(seed for seed in drawn if drawn[seed] is parts))
        return {}

    compare({"a": network, "b": noisy}, data, seeds=[7, 3], epochs=1, measure=measure)
    assert list(drawn) == [7, 3]
    assert measured == [7, 7, 3, 3]


# --- Order of examples --------------------------------------------------------------------------

EPOCHS = 3


def orders(names, n, batch_size, **options):
    """Return for each run the examples in the order in which the model was trained on them."""
    import keras
    import tensorflow as tf

    class Recorder(keras.layers.Layer):
        def build(self, shape):
            options = {"dtype": "int32", "initializer": "zeros", "trainable": False}
            self.seen = self.add_weight(shape=(EPOCHS * n,), **options)
            self.count = self.add_weight(shape=(), **options)

        def call(self, x, training=False):
            if training:
                where = self.count + tf.range(tf.shape(x)[0])
                seen = tf.cast(x[:, 0], tf.int32)
                self.seen.assign(tf.tensor_scatter_nd_update(self.seen, where[:, None], seen))
                self.count.assign_add(tf.shape(x)[0])
            return x

    def measure(model, parts):
        recorder = next(layer for layer in model.layers if isinstance(layer, Recorder))
        recorded.append(recorder.seen.numpy().reshape(EPOCHS, n).tolist())
        return {}

    recorded = []
    build = partial(network, Recorder, shape=(1,), output=(1,), loss="mse", metrics=None)
    examples = np.arange(n)[:, None], np.zeros(n)
    compare(
        {name: partial(build) for name in names},
        (examples, None, None),
        seeds=[0, 1],
        epochs=EPOCHS,
        batch_size=batch_size,
        measure=measure,
        **options,
    )
    return recorded


@pytest.mark.parametrize("batch_size", [4, 5, 99])
def test_every_epoch_has_every_example_once_in_an_order_of_its_own(batch_size):
    n = 12
    recorded = [order for run in orders(["a"], n, batch_size) for order in run]
    assert len(recorded) == 2 * EPOCHS
    assert all(sorted(order) == list(range(n)) for order in recorded)
    assert len(set(map(tuple, [range(n), *recorded]))) == 1 + 2 * EPOCHS


def test_settings_share_the_order_of_a_seed():
    a_0, b_0, a_1, b_1 = orders(["a", "b"], 12, 5)
    assert a_0 == b_0 != a_1 == b_1


def test_without_shuffle_the_order_is_that_of_the_data():
    assert orders(["a"], 12, 5, shuffle=False) == [[list(range(12))] * EPOCHS] * 2


# --- Compiled once ------------------------------------------------------------------------------


def traces(seeds, callbacks):
    """Return how often Python runs the training step for some seeds and settings."""
    import keras

    class Counting(keras.Model):
        def train_step(self, data):
            count.append(1)
            return super().train_step(data)

    def build():
        inputs = keras.Input((2,))
        model = Counting(inputs, keras.layers.Dense(1)(inputs))
        model.compile("adam", "mse")
        return model

    count = []
    names = map(str, range(len(callbacks)))
    chosen = {name: Setting(build, made) for name, made in zip(names, callbacks, strict=True)}
    examples = np.ones((20, 2)), np.ones(20)
    compare(chosen, (examples, None, None), seeds=seeds, epochs=2, batch_size=4)
    return len(count)


def test_a_setting_is_compiled_once_for_all_seeds_and_callbacks():
    import keras

    stop = partial(keras.callbacks.EarlyStopping, "loss")
    assert traces(range(1), [list]) == traces(range(4), [list, lambda: [stop()]]) > 0


@pytest.fixture
def collected():
    """Leave alone what other tests have made, which takes time to look through."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("collected")
def test_no_models_pile_up():
    built, alive = [], []

    def build():
        model = network()
        built.append(weakref.ref(model))
        return model

    def living():
        gc.collect()
        return sum(model() is not None for model in built)

    def measure(model, parts):
        del model
        alive.append(living())
        return {}

    compare({"a": build}, draw(0), seeds=range(4), epochs=1, measure=measure)
    assert len(built) >= 4
    assert max(alive) <= 1
    assert living() == 0


# --- What is measured ---------------------------------------------------------------------------


def test_frame_has_every_value_of_every_run():
    compared = {"a": network, "short": Setting(noisy, epochs=1)}
    frame = compare(compared, draw, seeds=[8, 1], epochs=2, measure=norm).frame
    assert list(frame.columns) == ["setting", "seed", "epoch", "split", "metric", "value"]
    assert frame["value"].dtype == float

    def rows(epochs):
        both = ["loss", "accuracy"]
        kinds = ["train", "validation"]
        every = [(e, kind, metric) for e in range(epochs) for kind in kinds for metric in both]
        last = [("test", "loss"), ("test", "accuracy"), ("model", "epochs"), ("model", "norm")]
        return every + [(epochs - 1, *row) for row in last]

    assert list(frame.drop(columns="value").itertuples(index=False, name=None)) == [
        (setting, seed, *row)
        for seed in (8, 1)
        for setting, epochs in [("a", 2), ("short", 1)]
        for row in rows(epochs)
    ]
    trained = frame[frame["metric"] == "epochs"]
    assert trained["value"].tolist() == [2, 1, 2, 1]


@pytest.mark.parametrize(
    ("every", "epochs"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3, 4]), (5, [4]), (9, [4])]
)
def test_validation_may_be_evaluated_less_often_which_changes_nothing_else(every, epochs):
    options = {"seeds": [3], "epochs": 5}
    seldom = compare({"a": noisy}, draw, validate_every=every, **options).frame
    always = compare({"a": noisy}, draw, **options).frame
    validated = always["split"] == "validation"
    kept = always[~validated | always["epoch"].isin(epochs)].reset_index(drop=True)
    assert seldom["epoch"][seldom["split"] == "validation"].unique().tolist() == epochs
    assert seldom.equals(kept)


def test_callbacks_see_every_epoch():
    import keras

    stopping = Setting(network, lambda: [keras.callbacks.EarlyStopping()])
    with pytest.raises(ValueError, match=r"'stopping' has callbacks.* leave validate_every at 1"):
        compare({"stopping": stopping}, draw, seeds=[0], epochs=3, validate_every=2)


@pytest.mark.parametrize("every", [0, -1, 1.5, True])
def test_validate_every_is_a_count(every):
    with pytest.raises(ValueError, match="validate_every must be an integer of at least 1"):
        compare({"a": network}, draw, seeds=[0], epochs=1, validate_every=every)


@pytest.mark.parametrize("nothing", [None, (np.empty((0, *SHAPE)), np.empty((0, CLASSES)))])
def test_without_validation_and_test_there_are_no_rows_of_them(nothing):
    frame = compare({"a": network}, (draw(0)[0], nothing, nothing), seeds=[0], epochs=1).frame
    assert frame["split"].tolist() == ["train", "train", "model"]


def test_values_are_those_of_evaluate_with_the_best_weights_restored():
    import keras

    def stop():
        return [keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)]

    def measure(model, parts):
        return model.evaluate(*parts[2], verbose=0, return_dict=True)

    def build():
        return network(optimizer=keras.optimizers.SGD(3.0))

    train, validation, _ = draw(0)
    result = compare(
        {"stopping": Setting(build, stop)},
        (train, validation, validation),
        seeds=range(3),
        epochs=30,
        measure=measure,
    )
    losses = result.frame[result.frame["metric"] == "loss"].set_index("split")
    epochs = result.final("epochs", "model")["value"]
    best = losses.loc["validation"].groupby("seed")["value"].min()
    last = losses.loc["validation"].groupby("seed")["value"].last()
    assert epochs.max() < 30
    assert (best < last).all()
    np.testing.assert_allclose(losses.loc["test", "value"], best, rtol=1e-5)
    for metric in ("loss", "accuracy"):
        test, measured = (result.final(metric, split)["value"] for split in ("test", "model"))
        np.testing.assert_allclose(test, measured, rtol=1e-5)


@pytest.mark.parametrize(("batch_size", "steps"), [(8, 5), (16, 3), (64, 1)])
def test_batch_size_is_that_of_a_step(batch_size, steps):
    def measure(model, parts):
        return {"steps": int(model.optimizer.iterations)}

    parts = draw(0)[0], None, None
    result = compare(
        {"a": network}, parts, seeds=[0], epochs=2, batch_size=batch_size, measure=measure
    )
    assert result.final("steps", "model")["value"].tolist() == [2 * steps]
