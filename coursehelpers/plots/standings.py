"""The picture of the grid: a panel for each cell."""

from coursehelpers.plots.core import STYLES

# For each standing its label, its style, and whether its points are filled.
KINDS = {
    "best": ("shown to be the best", STYLES[2], True),
    "tied": ("not told apart from the highest mean", STYLES[0], True),
    "worse": ("shown to be worse", STYLES[1], False),
}


def plot_standings(table):
    """Plot how each strategy stands in each cell: a panel per size and domain of the data.

    Parameters
    ----------
    table : pandas.DataFrame
        What `coursehelpers.transfer.standings` returns.

    Returns
    -------
    ndarray of matplotlib Axes, shape (sizes, domains)
        Mean test accuracy with its interval; filled points are strategies that were shown to be
        the best of their cell, or were not told apart from the one with the highest mean; hollow
        ones were shown to be worse.
    """
    import matplotlib.pyplot as plt

    sizes, domains, names = (list(dict.fromkeys(table[c])) for c in ("size", "domain", "strategy"))
    kinds = {name: kind for name, kind in KINDS.items() if (table["standing"] == name).any()}
    _, axes = plt.subplots(
        len(sizes),
        len(domains),
        figsize=(2.2 + 3.6 * len(domains), (0.9 + 0.32 * len(names)) * len(sizes)),
        sharey=True,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for row, size in zip(axes, sizes, strict=True):
        for ax, domain in zip(row, domains, strict=True):
            cell = table[(table["size"] == size) & (table["domain"] == domain)]
            for standing, (label, style, filled) in kinds.items():
                part = cell[cell["standing"] == standing]
                ax.errorbar(
                    part["estimate"],
                    part["strategy"].map(names.index),
                    xerr=(
                        (part["estimate"] - part["low"]).tolist(),
                        (part["high"] - part["estimate"]).tolist(),
                    ),
                    fmt=style["marker"],
                    color=style["color"],
                    mfc=style["color"] if filled else "white",
                    capsize=3,
                    label=label,
                )
            ax.set_title(f"{size} data, {domain} domain", fontsize="medium")
            ax.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    for ax in axes[-1]:
        ax.set_xlabel("test accuracy")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].get_figure().legend(handles, labels, loc="outside lower center", ncols=3)
    return axes
