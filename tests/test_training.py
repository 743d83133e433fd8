"""Training with `fit`, and what `compare` shows; test_progress.py does so in a real kernel."""

from functools import partial

import numpy as np
import pytest

from coursehelpers import profiles, training
from coursehelpers.models import build_mlp
from coursehelpers.training import Setting, compare, fit

# Small enough that an epoch takes milliseconds.
SHAPE, CLASSES = (2, 2), 3


@pytest.fixture(scope="module")
def train():
    rng = np.random.default_rng(0)
    return rng.random((24, *SHAPE)), rng.integers(CLASSES, size=24)


@pytest.fixture
def keras():
    import keras

    return keras


def small_model(seed=0):
    return build_mlp((4,), input_shape=SHAPE, classes=CLASSES, seed=seed)


def stop_at(epoch, keras, error=None):
    """Return a callback that ends the training after an epoch, counted from zero."""

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


def test_fit_returns_a_history_with_one_entry_per_epoch(train, keras):
    history = fit(small_model(), train, epochs=4)
    assert isinstance(history, keras.callbacks.History)
    assert history.epoch == [0, 1, 2, 3]
    assert set(history.history) == {"loss", "accuracy"}
    assert {len(values) for values in history.history.values()} == {4}


def test_fit_records_validation_metrics_if_there_is_validation_data(train):
    model = small_model()
    history = fit(model, train, validation=(train[0][:5], train[1][:5]), epochs=2).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    # What was recorded last is what the model has on those five examples, not on others.
    loss, accuracy = model.evaluate(train[0][:5], train[1][:5], verbose=0)
    assert history["val_loss"][-1] == pytest.approx(loss, rel=1e-5)
    assert history["val_accuracy"][-1] == pytest.approx(accuracy)


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


def test_fit_takes_the_batch_size(train):
    model = small_model()
    fit(model, train, epochs=2, batch_size=5)
    assert int(model.optimizer.iterations) == 2 * -(-24 // 5)


def test_early_stopping_shortens_the_history_and_closes_the_bar(train, keras, bars):
    model = small_model()
    history = fit(model, train, epochs=50, callbacks=[stop_at(2, keras)])
    assert history.epoch == [0, 1, 2]
    assert {len(values) for values in history.history.values()} == {3}
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(3, 50, True)]


def test_fit_is_silent(train, capfd):
    fit(small_model(), train, validation=train, epochs=2)
    out, err = capfd.readouterr()
    assert out == ""
    assert python_lines(err) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError("mine")])
def test_fit_outside_a_notebook_raises_an_interrupt_or_error_and_closes_the_bar(
    train, keras, bars, error
):
    with pytest.raises(type(error)):
        fit(small_model(), train, epochs=5, callbacks=[stop_at(1, keras, error)])
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


# --- compare ------------------------------------------------------------------------------------


def test_compare_counts_epochs_and_leaves_out_those_after_early_stopping(train, keras, bars):
    build = partial(small_model, seed=None)
    chosen = {"all": build, "stopping": Setting(build, callbacks=lambda: [stop_at(0, keras)])}
    compare(chosen, (train, None, None), seeds=range(2), epochs=3, description="two")
    assert [(bar.n, bar.total, bar.closed) for bar in bars] == [(2 * (3 + 1), 2 * (3 + 1), True)]
    assert "stopping, seed 1" in bars[0].desc


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError("mine")])
def test_compare_closes_its_bar_on_an_interrupt_or_error(train, keras, bars, error):
    chosen = {"a": Setting(small_model, callbacks=lambda: [stop_at(0, keras, error)])}
    with pytest.raises(type(error)):
        compare(chosen, (train, None, None), seeds=range(2), epochs=3)
    assert bars[0].closed


def test_compare_is_silent_where_nobody_looks(train, capfd):
    compare({"a": lambda: small_model(None)}, (train, None, train), seeds=range(2), epochs=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert python_lines(err) == []
