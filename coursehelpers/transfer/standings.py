"""Which strategies win where: the measured grid, and how they stand in each of its cells."""

import io

from coursehelpers.data import read_verified
from coursehelpers.metrics import paired_differences, summarize

GRID = "transfer-grid/transfer-grid.csv"
CELL = ["domain", "size"]


def load_grid():
    """Load what the strategies of transfer learning reached, for each cell and seed.

    Returns
    -------
    pandas.DataFrame
        One row per run: ``domain``, ``size``, ``strategy``, ``seed``, the accuracies
        ``validation`` and ``test``, ``choice``: what was chosen on validation, and ``seconds`` it
        took on one processor core. See `coursehelpers.transfer.strategies.measure`.

    Raises
    ------
    DataError
        If the file is missing or damaged.

    Examples
    --------
    >>> grid = load_grid()
    >>> len(grid) == grid["seed"].nunique() * 24
    True
    """
    import pandas as pd

    content = read_verified(GRID).decode()
    return pd.read_csv(io.StringIO(content), keep_default_na=False)


def standings(grid):
    """Compare the strategies in each cell of the grid with the best one there.

    Parameters
    ----------
    grid : pandas.DataFrame
        What `load_grid` returns.

    Returns
    -------
    pandas.DataFrame
        One row per cell and strategy: ``domain``, ``size``, ``strategy``; the mean test accuracy
        ``estimate`` with its 95 % interval ``low``, ``high`` over ``n`` seeds; the mean
        ``difference`` to the strategy with the highest mean of the cell, its interval ``diff low``,
        ``diff high`` with Holm's correction over the strategies; and its ``standing``:

        - "worse": shown to be worse than the one with the highest mean,
        - "best": has the highest mean, and all others were shown to be worse,
        - "tied": neither, the seeds do not tell it from the one with the highest mean.

        Finally ``beaten``: whether some other strategy of the cell was better in every seed. That
        is no proof, but a reason not to recommend the strategy.

    Examples
    --------
    >>> from coursehelpers.transfer import load_grid
    >>> table = standings(load_grid())
    >>> set(table["standing"]) <= {"best", "tied", "worse"}
    True
    """
    import pandas as pd

    names = {"estimate": "difference", "low": "diff low", "high": "diff high"}
    cells = []
    for key, runs in grid.groupby(CELL, sort=False):
        means = summarize(runs, "strategy", "test")
        best = means.loc[means["estimate"].idxmax(), "strategy"]
        against = paired_differences(runs, "strategy", "test", best).rename(columns=names)
        table = means.merge(against[["strategy", *names.values()]], how="left").fillna(0.0)
        table["standing"] = "tied"
        table.loc[table["diff high"] < 0, "standing"] = "worse"
        if (table["standing"] == "tied").sum() == 1:
            table["standing"] = table["standing"].replace("tied", "best")
        table["beaten"] = table["strategy"].isin(_beaten(runs))
        cells.append(table.assign(**dict(zip(CELL, key, strict=True))))
    table = pd.concat(cells, ignore_index=True)
    return table[[*CELL, *table.columns.drop(CELL)]]


def _beaten(runs):
    """Return the strategies that another one was better than in every seed."""
    values = runs.pivot_table("test", "strategy", "seed").T
    return [name for name in values if values.gt(values[name], axis=0).all().any()]
