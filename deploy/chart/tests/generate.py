"""What is made from the chart: its table of values, the plain manifests, its copies of rules and dashboard.

`generate.py` writes them, `generate.py --check` fails when one in the tree is not the one that would be written.
"""

import json
import re
import sys

import chart

BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"

# Where each file of the chart comes from.
COPIES = {
    "pullscope.rules.yml": chart.DEPLOY / "rules/pullscope.rules.yml",
    "pullscope.json": chart.DEPLOY / "dashboards/pullscope.json",
}

NAMESPACE = f"""\
apiVersion: v1
kind: Namespace
metadata:
  name: {chart.NAMESPACE}
  labels:
    # No other level allows what the pods ask for, the node's process ids among it.
    pod-security.kubernetes.io/enforce: privileged
"""

NODE = ["serviceaccount.yaml", "configmap.yaml", "networkpolicy.yaml", "daemonset.yaml"]

# The manifests: what they are, their values, what stands before them, and the templates in the order of their objects.
MANIFESTS = {
    "pullscope.yaml": (
        "pullscope on every node, with the chart's default values. Put the name of your image in place of `pullscope:VERSION`.",
        {},
        NAMESPACE,
        NODE,
    ),
    "pullscope-unprivileged.yaml": (
        "The same with `privileged: false`: some capabilities in place of all privileges. docs/security.md says what each is for.",
        {"privileged": False},
        NAMESPACE,
        NODE,
    ),
    "monitoring.yaml": (
        "What the Prometheus Operator and Grafana's side-car load: scraping, rules and alerts, the dashboard.",
        {
            "podMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
            "dashboard": {"enabled": True},
        },
        None,
        ["podmonitor.yaml", "prometheusrule.yaml", "dashboard.yaml"],
    ),
}


def manifest(about, values, first, templates):
    """A plain manifest: the chart's objects without the labels that say that Helm looks after them."""
    texts = chart.render(values)
    parts = [first] if first else []
    parts += [
        re.sub(r"^ +(app\.kubernetes\.io/managed-by|helm\.sh/chart):.*\n", "", texts[name], flags=re.M)
        for name in templates
    ]
    head = f"# Made from deploy/chart/pullscope by `cargo xtask chart`: do not edit.\n# {about}\n"
    return head + "".join(f"---\n{part.strip()}\n" for part in parts)


def table():
    """The values with their defaults and the comments above them."""
    known = chart.defaults()
    rows = {}
    path, comment = [], []
    for line in (chart.CHART / "values.yaml").read_text().splitlines():
        text = line.strip()
        key = re.match(r"( *)(\w+):", line)
        if text.startswith("#"):
            comment.append(text.lstrip("# "))
            continue
        if key:
            # Two spaces a level.
            path = [*path[: len(key[1]) // 2], key[2]]
            # What has no comment is described where its parent is.
            if comment:
                value = known
                for part in path:
                    value = value[part]
                rows[".".join(path)] = (f"`{json.dumps(value)}`", " ".join(comment))
        comment = []
    lines = ["| value | default | |", "| --- | --- | --- |"]
    for name, (default, about) in rows.items():
        # The defaults of keys that have rows of their own stand there.
        default = "" if any(other.startswith(f"{name}.") for other in rows) else default
        lines.append(f"| `{name}` | {default} | {about} |")
    return "\n".join(lines) + "\n"


def generated():
    """Every file that is made, with its text."""
    for name, source in COPIES.items():
        yield chart.CHART / "files" / name, source.read_text()
    readme = chart.CHART / "README.md"
    before, _, rest = readme.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    yield readme, f"{before}{BEGIN}\n{table()}\n{END}{after}"
    for name, parts in MANIFESTS.items():
        yield chart.DEPLOY / "manifests" / name, manifest(*parts)


def main():
    """Writes or checks."""
    check = sys.argv[1:] == ["--check"]
    stale = []
    # One after the other: the manifests are rendered with the copies that came before them.
    for path, text in generated():
        if path.is_file() and path.read_text() == text:
            continue
        stale.append(str(path.relative_to(chart.ROOT)))
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if check and stale:
        sys.exit(f"stale: {', '.join(stale)}; write by `cargo xtask chart`")
    print(f"wrote {', '.join(stale)}" if stale else "all are fresh")


if __name__ == "__main__":
    main()
