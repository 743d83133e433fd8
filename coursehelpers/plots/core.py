"""Frames and arrays in, Axes out; and `show`, which gives every figure its words.

Every function draws into `ax`, by default a new figure, and returns the Axes. Series differ in
colour (Okabe and Ito's palette, safe for colour-blind readers), marker and line style.
"""

import base64
import io
from html import escape

import numpy as np

# Blue and vermilion first: the pair that differs most, in grey too.
STYLES = (
    {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    {"color": "#009E73", "marker": "^", "linestyle": "-."},
    {"color": "#CC79A7", "marker": "D", "linestyle": ":"},
    {"color": "#56B4E9", "marker": "v", "linestyle": (0, (5, 1))},
    {"color": "#E69F00", "marker": "P", "linestyle": (0, (3, 1, 1, 1))},
)
DPI = 100
SMALLER_IS_BETTER = ("loss", "error", "mae", "mse", "crossentropy")


def _axes(ax, figsize=(6.4, 4.0)):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def _styled(series, styles=STYLES):
    """Pair each series with its style."""
    series = list(series)
    if len(series) > len(styles):
        raise ValueError(
            f"At most {len(styles)} series can be told apart in a plot, got {len(series)}."
        )
    return zip(series, styles, strict=False)


def show_images(images, labels=None, *, columns=10, ax=None):
    """Draw images side by side, each with its label below.

    Parameters
    ----------
    images : ndarray, shape (n, height, width) or (n, height, width, 3)
        Grey or colour images, ``uint8`` in 0..255 or float in 0..1.
    labels : sequence of str, optional
        One text per image.
    columns : int, default 10
        Images in a row.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the images have another number of dimensions or a label is missing.
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4) or not len(images):
        raise ValueError(
            "images must have shape (n, height, width) or (n, height, width, 3), n at least 1, "
            f"got {images.shape}."
        )
    labels = [""] * len(images) if labels is None else [str(label) for label in labels]
    if len(labels) != len(images):
        raise ValueError(f"There are {len(images)} images but {len(labels)} labels.")
    n, height, width = images.shape[:3]
    rows, columns = -(-n // columns), min(columns, n)
    ax = _axes(ax, (0.95 * columns, (0.75 + 0.2 * any(labels)) * rows * height / width + 0.3))
    top = 255 if images.dtype == np.uint8 else 1
    row_height = height * (1.35 if any(labels) else 1.08)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        left, upper = (i % columns) * width * 1.08, (i // columns) * row_height
        extent = (left, left + width, upper + height, upper)
        ax.imshow(image, cmap="gray_r", vmin=0, vmax=top, extent=extent)
        ax.text(left + width / 2, upper + height * 1.05, label, ha="center", va="top", fontsize=7)
    ax.set_xlim(0, columns * width * 1.08)
    ax.set_ylim(rows * row_height, 0)
    ax.set_axis_off()
    return ax


def plot_history(history, metric="loss", *, ax=None):
    """Plot a metric over the epochs, on training and, if recorded, on validation data.

    Parameters
    ----------
    history : keras.callbacks.History or mapping of str to sequence of float
        What `fit` returned, or its ``.history``.
    metric : str, default "loss"
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        The best epoch on validation data is marked: the smallest loss or error, the largest
        accuracy or other score.

    Raises
    ------
    ValueError
        If the metric was not recorded.
    """
    values = getattr(history, "history", history)
    if metric not in values:
        raise ValueError(f"{metric!r} was not recorded; there are: {', '.join(values)}.")
    ax = _axes(ax)
    for name, label, style in (
        (metric, "training", STYLES[0]),
        (f"val_{metric}", "validation", STYLES[1]),
    ):
        if name in values:
            every = max(1, len(values[name]) // 10)
            ax.plot(
                np.arange(len(values[name])), values[name], label=label, markevery=every, **style
            )
    # A training that diverged ends in NaN, which would count as best.
    scores = np.asarray(values.get(f"val_{metric}", ()), float)
    if np.isfinite(scores).any():
        smaller = any(word in metric for word in SMALLER_IS_BETTER)
        best = int((np.nanargmin if smaller else np.nanargmax)(scores))
        ax.axvline(best, color="0.4", linestyle=":", label=f"best validation: epoch {best}")
    ax.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def plot_regression_fit(x, y, curves, *, validation=None, ax=None):
    """Plot one-feature training data, fitted curves and, if given, validation data.

    Parameters
    ----------
    x, y : array-like, shape (m,)
        Training data.
    curves : mapping of str to callable
        Name of a fit to its prediction, a function of an array.
    validation : tuple of array-like, optional
        ``(x, y)``.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there are more curves than styles.
    """
    styled = _styled(curves.items(), STYLES[2:] + STYLES[:2])
    ax = _axes(ax)
    x, y = np.ravel(x), np.ravel(y)
    everything = x if validation is None else np.append(x, np.ravel(validation[0]))
    margin = 0.05 * np.ptp(everything)
    grid = np.linspace(everything.min() - margin, everything.max() + margin, 200)
    for (name, curve), style in styled:
        ax.plot(grid, curve(grid), color=style["color"], linestyle=style["linestyle"], label=name)
    # A curve that leaves the data must not squeeze it to a line.
    seen = y if validation is None else np.append(y, np.ravel(validation[1]))
    margin = 0.5 * np.ptp(seen) or 0.5
    ax.set_ylim(seen.min() - margin, seen.max() + margin)
    ax.scatter(x, y, s=50, color=STYLES[0]["color"], marker="o", label="training", zorder=3)
    if validation is not None:
        ax.scatter(
            np.ravel(validation[0]),
            np.ravel(validation[1]),
            s=60,
            facecolors="none",
            edgecolors=STYLES[1]["color"],
            linewidths=2,
            marker="s",
            label="validation",
            zorder=3,
        )
    ax.set(xlabel="feature x", ylabel="label y")
    ax.legend()
    return ax


def plot_error_vs_ratio(frame, *, ax=None):
    """Plot errors with their intervals over the ratio d/m, on a logarithmic axis.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``series``, ``ratio``, ``estimate``, ``low`` and ``high``; one row per point. An
        error below 1e-4 (zero up to rounding) is left out, a logarithm has no place for it.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        A vertical line marks the critical value d/m = 1.

    Raises
    ------
    ValueError
        If there are more series than styles.
    """
    frame = frame[frame["estimate"] > 1e-4]
    styled = _styled(frame.groupby("series", sort=False))
    ax = _axes(ax)
    for (name, rows), style in styled:
        rows = rows.sort_values("ratio")
        ax.plot(rows["ratio"], rows["estimate"], label=name, markersize=4, **style)
        ax.fill_between(
            rows["ratio"], rows["low"].clip(1e-4), rows["high"], color=style["color"], alpha=0.2
        )
    ax.axvline(1, color="0.4", linestyle=":", label="d/m = 1")
    ax.set(
        xlabel="d/m (effective model size over sample size)",
        ylabel="mean squared error",
        yscale="log",
    )
    ax.legend()
    return ax


def describe(axes):
    """Say in words and numbers what a figure shows.

    Parameters
    ----------
    axes : matplotlib Axes or sequence of them

    Returns
    -------
    str
        One line for the axes, one for each series: its range and its first and last point.
    """
    return "\n".join(line for ax in np.ravel(axes) for line in _describe_axes(ax))


def _describe_axes(ax):
    if ax.get_title():
        yield f"Title: {ax.get_title()}."
    if ax.images:
        yield f"{len(ax.images)} images of {' x '.join(map(str, ax.images[0].get_size()))} pixels."
        texts = [text.get_text() for text in ax.texts if text.get_text()]
        if texts:
            yield f"Labels: {', '.join(texts)}."
        return
    yield f"x: {ax.get_xlabel()}; y: {ax.get_ylabel()}" + (
        " (logarithmic)." if ax.get_yscale() == "log" else "."
    )
    for line in ax.lines:
        x, y = (np.asarray(data, float) for data in line.get_data(orig=False))
        drawn = ~(np.isnan(x) | np.isnan(y))
        x, y = x[drawn], y[drawn]
        name = line.get_label()
        if not len(x):
            yield f"{name}: no points."
        elif len(set(x)) == 1 and len(x) == 2:
            yield f"{name}: vertical line at x = {x[0]:.4g}."
        else:
            yield (
                f"{name}: {len(x)} points from ({x[0]:.4g}, {y[0]:.4g}) to "
                f"({x[-1]:.4g}, {y[-1]:.4g}), lowest {y.min():.4g} at x = {x[y.argmin()]:.4g}, "
                f"highest {y.max():.4g} at x = {x[y.argmax()]:.4g}."
            )
    for points in ax.collections:
        offsets = np.asarray(points.get_offsets(), float)
        if points.get_label() and not points.get_label().startswith("_") and len(offsets):
            where = ", ".join(f"({x:.4g}, {y:.4g})" for x, y in offsets[:8])
            more = f" and {len(offsets) - 8} more" if len(offsets) > 8 else ""
            yield f"{points.get_label()}: {len(offsets)} points at {where}{more}."


def show(axes, alt):
    """Show a figure in a notebook, with alternative text and, folded below, its data in words.

    Parameters
    ----------
    axes : matplotlib Axes or sequence of them
        Axes of one figure, which is closed afterwards.
    alt : str
        What the figure shows, in a sentence: a reader who cannot see it reads this.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    if not alt.strip():
        raise ValueError("A figure needs alternative text: say in a sentence what it shows.")
    figure = np.ravel(axes)[0].get_figure()
    words = f"{alt}\n{describe(axes)}"
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=DPI)
    plt.close(figure)
    # Exporters read the text from the metadata; JupyterLab does not, so it stands below as well.
    display(
        {"image/png": base64.b64encode(png.getvalue()).decode(), "text/plain": words},
        metadata={"image/png": {"alt": words}},
        raw=True,
    )
    folded = f"<details><summary>Figure in words</summary>{escape(words)}</details>"
    display(
        {"text/html": folded.replace("\n", "<br>"), "text/plain": "(figure in words)"}, raw=True
    )
