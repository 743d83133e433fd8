"""Training with `fit`, what `compare` trains and measures, and a comparison's numbers."""

import gc
import re
import weakref
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyter_client.manager import start_new_kernel

from coursehelpers import profiles, training
from coursehelpers.models import build_mlp
from coursehelpers.training import Comparison, Setting, compare, fit

pytestmark = pytest.mark.heavy

# Small enough that an epoch takes milliseconds.
SHAPE, CLASSES = (2, 2), 3
RNG = np.random.default_rng(0)
PART = RNG.random((24, *SHAPE)), RNG.integers(CLASSES, size=24)


# --- fit ------------------------------------------------------------------------------------------


@pytest.fixture
def train():
    return PART


def small_model(seed=0):
    return build_mlp((4,), input_shape=SHAPE, classes=CLASSES, seed=seed)


def stop_at(epoch, error=None):
    """Return a callback that ends the training after an epoch, counted from zero."""
    import keras

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, number, logs=None):
            if number == epoch and error is not None:
                raise error
            self.model.stop_training = number == epoch

    return Stop()


def python_lines(text):
    """Return the lines that TensorFlow, which logs as it likes, did not write."""
    # The last is about many models in one process.
    native = "oneDNN", "cpu_feature_guard", "rebuild TensorFlow", "cuda", "All log", "retracing"
    return [line for line in text.splitlines() if line and not any(n in line for n in native)]


def test_fit_is_model_fit(train):
    validation = train[0][:8], train[1][:8]
    ours, keras_own = small_model(), small_model()
    history = fit(ours, train, validation=validation, epochs=3, batch_size=5)
    expected = keras_own.fit(
        *train, validation_data=validation, epochs=3, batch_size=5, verbose=0
    ).history
    assert history.history == expected
    for one, other in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_early_stopping_shortens_the_history_and_closes_the_bar(train, bars):
    model = small_model()
    history = fit(model, train, epochs=50, callbacks=[stop_at(2)])
    assert history.epoch == [0, 1, 2]
    assert {len(values) for values in history.history.values()} == {3}
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(3, 50, True)]


def test_fit_is_silent(train, capfd):
    fit(small_model(), train, validation=train, epochs=2)
    out, err = capfd.readouterr()
    assert out == ""
    assert python_lines(err) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError("mine")])
def test_fit_outside_a_notebook_raises_an_interrupt_or_error_and_closes_the_bar(train, bars, error):
    with pytest.raises(type(error)):
        fit(small_model(), train, epochs=5, callbacks=[stop_at(1, error)])
    assert bars[0].closed


def test_interrupt_in_a_notebook_before_the_first_epoch_returns_an_empty_history(
    train, monkeypatch, capsys
):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    model = small_model()
    monkeypatch.setattr(training, "in_notebook", lambda: True)
    monkeypatch.setattr(model, "fit", interrupted)
    history = fit(model, train, epochs=5)
    assert (history.epoch, history.history) == ([], {})
    assert capsys.readouterr().out == "Interrupted after 0 of 5 epochs.\n"


@pytest.mark.parametrize(("profile", "steps"), [("smoke", 3), ("standard", 9)])
def test_epoch_of_a_smoke_test_is_one_step(train, monkeypatch, profile, steps):
    monkeypatch.setattr(profiles, "_prepared", profiles.PROFILES[profile])
    model = small_model()
    history = fit(model, train, epochs=3, batch_size=10)
    assert len(history.history["loss"]) == 3
    assert int(model.optimizer.iterations) == steps

    def count(model, parts):
        return {"steps": int(model.optimizer.iterations)}

    settings, parts = {"small": partial(small_model, seed=None)}, (train, None, train)
    done = compare(settings, parts, seeds=range(2), epochs=3, batch_size=10, measure=count)
    assert done.final("steps", "model")["value"].tolist() == [steps, steps]
    assert done.final("epochs", "model")["value"].tolist() == [3, 3]


# --- compare: its bar -----------------------------------------------------------------------------


def test_compare_counts_epochs_and_leaves_out_those_after_early_stopping(train, bars):
    build = partial(small_model, seed=None)
    chosen = {"all": build, "stopping": Setting(build, callbacks=lambda: [stop_at(0)])}
    compare(chosen, (train, None, None), seeds=range(2), epochs=3, description="two")
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(2 * (3 + 1), 2 * (3 + 1), True)]
    assert "stopping, seed 1" in bars[0].desc


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError("mine")])
def test_compare_closes_its_bar_on_an_interrupt_or_error(train, bars, error):
    chosen = {"a": Setting(small_model, callbacks=lambda: [stop_at(0, error)])}
    with pytest.raises(type(error)):
        compare(chosen, (train, None, None), seeds=range(2), epochs=3)
    assert bars[0].closed


