"""What was measured: medians, their ratios, tables and a plot."""

import datetime
import os
import platform
import statistics


class Sheet:
    """Takes figures as they come; shows each case as a table when all of it was measured."""

    def __init__(self, args):
        self.args, self.cases, self.lines = args, {}, []
        with open("/proc/cpuinfo") as info:
            model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "?")
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        self.say(f"{now}, {len(os.sched_getaffinity(0))} × {model}, Linux {platform.release()}, "
                 f"medians of {args.repetitions}; n: ratio to nginx, d: ratio to direct")

    def add(self, case, name, figures):
        taken = self.cases.setdefault(case, {}).setdefault(name, {})
        for figure, value in figures.items():
            if value is not None:
                taken.setdefault(figure, []).append(value)

    def median(self, case, name, figure):
        values = self.cases.get(case, {}).get(name, {}).get(figure)
        return statistics.median(values) if values else None

    def show(self, case):
        """A table: who, and each figure with its ratio to nginx's and to direct."""
        names = list(self.cases[case])
        figures = list(dict.fromkeys(f for name in names for f in self.cases[case][name]))
        rows = [["", *figures]]
        for name in names:
            rows.append([name, *(self.cell(case, name, figure) for figure in figures)])
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        self.say(f"\n### {case}\n")
        for number, row in enumerate(rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths))
            self.say("| " + " | ".join(cells) + " |")
            if number == 0:
                self.say("|" + "|".join("-" * (width + 2) for width in widths) + "|")

    def cell(self, case, name, figure):
        value = self.median(case, name, figure)
        if value is None:
            return ""
        ratios = []
        for other, sign in [("nginx", "n"), ("direct", "d")]:
            beside = self.median(case, other, figure)
            if beside and name not in (other, "direct"):
                ratios.append(f"{value / beside:.2f} {sign}")
        return text(value) + (f" ({', '.join(ratios)})" if ratios else "")

    def say(self, line):
        print(line, flush=True)
        self.lines.append(line)

    def finish(self):
        if self.args.markdown:
            with open(self.args.markdown, "w") as file:
                file.write("\n".join(self.lines).lstrip() + "\n")
        if self.args.plot:
            with open(self.args.plot, "w") as file:
                file.write(plot(self))


def text(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


AGENTS = [1, 10, 100, 1_000]
# The cases over which something grows, by what does.
GROWTH = {
    "upstream agents": "Upstream agents: {:,}, connections: 32",
    "connections": "Connections: {:,}, upstream agents: 10",
}
WIDTH, HEIGHT, LEFT, TOP = 330, 190, 60, 46
COLOURS = {"gateway": "#1f6feb", "nginx": "#2da44e"}


def plot(sheet):
    """Processor time and p99 over upstream agents and over connections, as SVG."""
    panels = []
    for row, figure in enumerate(["CPU µs/request", "p99 ms"]):
        for column, (axis, case) in enumerate(GROWTH.items()):
            series = {name: [sheet.median(case.format(n), name, figure) for n in AGENTS] for name in COLOURS}
            x, y = LEFT + column * (WIDTH + 80), TOP + row * (HEIGHT + 80)
            panels.append(panel(x, y, f"{figure} over {axis}", series))
    width, height = 2 * (WIDTH + 80) + 10, 2 * (HEIGHT + 80) + 10
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'font-family="sans-serif" font-size="12"><rect width="{width}" height="{height}" fill="#fff"/>'
            + "".join(panels) + "</svg>\n")


def panel(x, y, title, series):
    most = max([value for values in series.values() for value in values if value] or [1]) * 1.15
    parts = [f'<g transform="translate({x},{y})"><text x="0" y="-14" font-weight="bold">{title}</text>']
    for step in range(5):
        at = HEIGHT - HEIGHT * step / 4
        parts.append(f'<line x1="0" x2="{WIDTH}" y1="{at}" y2="{at}" stroke="#ddd"/>'
                     f'<text x="-6" y="{at + 4}" text-anchor="end">{text(most * step / 4) if step else 0}</text>')
    places = [WIDTH * (index + 0.5) / len(AGENTS) for index in range(len(AGENTS))]
    for place, count in zip(places, AGENTS):
        parts.append(f'<text x="{place}" y="{HEIGHT + 18}" text-anchor="middle">{count:,}</text>')
    for number, (name, values) in enumerate(series.items()):
        points = [(place, HEIGHT - HEIGHT * value / most) for place, value in zip(places, values) if value]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{COLOURS[name]}"/>' for a, b in points]
        parts.append(f'<text x="{WIDTH - 60 * (number + 1)}" y="{HEIGHT + 36}" fill="{COLOURS[name]}">{name}</text>')
    return "".join(parts) + "</g>"
