"""A progress bar that leaves nothing behind, and an end by Ctrl-C that does neither."""

import contextlib
import signal
import sys
import threading


def in_notebook():
    """Return whether the code runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


@contextlib.contextmanager
def progress_bar(total, description="", *, delay=0):
    """Show a progress bar while the block runs; it disappears at the end.

    Parameters
    ----------
    total : int
        Steps until the end.
    description : str, default ""
        What is going on.
    delay : float, default 0
        Seconds before the bar appears; what is done by then shows none.

    Yields
    ------
    tqdm.tqdm
        To be told of each step by ``update()``.
    """
    from tqdm import tqdm

    # On a terminal the bar shows only if someone can see it; in a notebook stderr would be red.
    line = _Line() if in_notebook() else None
    where = {"disable": None} if line is None else {"file": line, "position": 0, "ascii": False}
    look = {"leave": False, "mininterval": 0.5, "ncols": 80, "delay": delay}
    try:
        with tqdm(total=total, desc=description, **look, **where) as bar:
            yield bar
    finally:
        if line is not None:
            line.show("")


@contextlib.contextmanager
def interruptible():
    """Let Ctrl-C wait for a place where it does no harm while the block runs.

    An interrupt in the midst of TensorFlow comes out as any error, or as none: in a callback from
    native code it may be lost, or leave a lock behind. A second Ctrl-C does not wait.

    Yields
    ------
    callable
        To be called where the block may end; raises `KeyboardInterrupt` after a Ctrl-C.
    """
    before, pressed = signal.getsignal(signal.SIGINT), []
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return

    def note(signum, frame):
        pressed.append(signum)
        if len(pressed) > 1:
            before(signum, frame)

    def may_end():
        if pressed:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield may_end
        may_end()
    finally:
        signal.signal(signal.SIGINT, before)


class _Line:
    """A file for tqdm: one display that changes and ends empty.

    Clearing the output instead would take away what the cell has printed. The empty display cannot
    be seen; executing a notebook drops it from the stored outputs.
    """

    def __init__(self):
        self.handle = None

    def write(self, text):
        if text.strip():
            self.show(text.strip())

    def flush(self):
        """Nothing is held back."""

    def show(self, text):
        from IPython.display import display

        bundle = {"text/plain": text}
        if self.handle is None:
            self.handle = display(bundle, raw=True, display_id=True)
        else:
            self.handle.update(bundle, raw=True)
