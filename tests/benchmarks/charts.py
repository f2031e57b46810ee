"""The charts of the documentation, from what `make bench` found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from .report import OURS, ratios

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

mpl.use("svg")
# The same figures give the same file, and text that a page's reader can select.
mpl.rcParams.update({"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9})

from matplotlib import pyplot as plt  # noqa: E402 - reads the settings above

SHOWN = ("read", "write", "rmw")
TITLES = {"read": "read", "write": "write", "rmw": "load, change, save"}
HIGHLIGHT, PLAIN, TEXT = "#2a7de1", "#9aa5b1", "#77808a"
"""The text's colour can be read on white and on black."""


def draw(results: Mapping[str, Any], directory: Path) -> list[Path]:
    """Draw what there are figures for; returns the files."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    for database, times in results.get("operations", {}).items():
        multiples = ratios(times)
        panels = {
            TITLES[operation]: {name: one[operation] for name, one in multiples.items()}
            for operation in SHOWN
        }
        drawn.append(_bars(panels, "{:.1f}", directory / f"operations-{database}.svg"))
    if "requests" in results:
        panels = {
            f"{path[1:]}: requests a second": {
                name: one[path]["per second"] for name, one in results["requests"].items()
            }
            for path in ("/read", "/write")
        }
        drawn.append(_bars(panels, "{:,.0f}", directory / "requests.svg"))
    return drawn


def _bars(panels: Mapping[str, Mapping[str, float]], form: str, file: Path) -> Path:
    names = list(next(iter(panels.values())))
    figure, axes = plt.subplots(1, len(panels), sharey=True, figsize=(9, 0.6 + 0.26 * len(names)))
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        colours = [HIGHLIGHT if OURS in name else PLAIN for name in names]
        bars = axis.barh(names, [values[name] for name in names], color=colours, height=0.7)
        labels = [form.format(values[name]) for name in names]
        axis.bar_label(bars, labels=labels, padding=3, color=TEXT)
        axis.set_title(title, color=TEXT, fontsize=9, loc="left")
        axis.invert_yaxis()
        axis.margins(x=0.25)
        axis.xaxis.set_visible(False)
        axis.tick_params(axis="y", length=0, colors=TEXT)
        axis.spines[:].set_visible(False)
    # Once is enough: the panels share their axis.
    axes[0].yaxis.set_inverted(True)
    figure.tight_layout()
    figure.savefig(file, transparent=True, metadata={"Date": None})
    plt.close(figure)
    return file
