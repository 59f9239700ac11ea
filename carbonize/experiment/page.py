"""The comparison as one HTML page that holds its own pictures."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["comparison_page", "shown"]

_TITLES = {"xrd": "Powder pattern", "saxs": "Small angles"}

_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ sample }} - simulated and measured</title>
<style>
body { font: 16px/1.5 system-ui, "DejaVu Sans", Arial, sans-serif; max-width: 960px; margin: 2rem auto; padding: 0 1rem;
       color: #1d2329; background: #fff; }
h1 { font-size: 1.6rem; overflow-wrap: anywhere; } h2 { font-size: 1.2rem; color: #0b5563; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .95rem; }
th, td { padding: .35rem .6rem .35rem 0; border-bottom: 1px solid #dfe3e7; text-align: right; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
.far { color: #a33; font-weight: 600; } .note { color: #5b6670; font-size: .92rem; } img { max-width: 100%; }
</style></head><body>
<h1>{{ sample }}: simulated and measured</h1>
<p>Simulated: {{ source }}, {{ structures }} structure{{ "s" if structures > 1 }}.
{% if heat_treatment_C is not none %}Heat treatment of the sample: {{ "%g" % heat_treatment_C }} °C.{% endif %}</p>
<table><thead><tr><th>quantity</th><th>simulated</th><th>measured</th><th>difference</th><th>in uncertainties</th>
<th>published median</th></tr></thead><tbody>
{% for row in rows %}
<tr><td>{{ row.name }}</td><td>{{ row.simulated }}</td><td>{{ row.measured }}</td><td>{{ row.difference }}</td>
<td{% if row.far %} class="far"{% endif %}>{{ row.sigma }}</td><td>{{ row.published }}</td></tr>
{% endfor %}
</tbody></table>
<p class="note">± one standard error: of the fit, or between replicas. The difference is over the root of the sum of both
squared errors. Published: {{ published_source }}; a range where the temperature is not known. For orientation only.</p>
{% for reason in reasons %}<p class="note">{{ reason }}.</p>
{% endfor %}
{% for curve in curves %}
<h2>{{ curve.title }}</h2><img src="{{ curve.picture }}" alt="{{ curve.title }}, measured and simulated">
<p class="note">R = {{ "%.3f" % curve.R }}, weighted R = {{ "%.3f" % curve.Rw }} over {{ curve.points }} points. One scale
and a background that cannot be negative were fitted; nothing else was.</p>
{% endfor %}
</body></html>
"""


def comparison_page(document: Mapping[str, Any], pictures: Mapping[str, Path]) -> str:
    """HTML of a comparison's document and its pictures by kind of curve."""
    from jinja2 import Environment, StrictUndefined

    from carbonize.experiment.published import SOURCE

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    curves = [
        {**numbers, "title": _TITLES[kind], "picture": _data_uri(pictures[kind])}
        for kind, numbers in document["curves"].items()
    ]
    reasons = dict.fromkeys(f"No {row['name']}: {row['reason']}" for row in document["rows"] if row["reason"])
    return environment.from_string(_TEMPLATE).render(
        {
            **document,
            "rows": [shown(row) for row in document["rows"]],
            "curves": curves,
            "reasons": list(reasons),
            "published_source": SOURCE,
        }
    )


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the table as text, with units."""
    published = row["published"]
    if published is None:
        median = ""
    elif published["median"] is not None:
        median = _with_unit(f"{published['median']:.4g}", row["unit"])
    else:
        median = _with_unit("{:.3g} to {:.3g}".format(*published["range"]), row["unit"])
    sigma = row["sigma"]
    return {
        "name": row["name"],
        "simulated": _value(row["simulated"], row["simulated_error"], row["unit"]),
        "measured": _value(row["measured"], row["measured_error"], row["unit"]),
        "difference": ""
        if row["difference"] is None
        else _with_unit(f"{row['difference']:+.3g}", row["unit"]),
        "sigma": "" if sigma is None else f"{sigma:+.1f}",
        "far": sigma is not None and abs(sigma) > 3,
        "published": median,
    }


def _value(value: float | None, error: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return _with_unit(f"{value:.4g}" if error is None else f"{value:.4g} ± {error:.2g}", unit)


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}".rstrip()


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
