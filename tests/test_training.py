"""Training with a progress bar, outside a notebook and in a real kernel."""

import itertools
import sys

import nbclient
import nbformat
import numpy as np
import pytest
import tqdm

from coursehelpers import training
from coursehelpers.models import build_mlp
from coursehelpers.training import fit, in_notebook, progress

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


# --- progress -----------------------------------------------------------------------------------


@pytest.fixture
def bars(monkeypatch):
    """The bars that are made, in order."""

    made = []

    class Recorded(tqdm.tqdm):
        # No thread that looks after bars that stand still.
        monitor_interval = 0

        def __init__(self, items, description, **options):
            # Without a terminal the bar would be disabled, and a disabled bar is never closed.
            super().__init__(items, description, **{**options, "disable": False})
            self.closed = False
            made.append(self)

        def close(self):
            super().close()
            self.closed = True

    monkeypatch.setattr(tqdm, "tqdm", Recorded)
    return made


@pytest.mark.parametrize("items", [[], [3, 1, 2], "abc", range(5), {"b": 1, "a": 2}])
def test_progress_yields_all_items_in_order(items):
    assert list(progress(items)) == list(items)
    assert list(progress(iter(items), "on the way")) == list(items)


def test_progress_closes_its_bar_at_the_end_on_break_and_on_an_error(bars):
    assert list(progress("ab")) == ["a", "b"]

    for _ in progress("ab"):
        assert not bars[-1].closed
        break

    def fail():
        for item in progress("ab"):
            raise LookupError(item)

    with pytest.raises(LookupError, match=r"^a$"):
        fail()
    assert [bar.closed for bar in bars] == [True] * 3


def test_progress_is_silent_where_nobody_looks(capfd):
    assert not in_notebook()
    list(progress(range(3), "silent"))
    assert capfd.readouterr() == ("", "")


def test_progress_draws_on_a_terminal_and_erases_its_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(progress(range(3), "visible"))
    out, err = capsys.readouterr()
    assert out == ""
    assert "visible:   0%|" in err
    # After the last carriage return but one there are only the spaces that hide the bar.
    *_, hidden, end = err.split("\r")
    assert (hidden.strip(), end) == ("", "")


# --- fit ----------------------------------------------------------------------------------------


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
    assert (len(bars), bars[0].total, bars[0].closed) == (1, 50, True)


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


# --- In a kernel --------------------------------------------------------------------------------

# Name of a cell to its source. The notebook is executed once, in this order.
CELLS = {
    "import": """
        print("before the import")
        import time
        import keras, numpy as np
        from coursehelpers.models import build_mlp
        from coursehelpers.profiles import prepare
        from coursehelpers.training import fit, in_notebook, progress
        profile = prepare()
        print(in_notebook())
    """,
    "bar": """
        for item in progress(range(2), "counting"):
            time.sleep(0.6)
    """,
    "prints": """
        print("before")
        for item in progress(range(2), "printing"):
            print("item", item)
        print("after")
    """,
    "nested": """
        for i in progress(range(2), "outer"):
            print("outer", i)
            for j in progress(range(2), "inner"):
                print("inner", i, j)
    """,
    "break": """
        for item in progress(range(5), "breaking"):
            print("item", item)
            if item == 1:
                break
    """,
    "error": """
        print("before")
        for item in progress(range(5), "failing"):
            raise LookupError(item)
    """,
    "after the error": """
        again = list(progress(range(5), "again"))
    """,
    "fit": """
        rng = np.random.default_rng(0)
        train = rng.random((24, 2, 2)), rng.integers(3, size=24)
        # So many models that TensorFlow would take them for one that is compiled again and again.
        for seed in range(6):
            history = fit(build_mlp((4,), input_shape=(2, 2), classes=3), train, epochs=1)
    """,
    "interrupt": """
        class Interrupt(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 3:
                    raise KeyboardInterrupt

        model = build_mlp((4,), input_shape=(2, 2), classes=3)
        print("before")
        history = fit(model, train, epochs=9, callbacks=[Interrupt()])
    """,
    "interrupted": """
        print(history.epoch, {name: len(values) for name, values in history.history.items()})
    """,
}