def test_compare_is_silent_where_nobody_looks(train, capfd):
    compare({"a": lambda: small_model(None)}, (train, None, train), seeds=range(2), epochs=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert python_lines(err) == []


PIXELS, BATCH = (4, 4, 1), 16


def draw(seed, n=40):
    """Draw training, validation and test data, with one-hot labels."""
    rng = np.random.default_rng(seed)
    labels = np.eye(CLASSES)[rng.integers(CLASSES, size=(3, n))]
    images = rng.random((3, n, *PIXELS)) + labels.argmax(-1)[..., None, None, None] / 5
    return tuple(zip(images, labels, strict=True))


def network(*hidden, optimizer="sgd", shape=PIXELS, output=(CLASSES, "softmax"), **compiled):
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


@settings(derandomize=True, deadline=None, max_examples=6)
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
    assert len(norms) == 4 * 5
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


@pytest.mark.parametrize("nothing", [None, (np.empty((0, *PIXELS)), np.empty((0, CLASSES)))])
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


ROWS = ["setting", "seed", "epoch", "split", "metric", "value"]


def comparison(values, partial=False, metric="accuracy"):
    """Return a comparison with the final values of each setting, after worse ones."""
    rows = [
        (setting, seed, epoch, split, metric, value - worse)
        for setting, column in values.items()
        for seed, value in enumerate(column)
        for epoch, split, worse in [(0, "train", 9), (1, "train", 5), (1, "test", 0)]
    ]
    return Comparison(pd.DataFrame(rows, columns=ROWS), partial)


# The differences b - a are 1, 2 and 3; c - a are 0, 0 and 3.
THREE = {"a": [1.0, 2.0, 3.0], "b": [2.0, 4.0, 6.0], "c": [1.0, 2.0, 6.0]}
TWO = {name: THREE[name] for name in "ab"}


# --- only ---------------------------------------------------------------------------------------


def test_only_keeps_the_settings_named_in_their_order():
    kept = comparison(THREE).only(["c", "a"])
    assert kept.final()["setting"].tolist() == ["c"] * 3 + ["a"] * 3
    assert kept.final()["value"].tolist() == THREE["c"] + THREE["a"]
    assert kept.differences().index.tolist() == ["a"]
    assert comparison(THREE, partial=True).only(["b"]).partial


def test_only_corrects_for_the_settings_that_are_left():
    kept = comparison(THREE).only(["a", "b"]).summary()
    pd.testing.assert_frame_equal(kept, comparison(TWO).summary())


@pytest.mark.parametrize("names", [["a", "z"], []])
def test_only_names_what_is_not_there(names):
    with pytest.raises(ValueError, match=r"There are no settings \[.*\]; there are: a, b, c\."):
        comparison(THREE).only(names)


# --- join ---------------------------------------------------------------------------------------


def test_join_adds_settings_and_corrects_for_all_of_them():
    joined = comparison(TWO).join(comparison({"c": THREE["c"]}))
    pd.testing.assert_frame_equal(joined.summary(), comparison(THREE).summary())


def test_join_is_partial_if_either_is():
    for first, second in [(True, False), (False, True)]:
        one, other = comparison(TWO, partial=first), comparison({"c": THREE["c"]}, partial=second)
        assert one.join(other).partial
    assert not comparison(TWO).join(comparison({"c": THREE["c"]})).partial


def test_join_refuses_other_seeds_and_a_setting_twice():
    with pytest.raises(ValueError, match=r"same seeds, got \[0, 1, 2\] and \[0, 1\]"):
        comparison(TWO).join(comparison({"c": [1.0, 2.0]}))
    with pytest.raises(ValueError, match=r"in both: b\. Rename or drop one"):
        comparison(TWO).join(comparison({"b": THREE["b"]}))


# --- final --------------------------------------------------------------------------------------


def test_final_has_the_value_after_the_last_epoch_of_each_run():
    rows = [
        ("a", 0, 0, "validation", "loss", 4.0),
        ("a", 0, 1, "validation", "loss", 3.0),
        ("a", 1, 0, "validation", "loss", 2.0),  # stopped early
        ("b", 0, 0, "validation", "loss", 7.0),
        ("b", 0, 0, "train", "loss", 8.0),
        ("b", 0, 1, "validation", "loss", np.nan),
        ("b", 0, 1, "validation", "accuracy", 0.5),
    ]
    final = Comparison(pd.DataFrame(rows, columns=ROWS)).final("loss", "validation")
    expected = pd.DataFrame(
        {"setting": ["a", "a", "b"], "seed": [0, 1, 0], "value": [3.0, 2.0, np.nan]}
    )
    pd.testing.assert_frame_equal(final, expected, check_dtype=False)


def test_final_is_that_of_accuracy_on_the_test_data_unless_told_otherwise():
    both = comparison(TWO)
    assert both.final()["value"].tolist() == [1, 2, 3, 2, 4, 6]
    assert both.final(split="train")["value"].tolist() == [-4, -3, -2, -3, -1, 1]


@pytest.mark.parametrize("method", ["final", "summary", "differences"])
def test_what_was_not_measured_is_refused_with_what_was(method):
    there = "there are: 'accuracy' on 'train', 'accuracy' on 'test'"
    for metric, split in [("loss", "test"), ("accuracy", "validation")]:
        with pytest.raises(ValueError, match=f"no '{metric}' on '{split}'; {there}"):
            getattr(comparison(TWO), method)(metric, split)
    with pytest.raises(ValueError, match="there are: no complete runs"):
        getattr(comparison({}), method)()


# --- summary and differences --------------------------------------------------------------------


def test_differences_of_a_worked_example():
    table = comparison(TWO).differences()
    assert table.index.tolist() == ["b"]
    assert table.index.name == "setting"
    # Mean 2, standard error 1 / sqrt(3), and 4.30265 is the quantile of t with 2 degrees of
    # freedom; R's t.test prints the p-value 0.07418.
    half = 4.30265273 / np.sqrt(3)
    assert table.loc["b", ["estimate", "low", "high", "n"]].tolist() == pytest.approx(
        [2, 2 - half, 2 + half, 3]
    )
    assert table.loc["b", "p"] == pytest.approx(0.07418, abs=5e-6)


def test_differences_are_those_to_the_first_setting_or_to_the_named_one():
    three = comparison(THREE)
    assert three.differences()["estimate"].to_dict() == {"b": 2, "c": 1}
    assert three.differences(baseline="b")["estimate"].to_dict() == {"a": -2, "c": -1}
    assert three.differences(split="train", baseline="c").index.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match=r"no setting 'd'; there are: \['a', 'b', 'c'\]"):
        three.differences(baseline="d")


