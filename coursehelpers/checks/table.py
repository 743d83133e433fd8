"""A small table that shows itself as text and as HTML."""

from html import escape


class Table:
    """Rows below a head, and a last line.

    Parameters
    ----------
    rows : list of tuple
        With an entry for each column of ``head``, which a subclass names.
    last : str
        The line below the table.

    Examples
    --------
    >>> class Fruit(Table):
    ...     head = ("fruit", "how many")
    >>> Fruit([("pears", 2), ("figs", 10)], "12 in all")
    fruit  how many
    pears  2
    figs   10
    12 in all
    """

    head = ()

    def __init__(self, rows, last):
        self.rows = rows
        self.last = last

    def __repr__(self):
        lines = [[str(entry) for entry in row] for row in [self.head, *self.rows]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        texts = [
            "  ".join(f"{entry:{width}}" for entry, width in zip(line, widths, strict=True))
            for line in lines
        ]
        return "\n".join([*(text.rstrip() for text in texts), self.last])

    def _repr_html_(self):
        head = _row("th", self.head)
        body = "".join(_row("td", row) for row in self.rows)
        return (
            f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"
            f"<p><b>{escape(self.last)}</b></p>"
        )


def _row(tag, entries):
    # Jupyter would align them to the right.
    cells = (f'<{tag} style="text-align: left">{escape(str(e))}</{tag}>' for e in entries)
    return f"<tr>{''.join(cells)}</tr>"
