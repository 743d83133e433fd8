"""The table of results shows the same as text and as HTML."""

from coursehelpers.checks.table import Table


class Fruit(Table):
    head = ("fruit", "how many")


def test_an_empty_table_has_its_head_and_last_line():
    assert repr(Fruit([], "none")) == "fruit  how many\nnone"


def test_html_holds_every_entry_escaped():
    html = Fruit([("<figs>", 2)], "a & b")._repr_html_()
    assert ">&lt;figs&gt;</td>" in html
    assert "<b>a &amp; b</b>" in html
