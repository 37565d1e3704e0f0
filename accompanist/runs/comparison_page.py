"""Several runs side by side as one HTML file that opens offline: tables, and curves drawn by Chart.js within it."""

from __future__ import annotations

import html
from collections.abc import Sequence

import msgspec

from accompanist.runs import charts
from accompanist.runs.comparison import Column, names, shown

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7A5195")
"""Of the runs: Okabe and Ito's, told apart by colour-blind eyes too, the palest left out."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; color: #1f2937; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .9rem .25rem 0; text-align: left; }
td.number { font-variant-numeric: tabular-nums; } tr { border-bottom: 1px solid #e5e7eb; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; height: 18rem; } figcaption { font-weight: 600; }
.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
"""
_DRAW = """
for (const chart of JSON.parse(document.getElementById("charts").textContent)) {
  new Chart(document.getElementById(chart.id), {
    type: "line",
    data: { datasets: chart.lines.map(line => ({
      label: line.name, data: line.points, borderColor: line.colour, backgroundColor: line.colour,
      borderDash: line.dashed ? [6, 4] : [], borderWidth: 1.5, pointRadius: line.points.length < 60 ? 2 : 0 })) },
    options: { animation: false, maintainAspectRatio: false, parsing: false,
      scales: { x: { type: "linear", title: { display: true, text: "epoch" } } },
      plugins: { legend: { display: false } } }
  });
}
"""


class _Line(msgspec.Struct):
    name: str
    colour: str
    points: list[dict[str, float]]
    dashed: bool = False


class _Chart(msgspec.Struct):
    id: str
    lines: list[_Line]


def page(columns: Sequence[Column]) -> str:
    """The file's content.

    Args:
        columns: See `accompanist.runs.comparison.compared`.

    Raises:
        MissingExtra: the package that brings Chart.js is not installed.
    """
    drawings: list[_Chart] = []
    figures = []
    for kind in ("losses", "metrics"):
        drawn = []
        for name in names(columns, kind):
            chart = _Chart(f"{kind}-{len(drawings)}", _lines(columns, kind, name))
            drawings.append(chart)
            drawn.append(
                f'<figure><figcaption>{html.escape(name)}</figcaption><canvas id="{chart.id}"></canvas></figure>'
            )
        figures.append(f'<h2>{kind.capitalize()}</h2><div class="charts">{"".join(drawn)}</div>')
    found = msgspec.json.encode(drawings).decode().replace("<", "\\u003c")  # no end of a script can stand in it
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Runs compared</title><style>{_STYLE}</style><h1>Runs compared</h1>{_table(columns)}{''.join(figures)}"
        f'<p>Dashed: what the music itself measures.</p><script type="application/json" id="charts">{found}</script>'
        f"<script>{charts.inlined()}</script><script>{_DRAW}</script></html>\n"
    )


def _lines(columns: Sequence[Column], kind: str, name: str) -> list[_Line]:
    lines = []
    for column, colour in zip(columns, COLOURS * (len(columns) // len(COLOURS) + 1), strict=False):
        curve = getattr(column, kind).get(name)
        if curve is None or not curve.values:
            continue
        points = [{"x": x, "y": y} for x, y in zip(curve.epochs, curve.values, strict=True)]
        lines.append(_Line(column.name, colour, points))
        if kind == "metrics" and name in column.data:
            ends = [{"x": x, "y": column.data[name]} for x in (curve.epochs[0], curve.epochs[-1])]
            lines.append(_Line(f"{column.name}: its music", colour, ends, dashed=True))
    return lines


def _table(columns: Sequence[Column]) -> str:
    head = "".join(
        f'<th><span class="swatch" style="background:{COLOURS[i % len(COLOURS)]}"></span>'
        f"{html.escape(column.name)}</th>"
        for i, column in enumerate(columns)
    )
    rows = [("state", [column.state for column in columns]), ("step", [str(column.step) for column in columns])]
    rows += [(name, [shown(name, column.settings[name]) for column in columns]) for name in names(columns, "settings")]
    text = "".join(
        f"<tr><td>{html.escape(name)}</td>{''.join(f'<td>{html.escape(cell)}</td>' for cell in cells)}<td></td></tr>"
        for name, cells in rows
    )
    for name in names(columns, "best"):
        cells = [f"{column.best[name]:.3f}" if name in column.best else "" for column in columns]
        music = sorted({f"{column.data[name]:.3f}" for column in columns if name in column.data})
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in (*cells, " ".join(music)))
        text += f"<tr><td>{html.escape(name)}</td>{numbers}</tr>"
    return f"<table><tr><th></th>{head}<th>their music</th></tr>{text}</table>"
