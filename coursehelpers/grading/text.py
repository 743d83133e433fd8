"""Make text that a student may have written harmless, for a page, a terminal or a spreadsheet."""


def clean(text):
    r"""Return a text on one line, without control characters, invisible ones and such that turn text.

    Examples
    --------
    >>> clean("all\x1b[2J of\nit, \u202egnp.exe")
    'all\ufffd[2J of it, \ufffdgnp.exe'
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def plain(text, most=500):
    """Return at most so many characters of a text, cleaned and without blanks to spare.

    Examples
    --------
    >>> plain("  twice\\n  as  much ", 12), plain(None)
    ('twice as ...', '')
    """
    if not isinstance(text, str):
        return ""
    text = " ".join(clean(text[: 2 * most]).split())
    return text if len(text) <= most else text[: most - 3] + "..."


def defuse(text):
    """Return a text that a spreadsheet takes for a text, not for a formula.

    Examples
    --------
    >>> defuse("=1+1"), defuse("a;=1+1")
    ("'=1+1", 'a,=1+1')
    """
    # Where numbers have a decimal comma, Excel splits at semicolons, in the midst of a text too.
    text = clean(text).replace(";", ",")
    return f"'{text}" if text.lstrip().startswith(tuple("=+-@\uff1d\uff0b\uff0d\uff20")) else text
