"""Train with a progress bar that leaves nothing behind."""

import sys


def in_notebook():
    """Return whether the code runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def progress(items, description=""):
    """Iterate with a progress bar that tells the time left and disappears at the end.

    Parameters
    ----------
    items : iterable
    description : str, default ""
        What is going on.

    Yields
    ------
    object
        The items.

    Examples
    --------
    >>> [n**2 for n in progress(range(3), "squaring")]
    [0, 1, 4]
    """
    from tqdm import tqdm

    items = list(items)
    # On a terminal the bar shows only if someone can see it; in a notebook stderr would be red.
    line = _Line() if in_notebook() else None
    where = {"disable": None} if line is None else {"file": line, "position": 0, "ascii": False}
    try:
        yield from tqdm(items, description, leave=False, mininterval=0.5, ncols=80, **where)
    finally:
        if line is not None:
            line.show("")


def fit(model, train, *, validation=None, epochs, batch_size=32, callbacks=()):
    """Call `model.fit` silently, with one progress bar over the epochs.

    Parameters
    ----------
    model : keras.Model
        A compiled model.
    train : tuple of ndarray
        ``(x, y)``.
    validation : tuple of ndarray, optional
        ``(x, y)``, evaluated after every epoch.
    epochs : int
        Passes over the training data, at most: a callback may stop earlier.
    batch_size : int, default 32
        Examples per gradient step.
    callbacks : sequence of keras.callbacks.Callback, default ()

    Returns
    -------
    keras.callbacks.History
        One entry per epoch. Ctrl-C in a notebook ends the training and returns the epochs done;
        elsewhere it is raised.
    """
    import keras

    history = keras.callbacks.History()
    history.epoch = []  # Keras sets it when the first epoch starts; an interrupt may be earlier
    bar = progress(range(epochs), "training")
    epoch_bar = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: next(bar))
    try:
        model.fit(
            *train,
            validation_data=validation,
            epochs=epochs,
            batch_size=batch_size,
            callbacks=[history, epoch_bar, *callbacks],
            verbose=0,
        )
    except KeyboardInterrupt:
        if not in_notebook():
            raise
        print(f"Interrupted after {len(history.epoch)} of {epochs} epochs.")
    finally:
        bar.close()
    return history


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