def test_several_differences_have_the_p_values_of_holm():
    # Each by itself has 0.07418 and 0.42265.
    p = comparison(THREE).differences()["p"]
    assert p.to_dict() == pytest.approx({"b": 2 * 0.07418, "c": 0.42265}, abs=1e-5)


def test_summary_of_a_worked_example():
    table = comparison(TWO).summary()
    assert table.index.tolist() == ["a", "b"]
    columns = ["mean", "low", "high", "n", "difference", "diff low", "diff high"]
    assert table.columns.tolist() == [*columns, "p"]
    half = 4.30265273 / np.sqrt(3)
    assert table.loc["a", columns[:4]].tolist() == pytest.approx([2, 2 - half, 2 + half, 3])
    assert table.loc["b", columns[:4]].tolist() == pytest.approx([4, 4 - 2 * half, 4 + 2 * half, 3])
    assert table.loc["a", columns[4:]].isna().all()
    assert table.loc["b", columns[4:]].tolist() == pytest.approx([2, 2 - half, 2 + half])
    assert table.loc["b", "p"] == pytest.approx(0.07418, abs=5e-6)


def test_summary_of_one_setting_has_nothing_to_compare():
    table = comparison({"a": [1.0, 2.0]}).summary()
    assert table["mean"].tolist() == [1.5]
    assert table[["difference", "p"]].isna().all(axis=None)


def test_one_seed_has_no_interval():
    one = comparison({"a": [1.0], "b": [2.0]})
    for method in (one.summary, one.differences):
        with pytest.raises(ValueError, match="interval needs at least two"):
            method()


def test_settings_that_are_equal_have_a_difference_of_exactly_zero():
    build = partial(build_mlp, (5,), input_shape=SHAPE, classes=CLASSES)
    equal = {"one": build, "other": lambda: build()}
    result = compare(equal, (PART, None, PART), seeds=range(3), epochs=2)
    table = result.differences("loss").loc["other"]
    assert table[["estimate", "low", "high", "p"]].tolist() == [0, 0, 0, 1]
    one, other = result.summary("loss")["mean"]
    assert one == other


def test_a_partial_comparison_says_so_in_its_tables():
    partly, complete = comparison(THREE, partial=True), comparison(THREE)
    assert partly.summary()["partial"].tolist() == [True] * 3
    assert partly.differences()["partial"].tolist() == [True] * 2
    assert "partial" not in [*complete.summary(), *complete.differences()]


