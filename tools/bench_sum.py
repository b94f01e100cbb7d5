#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sum up the raw files of runs of the bench programs (bench/report.h), one file for each run.

usage: bench_sum.py [--partial] --results FILE [--docs FILE] RAW...

Prints one table. --results writes it as lines for programs, fields apart by tabs:

    about   KEY TEXT
    figure  PROGRAM ROW METRIC UNIT MIN MEDIAN MAX BOUND LIMIT VERDICT   of the runs; VERDICT: PASS, MISS or -
    point   PROGRAM SERIES X Y                                           of a curve: the median of the runs
    share   PROGRAM SERIES X Y                                           of a distribution: the mean of the runs

--docs writes tables between the marks <!-- bench: NAME --> and <!-- bench: end --> of a file. --partial: not
everything was run; do not miss the targets that have no figure.
"""
import argparse
import statistics
import sys
import time


class Runs:
    """What the raw files say; dicts keep the order in which things came."""

    def __init__(self, paths):
        self.about, self.targets = {}, {}
        self.values, self.typical, self.units = {}, {}, {}
        self.curves = {"point": {}, "share": {}}
        self.number = len(paths)
        for path in paths:
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    self.take(*line.rstrip("\n").split("\t"))

    def take(self, kind, program, *rest):
        if kind == "about":
            self.about.setdefault(rest[0], rest[1])
        elif kind == "target":
            row, metric, bound, limit = rest
            self.targets[program, row, metric] = bound, float(limit)
        elif kind == "figure":
            row, metric, unit, value, typical = rest
            figure = program, row, metric
            self.values.setdefault(figure, []).append(float(value))
            self.typical.setdefault(figure, []).append(float(typical))
            self.units[figure] = unit
        elif kind in self.curves:
            series, x, y = rest
            self.curves[kind].setdefault((program, series, float(x)), []).append(float(y))
        else:
            raise ValueError(f"a line of kind '{kind}'")

    def median(self, figure):
        return statistics.median(self.values[figure]) if figure in self.values else None

    def verdict(self, figure):
        """Of the median: one lucky run is not enough, and one unlucky run does not count."""
        if figure not in self.targets:
            return "-"
        bound, limit = self.targets[figure]
        value = self.median(figure)
        if value is None:
            return "NOT RUN"
        return "PASS" if (value <= limit if bound == "<=" else value >= limit) else "MISS"

    def missing(self):
        return [t for t in self.targets if t not in self.values]


def short(value):
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def target_text(runs, figure):
    if figure not in runs.targets:
        return ""
    bound, limit = runs.targets[figure]
    return f"{'≤' if bound == '<=' else '≥'} {limit:g}"


# Shown beside another figure, or elsewhere.
BESIDE = "floor", "to the floor"
LATENCY = "p50", "p99", "p99.99"


def is_line(runs, figure):
    metric = figure[2]
    return figure in runs.targets or metric not in BESIDE + LATENCY


def cells(runs, figure):
    program, row, metric = figure
    values = runs.values.get(figure)
    ratio = runs.median((program, row, "to the floor")) if metric == "time" else None
    numbers = [short(v) for v in (min(values), statistics.median(values), max(values))] if values else ["", "", ""]
    unit = runs.units.get(figure, "")
    return [f"{row}: {metric}", unit, target_text(runs, figure), *numbers, f"{ratio:.2f}" if ratio else "",
            runs.verdict(figure)]


HEAD = ["figure", "unit", "target", "min", "median", "max", "x floor", ""]
TEXTS = "figure", "unit", "", "batches of 32"


def sections(runs, partial):
    """(program, lines of cells), what has no figure last."""
    figures = [f for f in runs.values if is_line(runs, f)]
    if not partial:
        figures += runs.missing()
    programs = dict.fromkeys(f[0] for f in figures)
    return [(p, [cells(runs, f) for f in figures if f[0] == p]) for p in programs]


def tally(runs, partial):
    verdicts = [runs.verdict(t) for t in runs.targets if t in runs.values or not partial]
    return ", ".join(f"{verdicts.count(v)} {v}" for v in ("PASS", "MISS", "NOT RUN") if v in verdicts)


def about_lines(runs):
    yield from (f"{key}: {text}" for key, text in runs.about.items())
    yield f"date: {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}; runs: {runs.number}"


def print_table(runs, partial):
    tables = sections(runs, partial)
    every = [HEAD] + [line for _, lines in tables for line in lines]
    widths = [max(len(line[i]) for line in every) for i in range(len(HEAD))]

    def row(line):
        left = [f"{line[0]:<{widths[0]}}", f"{line[1]:<{widths[1]}}"]
        return "  ".join(left + [f"{c:>{w}}" for c, w in zip(line[2:-1], widths[2:-1])] + [line[-1]]).rstrip()

    print("\n".join(about_lines(runs)))
    for program, lines in tables:
        print(f"\n{row([program.upper()] + HEAD[1:])}")
        for line in lines:
            print(row(line))
    if runs.targets:
        print(f"\n{tally(runs, partial)} (of the medians)")


def write_results(runs, path):
    with open(path, "w", encoding="utf-8") as f:
        for line in about_lines(runs):
            key, text = line.split(": ", 1)
            print("about", key, text, sep="\t", file=f)
        for figure, values in runs.values.items():
            bound, limit = runs.targets.get(figure, ("-", "-"))
            numbers = [f"{v:g}" for v in (min(values), statistics.median(values), max(values))]
            print("figure", *figure, runs.units[figure], *numbers, bound, limit, runs.verdict(figure), sep="\t", file=f)
        for (program, series, x), ys in runs.curves["point"].items():
            print("point", program, series, f"{x:g}", f"{statistics.median(ys):g}", sep="\t", file=f)
        for (program, series, x), ys in runs.curves["share"].items():
            print("share", program, series, f"{x:g}", f"{sum(ys) / runs.number:g}", sep="\t", file=f)


def markdown(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" if column in TEXTS else "---:" for column in head) + " |"
    for line in lines:
        yield "| " + " | ".join(line) + " |"


def results_text(runs):
    yield from (f"- {line}" for line in about_lines(runs))
    for program, lines in sections(runs, False):
        yield from ("", f"### {program}", "")
        yield from markdown(HEAD, lines)
    yield from ("", f"{tally(runs, False)}: of the medians.")


def latency_text(runs):
    """Of what recurs, with the slowest as timed beside it."""
    rows = dict.fromkeys(f[1] for f in runs.values if f[0] == "pauses")
    lines = []
    for row in rows:
        metrics = [*LATENCY, "slowest batch"]
        recurs = [short(runs.median(("pauses", row, m))) for m in metrics]
        timed = [short(statistics.median(runs.typical["pauses", row, m])) for m in ("p99.99", "slowest batch")]
        lines.append([row, *recurs, *timed])
    yield from markdown(["batches of 32", "p50, us", "p99", "p99.99", "max", "p99.99 as timed", "max as timed"], lines)


def write_docs(runs, path):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for name, lines in (("results", results_text(runs)), ("latency", latency_text(runs))):
        begin, end = f"<!-- bench: {name} -->\n", "<!-- bench: end -->"
        if begin not in text or end not in text.split(begin, 1)[1]:
            sys.exit(f"bench_sum.py: {path} has no marks {begin.strip()} and {end}")
        head, rest = text.split(begin, 1)
        text = head + begin + "\n" + "\n".join(lines) + "\n\n" + end + rest.split(end, 1)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def main():
    parser = argparse.ArgumentParser(description="Sum up runs of the bench programs.")
    parser.add_argument("--partial", action="store_true", help="do not miss targets that have no figure")
    parser.add_argument("--results", required=True, help="where to write lines for programs")
    parser.add_argument("--docs", help="a file with marks to write tables into")
    parser.add_argument("raw", nargs="+", help="one file for each run")
    options = parser.parse_args()
    runs = Runs(options.raw)
    write_results(runs, options.results)
    print_table(runs, options.partial)
    if options.docs:
        write_docs(runs, options.docs)


if __name__ == "__main__":
    main()
