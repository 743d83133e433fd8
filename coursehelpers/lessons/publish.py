"""Store the outputs of the standard profile, and write down what the execution measured.

What a reader on the web sees are the outputs stored in the notebooks. Publishing copies them from
an executed copy, writes the measured times into the notebook's cells tagged ``times``, and the
table and the picture of the README; none of these is typed by hand.
"""

import base64
import re
from pathlib import Path

import nbformat

from coursehelpers.lessons import notebooks, student
from coursehelpers.lessons.run import checks

# Tags of the cells that publishing reads or writes.
TIMES, HEADLINE, COVER = "times", "headline", "cover"
# What the stored outputs come from.
PUBLISHED = {"PROFILE": "standard", "SEED": 0, "DEVICE": "cpu"}
COVER_PATH = Path(".github/cover.png")
# From how many seconds on a cell says beforehand how long it takes.
LONG = 10
README_TABLE = re.compile(r"(<!-- notebooks -->\n).*?(<!-- /notebooks -->)", re.S)


def publish(path, executed_path):
    """Store an executed copy's outputs and times in its notebook.

    Parameters
    ----------
    path : path-like
        The notebook.
    executed_path : path-like
        Its copy, executed in the standard profile on the CPU.

    Raises
    ------
    SystemExit
        If the copy is not a complete, faithful run, has red output that a reader would see, or a
        text says something else than the claims it rests on.
    """
    notebook, executed = notebooks.read(path), notebooks.read(executed_path)
    headline = _output_of(executed, HEADLINE)
    if problems := _problems(notebook, executed, headline):
        raise SystemExit(f"{path} is not published: {'; '.join(problems)}.")
    ran = {cell.id: cell for cell in notebooks.code_cells(executed)}
    for number, cell in enumerate(notebooks.code_cells(notebook), 1):
        twin = ran[cell.id]
        cell.source = twin.source = with_runtime(cell.source, notebooks.seconds(twin))
        cell.outputs, cell.execution_count = twin.outputs, number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
    facts = notebook.metadata.setdefault("coursehelpers", {})
    facts["cpu_seconds"] = round(sum(_cpu(cell) for cell in ran.values()))
    facts["headline"] = headline
    write_times(notebook, section_times(executed))
    nbformat.validate(notebook)
    nbformat.write(notebook, path)
    nbformat.write(executed, executed_path)


def _problems(notebook, executed, headline):
    """Return what speaks against showing an executed copy to readers."""
    found = notebooks.faults(executed, notebook)
    parameters = executed.metadata.get("papermill", {}).get("parameters", {})
    if parameters != PUBLISHED:
        found.append(f"it was executed with {dict(parameters)}, expected {PUBLISHED}")
    passed, possible = checks(executed)
    if passed < possible:
        found.append(f"only {passed} of {possible} checks passed")
    found += [
        f"cell {cell.id} writes to stderr: {output.text.strip()[:200]}"
        for cell in notebooks.code_cells(executed)
        for output in cell.outputs
        if output.get("name") == "stderr"
    ]
    found += notebooks.contradictions(notebook, executed)
    if re.search(r"\b(inf|nan)\b", headline):
        found.append(f"a number without end is no headline: {headline!r}")
    return found


def _output_of(notebook, tag):
    """Return the text that the cell with a tag shows, on one line; empty without such a cell."""
    for cell in notebooks.code_cells(notebook):
        if tag in notebooks.tags(cell):
            parts = [o.get("text") or o.data["text/plain"] for o in cell.outputs]
            return " ".join("".join(parts).split())
    return ""


def with_runtime(source, seconds):
    """Return the source of a cell; one that takes long begins with how long it took.

    Examples
    --------
    >>> print(with_runtime("fit()", 43))
    # takes about 45 s on two cores
    fit()
    """
    source = notebooks.RUNTIME.sub("", source)
    if seconds < LONG:
        return source
    return f"# takes about {5 * round(seconds / 5)} s on two cores\n{source}"


def _cpu(cell):
    return cell.metadata.get("coursehelpers", {}).get("cpu_seconds", 0.0)


def section_times(executed):
    """Return the processor seconds of a copy, in a dict of its parts with a dict of their sections.

    Parts are first-level headings such as "Part 1: Overfitting", sections second-level ones. None
    stands for what comes before the first part, and before the first section of a part.
    """
    parts: dict[str | None, dict[str | None, float]] = {}
    part = section = None
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            for level, title in re.findall(r"^(##?) (.+)$", cell.source, re.M):
                if level == "##":
                    section = title
                elif title.startswith("Part "):
                    part, section = title, None
        else:
            sections = parts.setdefault(part, {})
            sections[section] = sections.get(section, 0) + _cpu(cell)
    return parts


def write_times(notebook, parts):
    """Fill the cells tagged ``times``: one for the notebook, then one for each of its parts."""
    facts = notebook.metadata.coursehelpers
    cells = [cell for cell in notebook.cells if TIMES in notebooks.tags(cell)]
    if not cells:
        return
    first, *others = cells
    totals = {part or "Preparation": sum(sections.values()) for part, sections in parts.items()}
    named = {part: sections for part, sections in parts.items() if part}
    if len(others) != len(named):
        raise SystemExit(
            f"There are {len(named)} parts, but {len(others)} cells for their times; tag a Markdown "
            f"cell of each part {TIMES!r}."
        )
    study = f"**Study time:** about {facts.study_minutes} minutes."
    rows = _table("part", totals) if named else _table("section", parts[None])
    first.source = f"{study} **CPU time**, measured: {facts.cpu_seconds} s.\n\n{rows}"
    for cell, (part, sections) in zip(others, named.items(), strict=True):
        total = f"**CPU time of this part**, measured: {_rounded(totals[part])} s."
        cell.source = f"{total}\n\n{_table('section', sections)}"


def _table(what, seconds):
    lines = [f"| {what} | CPU time |", "|---|---|"]
    lines += [f"| {name} | {_rounded(value)} s |" for name, value in seconds.items() if name]
    return "\n".join(lines)


def _rounded(seconds):
    return f"{seconds:.0f}" if seconds >= 1 else "< 1"


def publish_readme(readme, paths):
    """Write the README's table of notebooks and its picture."""
    readme = Path(readme)
    read = {Path(path): notebooks.read(path) for path in paths}
    text = readme.read_text(encoding="utf-8")
    table = readme_table(read, student.repository(readme.parent))
    readme.write_text(README_TABLE.sub(lambda m: m[1] + table + m[2], text), encoding="utf-8")
    cells = [cell for notebook in read.values() for cell in notebook.cells]
    for cell in cells:
        if COVER in notebooks.tags(cell):
            pictures = (
                o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})
            )
            target = readme.parent / COVER_PATH
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(base64.b64decode(next(pictures)))


def readme_table(read, address):
    """Return the table of notebooks, read by their paths, from what publishing stored in each."""
    lines = [
        "| to read | to work on | study time | CPU time | what comes out |",
        "|---|---|---|---|---|",
    ]
    for path, notebook in read.items():
        facts = notebook.metadata.coursehelpers
        copy = f"notebooks/student/{path.name}"
        lines.append(
            f"| [{path.stem.replace('_', ' ')}](notebooks/{path.name}) "
            f"| [here]({copy}), [in Colab]({student.colab(copy, address)}) "
            f"| {facts.study_minutes} min | {facts.cpu_seconds} s | {facts.headline} |"
        )
    return "\n".join(lines) + "\n"
