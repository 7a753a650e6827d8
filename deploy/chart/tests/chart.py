"""The chart as Helm sees it: rendered by Helm's own library, without a cluster."""

import json
from pathlib import Path

import helm_python
import yaml

DEPLOY = Path(__file__).resolve().parents[2]
ROOT = DEPLOY.parent
CHART = DEPLOY / "chart" / "pullscope"

# The release that is rendered.
NAME = "pullscope"
NAMESPACE = "pullscope"


def defaults():
    """values.yaml."""
    return yaml.safe_load((CHART / "values.yaml").read_text())


def schema():
    """values.schema.json."""
    return json.loads((CHART / "values.schema.json").read_text())


def render(values, name=NAME, namespace=NAMESPACE):
    """The text that each template becomes, by its file name; those that become nothing are left out."""
    with helm_python.Chart.load(CHART) as chart:
        texts = chart.render(values, name=name, namespace=namespace)
    return {Path(path).name: text for path, text in texts.items() if text.strip()}


def objects(values, **release):
    """The objects of all templates."""
    texts = render(values, **release)
    texts.pop("NOTES.txt")
    documents = (document for text in texts.values() for document in yaml.safe_load_all(text))
    return [document for document in documents if document is not None]


def one(values, kind):
    """The only object of that kind."""
    (found,) = (item for item in objects(values) if item["kind"] == kind)
    return found


def refusal(values):
    """What Helm says against these values; None where it says nothing."""
    try:
        render(values)
    except (helm_python.HelmValuesError, helm_python.HelmRenderError) as error:
        return str(error)
    return None


def lint(values):
    """What Helm's lint says above the level of hints."""
    report = helm_python.lint(CHART, values, strict=True)
    return [message["error"] for message in report["messages"] if message["severity"] > 1] + report["errors"]
