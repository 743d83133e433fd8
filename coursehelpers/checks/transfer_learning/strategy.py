"""Part 3 of the transfer learning notebook: choosing a strategy, judged by what was measured."""

from functools import partial

from coursehelpers.checks.core import describe
from coursehelpers.checks.declared import exercise

exercise = partial(exercise, notebook="transfer_learning")


def _not_measured_to_be_worse(answer, expect, rng):
    # Here, because the other checks have no use for it.
    from coursehelpers.transfer import load_grid, standings
    from coursehelpers.transfer.strategies import STRATEGIES

    table = standings(load_grid()).set_index(["domain", "size", "strategy"])
    for domain in ("similar", "different"):
        for size, m in (
            ("little", int(rng.integers(80, 150))),
            ("much", int(rng.integers(2_100, 5_000))),
        ):
            expect.given = f"With {m:,} images of a {domain} domain"
            chosen = answer.call(m, domain == "similar")
            is_name = isinstance(chosen, str) and chosen in STRATEGIES
            expect.require(
                is_name,
                "unknown name",
                {
                    "nothing returned": chosen is None,
                    "a number": isinstance(chosen, int | float),
                    "several": isinstance(chosen, list | tuple),
                },
                "" if chosen is None else f"Your function returned {_shown(chosen)}.",
            )
            row = table.loc[(domain, size, chosen)]
            expect(
                row["standing"] != "worse",
                1,
                f"{chosen} reached {row['estimate']:.3f}, {-row['difference']:.3f} less than the "
                "highest mean there, which is more than chance explains.",
            )


def _shown(chosen):
    return f"{chosen!r:.60}" if isinstance(chosen, str) else describe(chosen)


@exercise(
    "3.5 Choosing",
    points=4,
    requires=_not_measured_to_be_worse,
    hints=[
        "In the figure of 3.4 each of the four panels has filled points: any of these will do.",
        "m is little if it is near a hundred, and much if it is in the thousands.",
        'Two if statements are enough; a name is text, such as "fine-tune few blocks".',
    ],
    mistakes="""
nothing returned | - | Your function returned nothing; is there a `return`?
a number | - | Return the name of the strategy, as text, not its number.
several | - | Return one name, not several.
unknown name | - | There is no strategy of that name; they are written as in the figure of 3.4.
""",
)
def choose_strategy(m, similar):
    """Return a strategy that was not shown to be worse for m images of such a domain."""
    if m < 500:
        return "head on top features" if similar else "head on earlier features"
    return "fine-tune many blocks"
