"""What the benchmark made of its runs: medians, Markdown tables, plots."""

import os
import shutil
import statistics
import subprocess

NEVER = float("inf")


def median(values):
    """None when there is nothing."""
    return statistics.median(values) if values else None


def text(value, digits):
    if value is None or value == NEVER:
        return "-"
    return "%.*f" % (digits, value)


def cell(rows, keys, digits):
    """Medians of several figures, as 25/36/46."""
    parts = [text(median([row[key] for row in rows if row.get(key) is not None]), digit)
             for key, digit in zip(keys, digits)]
    return "/".join(parts)


def table(rows, columns, peers, title, keys, digits, note=None):
    """Markdown: a row a peer, a column a column. note: a further figure, in brackets."""
    lines = ["| %s | %s |" % (title, " | ".join(label for _, label in columns)),
             "|---|" + "---|" * len(columns)]
    for name, label in peers:
        cells = []
        for column, _ in columns:
            found = [r for r in rows if r["peer"] == name and r["column"] == column]
            value = cell(found, keys, digits) if found else ""
            if found and note and median([r[note] for r in found if r.get(note)]) is not None:
                value += " (%s)" % cell(found, [note], [2])
            cells.append(value)
        if any(cells):
            lines.append("| %s | %s |" % (label, " | ".join(cells)))
    return "\n".join(lines) + "\n"


def plot(folder, name, rows, columns, peers, key, label, logarithmic=False):
    """folder/name.dat and .gp, and .svg where gnuplot is there."""
    shown = [(peer, title) for peer, title in peers if any(r["peer"] == peer for r in rows)]
    with open(os.path.join(folder, name + ".dat"), "w", encoding="utf-8") as data:
        data.write('column %s\n' % " ".join('"%s"' % title for _, title in shown))
        for column, title in columns:
            values = []
            for peer, _ in shown:
                found = [r[key] for r in rows if r["peer"] == peer and r["column"] == column
                         and r.get(key) is not None and r[key] != NEVER]
                values.append("%g" % median(found) if found else "NaN")
            data.write('"%s" %s\n' % (title, " ".join(values)))
    script = os.path.join(folder, name + ".gp")
    with open(script, "w", encoding="utf-8") as file:
        file.write('set terminal svg size 960,480\nset output "%s.svg"\n' % name +
                   'set style data histograms\nset style fill solid 0.8\n' +
                   'set ylabel "%s"\nset key outside\nset grid ytics\n' % label +
                   ("set logscale y\n" if logarithmic else "set yrange [0:*]\n") +
                   'plot for [i=2:%d] "%s.dat" using i:xtic(1) title columnheader(i)\n'
                   % (len(shown) + 1, name))
    if shutil.which("gnuplot"):
        subprocess.run(["gnuplot", os.path.basename(script)], cwd=folder, check=False)
    else:
        print("SKIPPED %s.svg: no gnuplot" % name)
