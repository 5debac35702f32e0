"""The identity test as a table: rates over all heads, nothing about any one of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bids_deface.assurance.identity import TOP, Outcome
from bids_deface.reports.tables import write_table

COLUMNS = {
    "attacker": "surface: distance of the skin from the axis of the head, heads aligned by the "
    "brain; picture: descriptors of shaded renders from the front and 15 degrees to either side",
    "area": "face: brow to chin and ear to ear; touched, untouched: the part of it that defacing "
    "changed, and the rest",
    "probe": "What was matched with the original heads; rescan: the untouched head, another scan "
    "simulated; defaced: the image as written; defaced rescan: that, another scan simulated",
    "heads": "Number of probes, one for each person in the gallery",
    "rank_1": "Share of probes whose own head came first among all",
    "rank_1_low": "Lower end of its 95 % confidence interval (Wilson)",
    "rank_1_high": "Upper end",
    "rank_1_chance": "What guessing would give",
    f"top_{TOP}": f"Share of probes whose own head came among the first {TOP}",
    f"top_{TOP}_low": "Lower end of its 95 % confidence interval (Wilson)",
    f"top_{TOP}_high": "Upper end",
    f"top_{TOP}_chance": "What guessing would give",
}


def write_identity_table(path: Path, outcomes: Sequence[Outcome]) -> Path:
    """Write the table and its data dictionary (``.json`` beside it); return the table's path.

    Parameters
    ----------
    path
        Ends in ``.tsv``.
    outcomes
        Of :func:`bids_deface.assurance.identity.identity_test`.
    """
    return write_table(path, COLUMNS, map(_row, outcomes))


def _row(outcome: Outcome) -> list[object]:
    rates = [
        f"{value:.4f}"
        for rate in (outcome.rank_1, outcome.top_5)
        for value in (rate.share, rate.low, rate.high, rate.chance)
    ]
    return [outcome.attacker, outcome.area, outcome.probe, outcome.heads, *rates]


def identity_text(outcomes: Sequence[Outcome]) -> str:
    """Return the table for the terminal: per cent, 95 % intervals, chance."""
    lines = [f"{'probe':15} {'attacker':15} {'area':10} {'rank 1':>18} {f'top {TOP}':>18}"]
    for o in outcomes:
        cells = [
            f"{100 * r.share:4.0f} % ({100 * r.low:3.0f} - {100 * r.high:3.0f})"
            for r in (o.rank_1, o.top_5)
        ]
        lines.append(f"{o.probe:15} {o.attacker:15} {o.area:10} {cells[0]:>18} {cells[1]:>18}")
    if outcomes:
        first = outcomes[0]
        lines.append(
            f"{first.heads} heads; by chance {100 * first.rank_1.chance:.0f} % and "
            f"{100 * first.top_5.chance:.0f} %; in brackets 95 % confidence intervals."
        )
    return "\n".join(lines) + "\n"
