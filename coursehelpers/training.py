"""Train: one model for the eye with `fit`, many settings over many seeds with `compare`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from coursehelpers.data import require_count
from coursehelpers.metrics import paired_differences, summarize
from coursehelpers.profiles import prepared
from coursehelpers.progress import in_notebook, interruptible, progress_bar

if TYPE_CHECKING:
    import keras
    import pandas as pd

Part = Sequence[np.ndarray]  # (x, y) or (x, y, sample_weight)
Data = Sequence[Part | None]  # train, validation and test

# TensorFlow keeps a copy of every model that is built, and drops it when it is seeded. It then
# prepares every compiled function again, which takes longer than many an epoch.
WEIGHTS_BETWEEN_SEEDING = 20_000_000


def fit(
    model: "keras.Model",
    train: Part,
    *,
    validation: Part | None = None,
    epochs: int,
    batch_size: int = 32,
    callbacks: "Sequence[keras.callbacks.Callback]" = (),
) -> "keras.callbacks.History":
    """Call `model.fit` silently, with one progress bar over the epochs.

    In the profile "smoke" it sees a single batch, in training and in validation.

    Parameters
    ----------
    model : keras.Model
        A compiled model.
    train : tuple of ndarray
        ``(x, y)``.
    validation : tuple of ndarray, optional
        ``(x, y)``, evaluated after every epoch.
    epochs : int
        At most: a callback may stop earlier.
    batch_size : int, default 32
    callbacks : sequence of keras.callbacks.Callback, default ()

    Returns
    -------
    keras.callbacks.History
        One entry per epoch. Ctrl-C in a notebook ends the training and returns the epochs done;
        elsewhere it is raised.
    """
    import keras

    if steps := prepared().steps:
        train = [part[: steps * batch_size] for part in train]
        validation = validation and [part[: steps * batch_size] for part in validation]
    history = keras.callbacks.History()
    history.epoch = []  # Keras sets it when the first epoch starts; an interrupt may be earlier
    try:
        with interruptible() as may_end, progress_bar(epochs, "training") as bar:
            steps = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: may_end(),
                on_epoch_end=lambda epoch, logs: bar.update(),
            )
            model.fit(
                *train,
                validation_data=validation,
                epochs=epochs,
                batch_size=batch_size,
                callbacks=[history, steps, *callbacks],
                verbose=0,
            )
    except KeyboardInterrupt:
        if not in_notebook():
            raise
        print(f"Interrupted after {len(history.epoch)} of {epochs} epochs.")
    return history


class Setting(NamedTuple):
    """One way of training, for `compare`.

    What is random or keeps a state is built again for every seed.

    Attributes
    ----------
    build : callable
        Returns a new compiled `keras.Model`: ``build()``. Its initializers, regularizers and
        optimizer belong inside, so that every seed gets its own.
    callbacks : callable, optional
        Returns a new list of Keras callbacks, such as ``EarlyStopping(patience=5)``. They work
        epoch by epoch; one that needs every batch is refused.
    augment : callable, optional
        Returns a new Keras layer that maps a training batch ``{"images": x, "labels": y}`` to
        another one, as the layers of Keras for images do; ``keras.layers.Pipeline`` joins several.
    epochs : int, optional
        Epochs of this setting, where they differ from those of the comparison.
    pretrained : bool, default False
        Whether all seeds are meant to start from the same weights; otherwise that is refused.
    """

    build: "Callable[[], keras.Model]"
    callbacks: "Callable[[], list[keras.callbacks.Callback]]" = list
    augment: "Callable[[], keras.Layer] | None" = None
    epochs: int | None = None
    pretrained: bool = False


@dataclass(frozen=True)
class Comparison:
    """What `compare` measured.

    Attributes
    ----------
    frame : pandas.DataFrame
        One row per value: ``setting``, ``seed``, ``epoch`` (from 0), ``split`` ("train",
        "validation", "test"; "model" for what is measured on the trained model), ``metric`` and
        ``value``.
    partial : bool
        Whether Ctrl-C ended it early. Then only complete runs are in the frame.
    """

    frame: "pd.DataFrame"
    partial: bool = False

    def only(self, settings: Sequence[Any]) -> "Comparison":
        """Keep some settings, so that tables, corrections and plots are about these alone.

        Parameters
        ----------
        settings : sequence of str
            Their names, in the order wanted; the first one is the baseline of the tables.

        Returns
        -------
        Comparison

        Raises
        ------
        ValueError
            If one is not there.
        """
        import pandas as pd

        runs = dict(list(self.frame.groupby("setting", sort=False)))
        unknown = [name for name in settings if name not in runs]
        if unknown or not settings:
            raise ValueError(f"There are no settings {unknown}; there are: {', '.join(runs)}.")
        frame = pd.concat([runs[name] for name in settings], ignore_index=True)
        return replace(self, frame=frame)

    def join(self, other: "Comparison") -> "Comparison":
        """Add the settings of another comparison over the same seeds.

        Parameters
        ----------
        other : Comparison
            Made with the same data; that cannot be seen from its numbers.

        Returns
        -------
        Comparison
            The settings of this one, then those of the other.

        Raises
        ------
        ValueError
            If the seeds differ, or a setting is in both.
        """
        import pandas as pd

        frames = self.frame, other.frame
        mine, others = (sorted(set(frame["seed"])) for frame in frames)
        if mine != others:
            raise ValueError(f"Both need the same seeds, got {mine} and {others}.")
        if both := sorted(set.intersection(*(set(frame["setting"]) for frame in frames))):
            raise ValueError(f"These settings are in both: {', '.join(both)}. Rename or drop one.")
        return Comparison(pd.concat(frames, ignore_index=True), self.partial or other.partial)

    def measured(self, metric: str, split: str) -> "pd.DataFrame":
        """Return the rows of `frame` with a metric on a split; a ValueError lists what there is."""
        pairs = self.frame[["split", "metric"]].drop_duplicates().itertuples(index=False)
        there = [tuple(pair) for pair in pairs]
        if (split, metric) not in there:
            raise ValueError(
                f"There is no {metric!r} on {split!r}; there are: "
                f"{', '.join(f'{m!r} on {s!r}' for s, m in there) or 'no complete runs'}."
            )
        return self.frame[(self.frame["split"] == split) & (self.frame["metric"] == metric)]

    def final(self, metric: str = "accuracy", split: str = "test") -> "pd.DataFrame":
        """Return the values after the last epoch of each run.

        Parameters
        ----------
        metric : str, default "accuracy"
        split : {"train", "validation", "test", "model"}, default "test"

        Returns
        -------
        pandas.DataFrame
            ``setting``, ``seed``, ``value``; one row per run. A partial comparison has a column
            ``partial`` as well, here and in the tables below, and claims refuse it.

        Raises
        ------
        ValueError
            If that was not measured; the message lists what was.
        """
        rows = self.measured(metric, split)
        last = rows.groupby(["setting", "seed"], sort=False)["epoch"].transform("max")
        rows = rows[rows["epoch"] == last]
        rows = rows[["setting", "seed", "value"]].reset_index(drop=True)
        return rows.assign(partial=True) if self.partial else rows

    def summary(self, metric: str = "accuracy", split: str = "test") -> "pd.DataFrame":
        """Summarize each setting, and its paired difference to the first one.

        Parameters
        ----------
        metric, split
            As in `final`.

        Returns
        -------
        pandas.DataFrame
            Indexed by setting: the ``mean`` over the seeds with its 95 % t-interval ``low``,
            ``high`` and the number of seeds ``n``; then the mean ``difference`` to the first
            setting, seed by seed, with its interval and the p-value, both with Holm's correction
            over the settings (see `differences`).
        """
        table = summarize(self.final(metric, split), "setting", "value").set_index("setting")
        table = table.rename(columns={"estimate": "mean"})
        differences = self.differences(metric, split)
        names = {"estimate": "difference", "low": "diff low", "high": "diff high", "p": "p"}
        return table.join(differences.rename(columns=names)[list(names.values())])

    def differences(
        self, metric: str = "accuracy", split: str = "test", baseline: Any = None
    ) -> "pd.DataFrame":
        """Compare each setting with a baseline, seed by seed.

        Parameters
        ----------
        metric, split
            As in `final`.
        baseline : str, optional
            The setting to compare with, by default the first.

        Returns
        -------
        pandas.DataFrame
            Indexed by setting: `coursehelpers.metrics.paired_differences`.
        """
        values = self.final(metric, split)
        baseline = values["setting"].iloc[0] if baseline is None else baseline
        table = paired_differences(values, "setting", "value", baseline).set_index("setting")
        return table.assign(partial=True) if self.partial else table


def compare(
    settings: "Mapping[Any, Setting | Callable[[], keras.Model]]",
    data: Callable[[int], Data] | Data,
    *,
    seeds: Iterable[int],
    epochs: int,
    batch_size: int = 32,
    shuffle: bool = True,
    validate_every: int = 1,
    measure: "Callable[[keras.Model, Data], Mapping[str, float]] | None" = None,
    description: str = "",
) -> Comparison:
    """Train every setting over all seeds, in compiled loops over the batches of an epoch.

    The updates are those of `keras.Model.fit`, without the time that it spends between batches. A
    seed redraws the data, the initial weights, the random state of dropout and augmentation, and
    the order of batches; all settings share these draws, so that they can be compared pairwise.

    Parameters
    ----------
    settings : mapping of str to Setting or callable
        Names, and how to train; a callable is `Setting.build`.
    data : callable or tuple
        From a seed to three parts, train, validation and test, each ``(x, y)`` or
        ``(x, y, sample_weight)`` of arrays, of the same size for every seed; validation and test
        may be None. Or these three parts, if every seed has the same.
    seeds : iterable of int
    epochs : int
        At most: a callback may stop earlier.
    batch_size : int, default 32
        The last batch of an epoch may be smaller.
    shuffle : bool, default True
        Whether every epoch has another order of examples.
    validate_every : int, default 1
        Epochs from one validation to the next; the last epoch is always validated. To validate
        every epoch can take a third of the time, but settings with callbacks need it.
    measure : callable, optional
        Called as ``measure(model, parts)`` after the last epoch of every run; it returns names
        and numbers, which are recorded with split "model".
    description : str, default ""
        What the progress bar says.

    Returns
    -------
    Comparison
        Training metrics are means over the batches of an epoch, as in `keras.Model.fit`;
        validation is evaluated every `validate_every` epochs, test once, after the last. Ctrl-C in
        a notebook returns the complete runs, marked as partial; elsewhere it is raised.

    Raises
    ------
    TypeError, ValueError
        If something is not as described above; or if `keras.Model.fit` could do it and this
        function cannot. It never falls back to `fit`.

    Notes
    -----
    Randomness has to come from Keras (``keras.random``, ``keras.layers``). What a seed redraws has
    to be a weight: the graph is the same for all of them, and with it every number drawn in Python
    while it was built. Python, NumPy and TensorFlow are seeded on the way, and stay so. XLA
    (``jit_compile``) is not used. In the profile "smoke" a part of the data is a single batch.

    Examples
    --------
    >>> from functools import partial
    >>> from coursehelpers.models import build_mlp
    >>> x, y = np.random.default_rng(0).random((40, 28, 28)), np.arange(40) % 10
    >>> parts = (x, y), None, (x, y)
    >>> settings = {"shallow": partial(build_mlp, ()), "deep": partial(build_mlp, (8, 8))}
    >>> compare(settings, parts, seeds=range(2), epochs=1).summary("loss").n.tolist()
    [2, 2]
    """
    import keras
    import pandas as pd

    from coursehelpers.compiled import CompiledRuns, cut, seed_python, tensors

    steps = prepared().steps
    planned = _checked_settings(settings, epochs)
    draws = _checked_seeds(seeds)
    require_count("batch_size", batch_size)
    require_count("validate_every", validate_every)
    for name, setting in planned.items():
        if validate_every > 1 and setting.callbacks is not list:
            raise ValueError(
                f"Setting {name!r} has callbacks, which look at every epoch: leave validate_every "
                f"at 1, got {validate_every}."
            )
    rows, done, runs = [], 0, {}
    kept = WEIGHTS_BETWEEN_SEEDING
    total = sum(setting.epochs for setting in planned.values()) * len(draws)
    partial = False
    try:
        with interruptible() as may_end, progress_bar(total, description) as bar:

            def tick():
                bar.update()
                may_end()

            for seed in draws:
                seed_python(seed)
                parts = data(seed) if callable(data) else data
                arrays = tensors(parts)
                if steps:
                    arrays = [part and cut(part, 0, steps * batch_size) for part in arrays]
                for name, setting in planned.items():
                    bar.set_description(f"{description} {name}, seed {seed}".strip())
                    if kept >= WEIGHTS_BETWEEN_SEEDING:
                        keras.utils.set_random_seed(seed)
                        kept = 0
                    # Settings that differ in callbacks or epochs only share what is compiled.
                    key = id(setting.build), id(setting.augment), setting.pretrained
                    if key not in runs:
                        runs[key] = CompiledRuns(name, setting, arrays, batch_size)
                    run = runs[key].train(
                        name, setting, seed, arrays, shuffle, validate_every, tick
                    )
                    kept += runs[key].model.count_params()
                    last = run[-1][0]
                    measured = measure(runs[key].model, parts) if measure else {}
                    run += [(last, "model", *item) for item in _checked_measures(measured)]
                    rows += [(name, seed, *row) for row in run]
                    bar.total -= setting.epochs - (last + 1)  # left out by early stopping
                    done += 1
                    may_end()
    except KeyboardInterrupt:
        if not in_notebook():
            raise
        partial = True
        print(f"Interrupted: {done} of {len(draws) * len(planned)} runs are complete.")
    columns = ["setting", "seed", "epoch", "split", "metric", "value"]
    return Comparison(pd.DataFrame(rows, columns=columns), partial)


def _checked_settings(settings, epochs):
    import keras

    if not isinstance(settings, Mapping) or not settings:
        raise TypeError(
            "settings must map names to Settings or to functions that build a model, "
            f"got {settings!r}."
        )
    checked = {}
    for name, setting in settings.items():
        setting = setting if isinstance(setting, Setting) else Setting(setting)
        # A model and a layer can be called as well, but that builds no new one.
        if not callable(setting.build) or isinstance(setting.build, keras.Model):
            raise TypeError(
                f"Setting {name!r} must be a function that builds a compiled model, "
                f"got {type(setting.build).__name__}. Give the function, not the model."
            )
        for what in ("callbacks", "augment"):
            made = getattr(setting, what)
            if made is not None and (not callable(made) or isinstance(made, keras.Layer)):
                raise TypeError(
                    f"The {what} of setting {name!r} must be a function that makes them anew, "
                    f"got {type(made).__name__}."
                )
        setting = setting._replace(epochs=epochs if setting.epochs is None else setting.epochs)
        require_count(f"epochs of setting {name!r}", setting.epochs)
        checked[name] = setting
    return checked


def _checked_measures(measured):
    if not isinstance(measured, Mapping) or "epochs" in measured:
        raise TypeError(
            "measure must return names and numbers, such as {'norm': 1.5}, and not 'epochs', which "
            f"is recorded anyway; got {measured!r}."
        )
    return [(name, float(value)) for name, value in measured.items()]


def _checked_seeds(seeds):
    if not isinstance(seeds, Iterable):
        raise TypeError(f"seeds must be several integers, such as range(5), got {seeds!r}.")
    seeds = list(seeds)
    integers = all(isinstance(seed, int | np.integer) and 0 <= seed < 2**32 for seed in seeds)
    if not seeds or not integers or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different integers from 0 to 2**32 - 1, got {seeds}.")
    return [int(seed) for seed in seeds]
