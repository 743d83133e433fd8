"""Make small notebooks, as they are written and as if they had been executed."""

import base64
import io

import nbformat

from coursehelpers.claims import claim
from coursehelpers.lessons.publish import PUBLISHED

PARAMETERS = 'PROFILE = "standard"\nSEED = 0\nDEVICE = "cpu"'
ESTIMATES = {"supported": 1.0, "undecided": 0.0, "refuted": -1.0}


def cell(source, *outputs, tags=(), **metadata):
    """Return a code cell that has run."""
    made = nbformat.v4.new_code_cell(source, execution_count=1, outputs=list(outputs))
    made.metadata.update(tags=list(tags), **metadata)
    return made


def text(content, **metadata):
    return nbformat.v4.new_markdown_cell(content, metadata=metadata)


def stream(content, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=content)


def shown(**data):
    """Return what a cell displays; kinds are written as in text_plain."""
    data = {kind.replace("_", "/"): value for kind, value in data.items()}
    return nbformat.v4.new_output("display_data", data)


def value(content):
    data = {"text/plain": content}
    return nbformat.v4.new_output("execute_result", data, execution_count=1)


def failure(name):
    return nbformat.v4.new_output("error", ename=name, evalue="", traceback=[name])


def claiming(state, statement="It helps."):
    """Return the output of a claim in a state."""
    middle = ESTIMATES[state]
    row = {"estimate": middle, "low": middle - 0.5, "high": middle + 0.5, "n": 5}
    data = claim(statement, "Difference", row, above=0)._repr_mimebundle_()
    return nbformat.v4.new_output("execute_result", data, execution_count=1)


def png(height=1.0, width=3.0, title="", color="C0"):
    """Return the picture of a curve, in base64."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 2))
    axes = figure.subplots()
    axes.plot([0, 1, height], color=color)
    axes.set_title(title)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def notebook(*cells):
    """Return a notebook of cells (code, if given as a text), after a heading and the parameters."""
    cells = [text("## Section"), cell(PARAMETERS, tags=["parameters"]), *cells]
    cells = [cell(each) if isinstance(each, str) else each.copy() for each in cells]
    for number, each in enumerate(cells):
        each["id"] = f"cell-{number}"
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "P", "language": "python"}
    made.metadata["coursehelpers"] = {"study_minutes": 5}
    return made


def write(path, made):
    """Write a notebook; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


def executed(made, change=lambda cells: None, **parameters):
    """Return the copy that papermill makes of a notebook, its outputs being there, and changed."""
    copy = nbformat.from_dict(made)
    copy.metadata["papermill"] = {"parameters": {**PUBLISHED, **parameters}}
    change(copy.cells)
    return copy
