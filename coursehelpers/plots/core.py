"""What all plots share: their styles, the words that describe them, and how they are shown."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's palette, safe for colour-blind readers. Blue and vermilion first: the pair that
# differs most, in grey too.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    {"color": "#009E73", "marker": "^", "linestyle": "-."},
    {"color": "#CC79A7", "marker": "D", "linestyle": ":"},
    {"color": "#56B4E9", "marker": "v", "linestyle": (0, (5, 1))},
    {"color": "#E69F00", "marker": "P", "linestyle": (0, (3, 1, 1, 1))},
)
DPI = 100
# A legend at the right of its axes, where it covers nothing; and the figure that has room for it.
BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1)}
WIDE = (8.4, 4.0)


def axes_or_new(ax: "Axes | None", figsize: tuple[float, float] = (6.4, 4.0)) -> "Axes":
    """Return the Axes given, or those of a new figure, laid out so that nothing is cut off."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def mark_values(ax: "Axes", values: Iterable[float], most: int = 10) -> None:
    """Label a logarithmic horizontal axis by its values if they are few, else by powers of ten."""
    values = sorted({value for value in values if value > 0})
    if len(values) <= most:
        ax.set_xticks(values, [f"{value:,g}" for value in values])
        ax.minorticks_off()


def styled(
    series: Iterable[Any], styles: Sequence[dict[str, Any]] = STYLES
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Pair each series with its style; there may be no more series than styles."""
    series = list(series)
    if len(series) > len(styles):
        raise ValueError(
            f"At most {len(styles)} series can be told apart in a plot, got {len(series)}."
        )
    return zip(series, styles, strict=False)


def describe(axes: "Axes | Sequence[Axes] | np.ndarray") -> str:
    """Describe in words and numbers what a figure shows.

    Parameters
    ----------
    axes : matplotlib Axes or sequence of them

    Returns
    -------
    str
        One line for the axes, one for each series: whether it rises or falls, its range and its
        first and last point, or, where the ticks of an axis are names, its values by name. A band
        or region, which has no place in the legend, is described if it has a ``gid``.
    """
    return "\n".join(line for ax in np.asarray(axes, object).ravel() for line in _describe_axes(ax))


def _describe_axes(ax):
    from matplotlib.container import ErrorbarContainer

    if ax.get_title():
        yield f"Title: {ax.get_title()}."
    if ax.images:
        yield f"{len(ax.images)} images of {' x '.join(map(str, ax.images[0].get_size()))} pixels."
        texts = [text.get_text() for text in ax.texts if text.get_text()]
        if texts:
            yield f"Labels: {', '.join(texts)}."
        return
    yield f"x: {_describe_axis(ax.xaxis)}; y: {_describe_axis(ax.yaxis)}."
    if ax.get_legend() and ax.get_legend().get_title().get_text():
        yield f"Legend: {ax.get_legend().get_title().get_text()}."
    bars = [container for container in ax.containers if isinstance(container, ErrorbarContainer)]
    parts = [part for container in bars for part in container.get_children()]
    for line in ax.lines:
        if line not in parts:
            yield f"{_name(line) or 'unnamed series'}: {_describe_line(ax, line)}."
    for container in bars:
        yield f"{container.get_label()}: {_describe_error_bars(ax, container)}."
    for artist in (*ax.patches, *ax.collections):
        words = _describe_area(ax, artist) if _name(artist) else ""
        if words:
            yield f"{_name(artist)}: {words}."


def _name(artist):
    """Return the name of a series, empty if it has only matplotlib's own, such as _child3."""
    label = artist.get_label() or ""
    return artist.get_gid() or ("" if label.startswith("_") else label)


def _describe_axis(axis):
    names = _tick_names(axis)
    scale = " (logarithmic)" if axis.get_scale() == "log" else ""
    return (axis.get_label_text() + scale + (f" ({', '.join(names)})" if names else "")).strip()


def _tick_names(axis):
    """Return the names that stand at 0, 1, 2, ... on an axis, empty if its ticks are numbers."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

    locator, formatter = axis.get_major_locator(), axis.get_major_formatter()
    written = isinstance(locator, FixedLocator) and isinstance(
        formatter, FixedFormatter | FuncFormatter
    )
    if not written or list(locator.locs) != list(range(len(locator.locs))):
        return []
    return [formatter(place, i).replace("\n", " ") for i, place in enumerate(locator.locs)]


def _by_name(names, places, values):
    """List values by the name that is nearest to their place."""
    listed: dict[str, list[str]] = {}
    for place, value in zip(places, values, strict=True):
        listed.setdefault(names[int(np.clip(round(place), 0, len(names) - 1))], []).append(value)
    return "; ".join(f"{name} at {', '.join(values)}" for name, values in listed.items())


def _by_tick(ax, points):
    """List points by the names of an axis; return nothing if the ticks of both are numbers."""
    for along, axis in enumerate((ax.xaxis, ax.yaxis)):
        if _tick_names(axis):
            values = [f"{value:.4g}" for value in points[:, 1 - along]]
            return _by_name(_tick_names(axis), points[:, along], values)
    return ""


def _describe_line(ax, line):
    x, y = (np.asarray(data, float) for data in line.get_data(orig=False))
    drawn = ~(np.isnan(x) | np.isnan(y))
    x, y = x[drawn], y[drawn]
    if not len(x):
        return "no points"
    if len(set(x)) == 1 and len(x) == 2:
        return f"vertical line at x = {x[0]:.4g}"
    return _by_tick(ax, np.column_stack([x, y])) or (
        f"{_trend(y)}, {len(x)} points from ({x[0]:.4g}, {y[0]:.4g}) to "
        f"({x[-1]:.4g}, {y[-1]:.4g}), lowest {y.min():.4g} at x = {x[y.argmin()]:.4g}, "
        f"highest {y.max():.4g} at x = {x[y.argmax()]:.4g}"
    )


def _trend(y):
    """Name the way a series goes; a tenth of its range counts as no change."""
    slack = np.ptp(y) / 10
    if slack == 0:
        return "constant"
    dips = min(y[0], y[-1]) > y.min() + slack
    peaks = max(y[0], y[-1]) < y.max() - slack
    if dips and peaks:
        return "up and down"
    if dips:
        return "falls, then rises"
    if peaks:
        return "rises, then falls"
    return "rises" if y[-1] > y[0] else "falls"


def _describe_error_bars(ax, container):
    """List each estimate with its horizontal interval, by the names on the other axis."""
    line, _, (segments, *_) = container.lines
    places, values = [], []
    for (x, y), ends in zip(line.get_xydata(), segments.get_segments(), strict=True):
        low, high = ends[:, 0]
        places.append(y)
        values.append(f"{x:.4g} ({low:.4g} to {high:.4g})")
    return _by_name(_tick_names(ax.yaxis), places, values) or "no points"


def _describe_area(ax, artist):
    """Describe a histogram, region, band or markers; return nothing for everything else."""
    from matplotlib.collections import PathCollection, PolyCollection
    from matplotlib.contour import ContourSet
    from matplotlib.patches import StepPatch

    if isinstance(artist, StepPatch):
        return _describe_stairs(*artist.get_data()[:2])
    if isinstance(artist, ContourSet):
        outlines = [line for path in artist.get_paths() for line in path.to_polygons()]
        share = _area(outlines) / np.ptp(ax.get_xlim()) / np.ptp(ax.get_ylim())
        return f"{100 * share:.0f} % of the area"
    if isinstance(artist, PolyCollection):
        corners = np.concatenate([path.vertices for path in artist.get_paths()])
        ends = (corners[corners[:, 0] == end(corners[:, 0]), 1] for end in (np.min, np.max))
        first, last = (f"{y.min():.4g} to {y.max():.4g}" for y in ends)
        return f"{first} at the first point, {last} at the last"
    points = np.asarray(artist.get_offsets(), float) if isinstance(artist, PathCollection) else ()
    if not len(points):
        return ""
    where = ", ".join(f"({x:.4g}, {y:.4g})" for x, y in points[:8])
    more = f" and {len(points) - 8} more" if len(points) > 8 else ""
    return _by_tick(ax, points) or f"{len(points)} points at {where}{more}"


def _describe_stairs(values, edges):
    filled, top = np.flatnonzero(values), int(np.argmax(values))
    if not len(filled):
        return f"{len(values)} empty bins"
    return (
        f"{len(filled)} of {len(values)} bins filled, from {edges[filled[0]]:.4g} to "
        f"{edges[filled[-1] + 1]:.4g}, highest {values[top]:.4g} "
        f"from {edges[top]:.4g} to {edges[top + 1]:.4g}"
    )


def _area(outlines):
    """Return the area inside closed outlines; those of holes run the other way around."""
    pairs = (np.transpose(outline) for outline in outlines)
    return abs(sum(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) for x, y in pairs)) / 2


def show(axes: "Axes | Sequence[Axes] | np.ndarray", alt: str) -> None:
    """Show a figure in a notebook, with alternative text and, folded below, its data in words.

    Parameters
    ----------
    axes : matplotlib Axes or sequence of them
        Axes of one figure, which is closed afterwards.
    alt : str
        What is drawn, in a sentence, for readers who cannot see it. `describe` adds what the
        series do, so that the text is true of every run.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    import matplotlib.pyplot as plt
    from IPython.display import display

    if not alt.strip():
        raise ValueError("A figure needs alternative text: say in a sentence what it shows.")
    figure = np.asarray(axes, object).ravel()[0].get_figure()
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