@pytest.fixture(scope="module")
def executed():
    """Return for each cell its stored outputs, and every bundle that was ever shown in it."""
    shown = {name: [] for name in CELLS}

    class Client(nbclient.NotebookClient):
        def process_message(self, msg, cell, cell_index):
            shown[cell.metadata["name"]] += [msg["content"].get("data", {}).get("text/plain", "")]
            return super().process_message(msg, cell, cell_index)

    cells = []
    for name, source in CELLS.items():
        cell = nbformat.v4.new_code_cell(
            "\n".join(line.removeprefix(" " * 8) for line in source.strip("\n").splitlines())
        )
        cell.metadata.update(name=name, tags=["raises-exception"] if name == "error" else [])
        cells.append(cell)
    notebook = nbformat.v4.new_notebook(cells=cells)
    Client(notebook, kernel_name="python3", timeout=120).execute()
    return {cell.metadata["name"]: (cell.outputs, shown[cell.metadata["name"]]) for cell in cells}


@pytest.fixture
def outputs(executed):
    return {name: outputs for name, (outputs, _) in executed.items()}


@pytest.fixture
def shown(executed):
    return {name: "\n".join(bundles) for name, (_, bundles) in executed.items()}


def told(outputs):
    """Return the kind and text of each output that can be seen; pieces of a stream are joined."""
    outputs = [o for o in outputs if "data" not in o or any(o.data.values())]
    pieces = [
        (o.get("name", o.output_type), o.text if "text" in o else o.get("data", {}))
        for o in outputs
    ]
    joined = []
    for kind, group in itertools.groupby(pieces, key=lambda piece: piece[0]):
        contents = [content for _, content in group]
        joined += (
            [(kind, "".join(contents))]
            if kind in ("stdout", "stderr")
            else [(kind, content) for content in contents]
        )
    return joined


def test_bar_in_a_notebook_shows_the_time_left_and_leaves_nothing(outputs, shown):
    assert "counting:   0%|" in shown["bar"]
    assert "| 1/2 [00:00<00:00" in shown["bar"]
    assert told(outputs["bar"]) == []
    assert [o.data for o in outputs["bar"]] == [{"text/plain": ""}]


def test_fit_in_a_notebook_shows_its_bar_and_leaves_nothing(outputs, shown):
    assert "training:   0%|" in shown["fit"]
    assert told(outputs["fit"]) == []


def test_bar_keeps_what_the_cell_prints_before_meanwhile_and_after(outputs, shown):
    assert "printing:   0%|" in shown["prints"]
    assert told(outputs["prints"]) == [("stdout", "before\nitem 0\nitem 1\nafter\n")]


def test_nested_bars_leave_only_the_prints(outputs, shown):
    assert "outer:   0%|" in shown["nested"]
    assert "inner:   0%|" in shown["nested"]
    # A terminal's bars move the cursor up, which a notebook would print.
    assert "\x1b" not in shown["nested"]
    lines = [f"outer {i}\ninner {i} 0\ninner {i} 1\n" for i in range(2)]
    assert told(outputs["nested"]) == [("stdout", "".join(lines))]


def test_bar_disappears_on_break_and_on_an_error(outputs, shown):
    assert told(outputs["break"]) == [("stdout", "item 0\nitem 1\n")]
    assert "failing:   0%|" in shown["error"]
    assert [kind for kind, _ in told(outputs["error"])] == ["stdout", "error"]
    # A bar that was left open would close during a later cell.
    assert "again:   0%|" in shown["after the error"]
    assert told(outputs["after the error"]) == []


def test_interrupt_in_a_notebook_returns_the_epochs_done_and_says_so(outputs):
    assert told(outputs["interrupt"]) == [
        ("stdout", "before\nInterrupted after 3 of 9 epochs.\n"),
    ]
    assert told(outputs["interrupted"]) == [
        ("stdout", "[0, 1, 2] {'accuracy': 3, 'loss': 3}\n"),
    ]
