# SPDX-License-Identifier: Apache-2.0
"""How a strategy looks, the same on every chart: colour, letter, marker, dash; and the colours of
the paper.

The hues are Okabe and Ito's (Color Universal Design, 2008), which stay apart under all three
kinds of colour blindness; their black gives way to a grey, since black vanishes on a dark page.
Colour never stands alone: the letter is printed in every cell and beside every bar, lines differ
in marker and dash.

Strategies keep their colour in dark mode, where each has at least 3:1 against the paper; only
paper and ink change. That is why these neutrals are unusual values: picture.py finds them by
value in the finished SVG, so nothing else may use them.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import matplotlib


@dataclass(frozen=True)
class Look:
    """One strategy's appearance."""

    name: str
    letter: str
    colour: str
    on_colour: str  # text on a field of `colour`, at least 4.5:1
    marker: str
    dashes: tuple[float, ...]  # on/off lengths in line widths; empty is solid
    weight: float  # line width; where lines coincide, thick ones show beside those over them
    size: float  # marker size, for the same reason

    @property
    def title(self) -> str:
        """As in a legend. The space is an en space, which SVG does not collapse."""
        return f"{self.letter}\u2002{self.name}"

    @property
    def line(self) -> str | tuple[int, tuple[float, ...]]:
        """The dash pattern as matplotlib takes it."""
        return (0, self.dashes) if self.dashes else "-"


STRATEGIES: dict[str, Look] = {
    look.name: look
    for look in (
        Look("sequential", "S", "#8c8c8c", "#000000", "s", (1.0, 1.6), 1.4, 6.5),
        Look("concurrent", "C", "#0072b2", "#ffffff", "o", (), 2.6, 6.8),
        Look("parallel", "P", "#d55e00", "#000000", "^", (5.0, 1.8), 1.9, 5.6),
        Look("hybrid", "H", "#009e73", "#000000", "D", (5.0, 1.4, 1.2, 1.4), 1.3, 3.6),
    )
}

PAPER = "#fdfdfd"
INK = "#1c2024"
SOFT = "#575e66"  # secondary text, at least 4.5:1 on PAPER
RULE = "#d3d7dc"  # grid lines and frames
VOID = "#eceef0"  # a cell without a measurement
ALARM = "#a40e26"  # a failure
# A kernel of ours, under whichever strategy: none of their colours, 3:1 on either paper.
KERNEL = "#b2578f"

# The same roles on a dark page.
DARK: dict[str, str] = {
    PAPER: "#15191e",
    INK: "#e8eaed",
    SOFT: "#a7afb8",
    RULE: "#3a414a",
    VOID: "#232930",
    ALARM: "#ff8d95",
}

WIDTH_INCHES = 11.0  # 1056 CSS pixels: the width of the page's column at full size
FONT = "DejaVu Sans"  # comes with matplotlib, so a chart is laid out alike on every machine


def use_style() -> None:
    """Sets matplotlib up. Called once, before any figure is made."""
    matplotlib.use("Agg")
    # A name in a script that the font lacks: boxes in the PNG, the browser's own font in the page.
    warnings.filterwarnings("ignore", message="Glyph .* missing from current font")
    matplotlib.rcParams.update(
        {
            "font.family": FONT,
            "font.size": 9.0,
            "text.color": INK,
            "axes.labelcolor": SOFT,
            "axes.labelsize": 8.5,
            "axes.edgecolor": RULE,
            "axes.facecolor": PAPER,
            "axes.linewidth": 0.8,
            "axes.titlecolor": INK,
            "axes.titlesize": 9.5,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.grid": False,
            "grid.color": RULE,
            "grid.linewidth": 0.6,
            "xtick.color": SOFT,
            "ytick.color": SOFT,
            "xtick.labelsize": 8.0,
            "ytick.labelsize": 8.0,
            "xtick.major.size": 3.0,
            "ytick.major.size": 3.0,
            "figure.facecolor": PAPER,
            "figure.dpi": 72.0,
            "savefig.facecolor": PAPER,
            "legend.frameon": False,
            "legend.fontsize": 9.0,
            "hatch.linewidth": 1.1,
            # Text stays text: it can be searched, copied and read aloud, and a page of charts stays
            # small. Where a machine lacks the font, the usual replacements are no wider.
            "text.parse_math": False,  # names are names, whatever dollars they hold
            "svg.fonttype": "none",
            "svg.hashsalt": "waitwork",
            "path.simplify": False,
        }
    )
