"""Progress bars, outside a notebook and in a real kernel, where `fit` and `compare` have theirs."""

import contextlib
import io
import itertools
import signal
from concurrent.futures import ThreadPoolExecutor

import nbclient
import nbformat
import pytest

from coursehelpers.progress import in_notebook, interruptible, progress_bar

pytestmark = pytest.mark.heavy


class Terminal(io.StringIO):
    """A stderr that someone looks at."""

    def isatty(self):
        return True

    def left(self):
        """Return what is visible at the end: a carriage return writes over the line."""
        screen = ""
        for line in self.getvalue().split("\r"):
            screen = line + screen[len(line) :]
        return screen.strip()


def test_a_test_is_no_notebook():
    assert not in_notebook()


# --- progress_bar -------------------------------------------------------------------------------


def test_progress_bar_counts_its_updates(bars):
    with progress_bar(5, "steps") as bar:
        bar.update()
        bar.update(2)
        assert (bar.n, bar.total, bars[0].closed) == (3, 5, False)
    assert bars[0].closed


def test_progress_bar_draws_a_total_that_changes_and_erases_the_bar():
    with (
        contextlib.redirect_stderr(Terminal()) as err,
        progress_bar(9, "stopping early") as bar,
    ):
        bar.update()
        bar.total -= 5
        bar.refresh()
    assert "| 0/9 [" in err.getvalue()
    assert "| 1/4 [" in err.getvalue()
    assert err.left() == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LookupError("mine")])
def test_progress_bar_closes_on_an_error_or_interrupt_and_lets_it_through(bars, error):
    with (
        contextlib.redirect_stderr(Terminal()) as err,
        pytest.raises(type(error)) as raised,
        progress_bar(3, "failing"),
    ):
        raise error
    assert raised.value is error
    assert bars[0].closed
    assert "failing:   0%|" in err.getvalue()
    assert err.left() == ""


def test_progress_bar_is_silent_where_nobody_looks(capfd):
    with progress_bar(3, "silent") as bar:
        bar.update()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("delay", "shown"), [(60, False), (0, True)])
def test_bar_with_a_delay_stays_away_from_what_is_quick(delay, shown):
    with (
        contextlib.redirect_stderr(Terminal()) as err,
        progress_bar(3, "soon done", delay=delay) as bar,
    ):
        bar.update(3)
    assert ("soon done" in err.getvalue()) == shown
    assert err.left() == ""


# --- In a kernel --------------------------------------------------------------------------------

# Name of a cell to its source. The notebook is executed once, in this order.
CELLS = {
    "import": """
        print("before the import")
        import time
        from functools import partial
        import keras, numpy as np
        from coursehelpers.models import build_mlp
        from coursehelpers.profiles import prepare
        from coursehelpers.progress import in_notebook, progress_bar
        from coursehelpers.training import compare, fit
        profile = prepare()
        print(in_notebook())
    """,
    "prints": """
        print("before")
        with progress_bar(2, "printing") as bar:
            for i in range(2):
                print("item", i)
                time.sleep(0.6)
                bar.update()
        print("after")
    """,
    "nested": """
        with progress_bar(2, "outer"):
            print("outer")
            with progress_bar(2, "inner"):
                print("inner")
    """,
    "error": """
        print("before")
        with progress_bar(5, "failing"):
            raise LookupError
    """,
    "after the error": """
        with progress_bar(5, "again"):
            pass
    """,
    "steps": """
        try:
            with progress_bar(9, "steps") as bar:
                bar.update(2)
                bar.total = 4
                bar.refresh()
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            print(bar.n, "of", bar.total)
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
    "compare": """
        def data(seed):
            if seed == 2:
                raise KeyboardInterrupt
            return train, train, train

        build = partial(build_mlp, (), input_shape=(2, 2), classes=3)
        print("before")
        complete = compare({"a": build}, data, seeds=[0, 1], epochs=2, description="comparing")
    """,
    "interrupted compare": """
        partial = compare({"a": build}, data, seeds=[1, 2], epochs=2)
        print(complete.partial, len(complete.final()), partial.partial, len(partial.final()))
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


def test_fit_in_a_notebook_shows_its_bar_and_leaves_nothing(outputs, shown):
    assert "training:   0%|" in shown["fit"]
    assert told(outputs["fit"]) == []


def test_bar_shows_the_time_left_and_leaves_what_the_cell_prints(outputs, shown):
    assert "printing:   0%|" in shown["prints"]
    assert "<" in shown["prints"].partition("| 1/2 [")[2][:10]  # such as 00:00<00:00
    (stays_empty,) = (o.data for o in outputs["prints"] if "data" in o)
    assert stays_empty == {"text/plain": ""}
    assert told(outputs["prints"]) == [("stdout", "before\nitem 0\nitem 1\nafter\n")]


def test_nested_bars_leave_only_the_prints(outputs, shown):
    assert "outer:   0%|" in shown["nested"]
    assert "inner:   0%|" in shown["nested"]
    # A terminal's bars move the cursor up, which a notebook would print.
    assert "\x1b" not in shown["nested"]
    assert told(outputs["nested"]) == [("stdout", "outer\ninner\n")]


def test_bar_disappears_on_an_interrupt_after_its_total_has_changed(outputs, shown):
    assert "steps:   0%|" in shown["steps"]
    assert "| 2/4 [" in shown["steps"]
    assert told(outputs["steps"]) == [("stdout", "2 of 4\n")]


def test_bar_disappears_on_an_error(outputs, shown):
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


def test_compare_in_a_notebook_shows_what_it_trains_and_leaves_nothing(outputs, shown):
    assert "comparing:   0%|" in shown["compare"]
    assert told(outputs["compare"]) == [("stdout", "before\n")]


def test_interrupted_compare_in_a_notebook_returns_the_complete_runs_and_says_so(outputs):
    assert told(outputs["interrupted compare"]) == [
        ("stdout", "Interrupted: 1 of 2 runs are complete.\nFalse 2 True 1\n"),
    ]


# Ctrl-C


def press():
    signal.raise_signal(signal.SIGINT)


def test_interrupt_waits_until_the_block_may_end():
    reached = []
    with contextlib.suppress(KeyboardInterrupt), interruptible() as may_end:
        may_end()
        press()
        reached.append("after it")
        may_end()
        reached.append("too far")
    assert reached == ["after it"]


def test_second_interrupt_does_not_wait():
    presses = []
    with contextlib.suppress(KeyboardInterrupt), interruptible():
        for _ in range(3):
            presses.append("pressed")
            press()
    assert len(presses) == 2


def test_interrupt_that_no_place_has_seen_ends_the_block():
    with pytest.raises(KeyboardInterrupt), interruptible():
        press()


def test_an_error_is_not_covered_by_an_interrupt():
    with pytest.raises(ZeroDivisionError), interruptible():
        (press(), 1 / 0)


@pytest.mark.parametrize("ends", [lambda: None, press, lambda: 1 / 0])
def test_afterwards_an_interrupt_is_what_it_was(ends):
    before = signal.getsignal(signal.SIGINT)
    with contextlib.suppress(KeyboardInterrupt, ZeroDivisionError), interruptible():
        ends()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_process_without_a_handler_keeps_having_none(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with interruptible() as may_end:
            assert signal.getsignal(signal.SIGINT) == handler
            may_end()
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_leaves_the_handler_alone():
    with ThreadPoolExecutor(1) as threads:

        def work():
            with interruptible() as may_end:
                may_end()
                return signal.getsignal(signal.SIGINT)

        assert threads.submit(work).result() is signal.getsignal(signal.SIGINT)
