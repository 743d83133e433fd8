"""What a comparison measured: a frame of all runs, and the tables of it that claims rest on."""

from dataclasses import dataclass, replace

from coursehelpers.metrics import paired_differences, summarize


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
    tracing_seconds : float
        Time spent on compiling the settings before anything was trained.
    """

    frame: object
    partial: bool = False
    tracing_seconds: float = 0.0

    def only(self, settings):
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

    def join(self, other):
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

        seeds, settings = (
            [set(one.frame[column]) for one in (self, other)] for column in ("seed", "setting")
        )
        if seeds[0] != seeds[1]:
            raise ValueError(
                f"Both need the same seeds, got {sorted(seeds[0])} and {sorted(seeds[1])}."
            )
        if both := sorted(settings[0] & settings[1]):
            raise ValueError(f"These settings are in both: {', '.join(both)}. Rename or drop one.")
        return Comparison(
            pd.concat([self.frame, other.frame], ignore_index=True),
            self.partial or other.partial,
            self.tracing_seconds + other.tracing_seconds,
        )

    def final(self, metric="accuracy", split="test"):
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
            If that was not measured; the message tells what was.
        """
        measured = self.frame[["split", "metric"]].drop_duplicates().itertuples(index=False)
        there = [tuple(pair) for pair in measured]
        if (split, metric) not in there:
            raise ValueError(
                f"There is no {metric!r} on {split!r}; there are: "
                f"{', '.join(f'{m!r} on {s!r}' for s, m in there) or 'no complete runs'}."
            )
        rows = self.frame[(self.frame["split"] == split) & (self.frame["metric"] == metric)]
        last = rows.groupby(["setting", "seed"], sort=False)["epoch"].transform("max")
        rows = rows[rows["epoch"] == last]
        rows = rows[["setting", "seed", "value"]].reset_index(drop=True)
        return rows.assign(partial=True) if self.partial else rows

    def summary(self, metric="accuracy", split="test", baseline=None):
        """Summarize each setting, and its paired difference to a baseline.

        Parameters
        ----------
        metric : str, default "accuracy"
        split : {"train", "validation", "test", "model"}, default "test"
        baseline : str, optional
            The setting to compare with, by default the first.

        Returns
        -------
        pandas.DataFrame
            Indexed by setting: the ``mean`` over the seeds with its 95 % t-interval ``low``,
            ``high`` and the number of seeds ``n``; then the mean ``difference`` to the baseline,
            seed by seed, with its interval and the p-value, both with Holm's correction over the
            settings (see `differences`).
        """
        table = summarize(self.final(metric, split), "setting", "value").set_index("setting")
        table = table.rename(columns={"estimate": "mean"})
        differences = self.differences(metric, split, baseline)
        names = {"estimate": "difference", "low": "diff low", "high": "diff high", "p": "p"}
        return table.join(differences.rename(columns=names)[list(names.values())])

    def differences(self, metric="accuracy", split="test", baseline=None):
        """Compare each setting with a baseline, seed by seed.

        Parameters
        ----------
        metric, split, baseline
            As in `summary`.

        Returns
        -------
        pandas.DataFrame
            Indexed by setting: `coursehelpers.metrics.paired_differences`.
        """
        values = self.final(metric, split)
        baseline = values["setting"].iloc[0] if baseline is None else baseline
        table = paired_differences(values, "setting", "value", baseline).set_index("setting")
        return table.assign(partial=True) if self.partial else table
