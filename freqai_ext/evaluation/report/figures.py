"""What the charts share: palette, layout, and estimates as points with error bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from freqai_ext.evaluation.estimates import Estimate

PALETTE: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#8c8c8c")
"""Okabe and Ito's colours, which colour-blind readers tell apart, without those that a background would hide."""

SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "x", "star")
DASHES: Final = ("solid", "dash", "dot", "dashdot")
GRID: Final = "rgba(128,128,128,0.28)"
ZERO: Final = "rgba(128,128,128,0.8)"


@dataclass(frozen=True)
class Chart:
    """A chart and how to read it.

    Attributes
    ----------
    title, caption
        Plain text.
    figure
        A ``plotly.graph_objects.Figure``.
    """

    title: str
    caption: str
    figure: Any


def figure(*, x_title: str, y_title: str, height: int = 420) -> Any:
    """Return an empty figure in the style of the page; the page sets the colour of its text."""
    import plotly.graph_objects as go

    axis = {"gridcolor": GRID, "zerolinecolor": ZERO, "automargin": True, "linecolor": GRID}
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "margin": {"l": 60, "r": 20, "t": 30, "b": 50},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "system-ui, sans-serif", "size": 13},
            "legend": {"orientation": "h", "y": -0.22, "x": 0},
            "hovermode": "closest",
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": ZERO, "activecolor": PALETTE[0]},
            "xaxis": {**axis, "title": {"text": escape(x_title)}},
            "yaxis": {**axis, "title": {"text": escape(y_title)}},
        }
    )


def colour(place: int) -> str:
    """Return the colour of the contender at ``place``."""
    return PALETTE[place % len(PALETTE)]


def symbol(place: int) -> str:
    """Return the marker of the contender at ``place``; with the colour it is its own."""
    return SYMBOLS[(place // len(PALETTE)) % len(SYMBOLS)]


def dash(place: int) -> str:
    """Return the line style of the contender at ``place``."""
    return DASHES[(place // len(PALETTE)) % len(DASHES)]


def error_bars(estimates: Sequence[Estimate]) -> dict[str, Any]:
    """Return Plotly's error bars; an estimate without an interval has none."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [_distance(each.upper - each.value) for each in estimates],
        "arrayminus": [_distance(each.value - each.lower) for each in estimates],
        "thickness": 1.2,
        "width": 3,
    }


def finite(value: float) -> float | None:
    """Return the number, or ``None``, for which Plotly draws nothing."""
    return value if math.isfinite(value) else None


def _distance(value: float) -> float:
    return value if math.isfinite(value) else 0.0