# --- Ctrl-C -------------------------------------------------------------------------------------


def interrupted(where):
    """Run two settings over three seeds, with an interrupt in the fourth of the six runs."""
    import keras

    begun = []

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if len(begun) == 4 and epoch == 1:
                raise KeyboardInterrupt

    def callbacks():
        begun.append(1)
        return [Interrupt()] if where == "callback" else []

    def data(seed):
        if where == "data" and seed == 1:
            raise KeyboardInterrupt
        return PART, None, PART

    build = partial(build_mlp, (), input_shape=SHAPE, classes=CLASSES)
    chosen = {"a": Setting(build, callbacks), "b": Setting(build, callbacks)}
    return compare(chosen, data, seeds=range(3), epochs=3)


@pytest.mark.parametrize("where", ["callback", "data"])
def test_interrupt_outside_a_notebook_is_raised(where):
    with pytest.raises(KeyboardInterrupt):
        interrupted(where)


@pytest.mark.parametrize(
    ("where", "complete"),
    [("callback", [("a", 0), ("b", 0), ("a", 1)]), ("data", [("a", 0), ("b", 0)])],
)
def test_interrupt_in_a_notebook_returns_the_complete_runs(monkeypatch, capsys, where, complete):
    monkeypatch.setattr(training, "in_notebook", lambda: True)
    result = interrupted(where)
    assert capsys.readouterr().out == f"Interrupted: {len(complete)} of 6 runs are complete.\n"
    assert result.partial
    assert list(result.frame.groupby(["seed", "setting"]).groups) == sorted(
        (seed, setting) for setting, seed in complete
    )
    assert len(result.final()) == len(complete)
    assert set(result.frame["epoch"]) == {0, 1, 2}


def test_interrupt_before_the_first_run_is_complete_leaves_nothing(monkeypatch):
    def data(seed):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "in_notebook", lambda: True)
    result = compare({"a": build_mlp}, data, seeds=[0], epochs=1)
    assert (result.partial, len(result.frame), list(result.frame.columns)) == (True, 0, ROWS)
    with pytest.raises(ValueError, match="no complete runs"):
        result.summary()


def test_errors_are_raised_in_a_notebook_too(monkeypatch):
    def data(seed):
        raise LookupError("mine")

    monkeypatch.setattr(training, "in_notebook", lambda: True)
    with pytest.raises(LookupError, match="mine"):
        compare({"a": build_mlp}, data, seeds=[0], epochs=1)


# --- Ctrl-C in a real kernel ----------------------------------------------------------------------

SETUP = """
import os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import numpy as np
from coursehelpers.claims import claim
from coursehelpers.models import build_mlp
from coursehelpers.training import Setting, compare

parts = (np.random.default_rng(0).random((500, 28, 28)), np.arange(500) % 10)
settings = {
    "short": Setting(lambda: build_mlp((8,)), epochs=2),
    "shorter": Setting(lambda: build_mlp(()), epochs=1),
    "endless": Setting(lambda: build_mlp((8,)), epochs=10**6),
}
"""
AFTER = """
print(comparison.partial, comparison.final("epochs", "model")[["setting", "seed", "value"]].values.tolist())
try:
    row = {"estimate": 1, "low": 0, "high": 2, "n": 2, "partial": comparison.partial}
    claim("A.", "B", row, above=0)
except ValueError as error:
    print(error)
"""


def test_interrupt_keeps_the_complete_runs_of_a_real_kernel():
    manager, client = start_new_kernel()
    bars, streams, interrupted = [], [], []

    def note(message):
        content = message["content"]
        bars.append(content.get("data", {}).get("text/plain", ""))
        if message["msg_type"] == "stream":
            streams.append(content["text"])
        # The bar shows that the endless setting is being trained: the moment for Ctrl-C.
        if re.search(r"endless, seed 0.*[1-9]\d*/", bars[-1]) and not interrupted:
            interrupted.append(True)
            manager.interrupt_kernel()

    try:
        client.execute_interactive(SETUP, timeout=120, output_hook=lambda message: None)
        training = "comparison = compare(settings, (parts, None, parts), seeds=[0, 1], epochs=1)"
        reply = client.execute_interactive(training, timeout=120, output_hook=note)
        client.execute_interactive(AFTER, timeout=60, output_hook=note)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok"
    printed = "".join(streams)
    assert "Interrupted: 2 of 6 runs are complete." in printed
    assert "True [['short', 0, 2.0], ['shorter', 0, 1.0]]" in printed
    assert "The comparison was interrupted" in printed
    # How long is left stood beside it.
    assert any(re.search(r"\[\d+:\d+<.*\]", bar) for bar in bars)
