"""The dashboard as Grafana's own schemas have it: models are made of them, which know every key and every type."""

import copy
import enum
import functools
import json
import types
import typing
import unittest

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel
from grafana_foundation_sdk.models.prometheus import Dataquery

import chart

# Keys that Grafana 12 reads and its schemas leave out: how Prometheus's annotations are written
# (packages/grafana-prometheus/src/annotations.ts), and what stands for the query in the list of variables.
NOT_IN_THE_SCHEMAS = {
    "annotations.list.step",
    "annotations.list.textFormat",
    "annotations.list.titleFormat",
    "templating.list.definition",
}


def lost(given, back, path=()):
    """The paths of what is in the one and not the same in the other."""
    if isinstance(given, dict) and isinstance(back, dict):
        for key, value in given.items():
            yield from lost(value, back[key], (*path, key)) if key in back else [(*path, key)]
    elif isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        for one, other in zip(given, back):
            yield from lost(one, other, path)
    elif given != back:
        yield path


hints = functools.cache(typing.get_type_hints)


def mistyped(value, hint, path):
    """The paths of what is not of its type, with the value."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        found = [list(mistyped(value, part, path)) for part in parts]
        # Where it is none of them, it is most likely the one in which something is wrong only deep inside.
        if all(found):
            yield from max(found, key=lambda wrong: len(wrong[0][0]))
    elif origin is list and isinstance(value, list):
        for one in value:
            yield from mistyped(one, parts[0], path)
    elif origin is dict and isinstance(value, dict):
        for key, one in value.items():
            yield from mistyped(one, parts[1], (*path, key))
    elif origin is typing.Literal:
        if value not in parts:
            yield path, value
    elif hasattr(value, "to_json"):
        # A model; where the schema leaves it open which, it is that of the panel or the datasource.
        if isinstance(hint, type) and hint is not object and not isinstance(value, hint):
            yield path, value
        for name, inner in hints(type(value)).items():
            yield from mistyped(getattr(value, name), inner, (*path, name))
    elif isinstance(value, dict) and hasattr(hint, "from_json"):
        # The library leaves it as it is.
        model = hint.from_json(value)
        for inner in lost(value, json.loads(JSONEncoder().encode(model))):
            yield (*path, *inner), value
        yield from mistyped(model, hint, path)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in list(hint):
            yield path, value
    elif hint is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            yield path, value
    elif hint is int:
        if isinstance(value, bool) or not isinstance(value, int):
            yield path, value
    elif hint not in (typing.Any, object) and not isinstance(value, origin or hint):
        yield path, value


def problems(dashboard):
    """The paths of keys that are unknown, and of values of a wrong type."""
    model = Dashboard.from_json(copy.deepcopy(dashboard))
    back = json.loads(JSONEncoder().encode(model))
    return {".".join(path) for path in lost(dashboard, back)}, {
        ".".join(path): value for path, value in mistyped(model, Dashboard, ())
    }


class DashboardOfGrafana(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        register_default_plugins()
        cls.dashboard = json.loads((chart.DEPLOY / "dashboards/pullscope.json").read_text())

    def test_every_key_is_known_and_every_value_of_its_type(self):
        self.assertEqual(problems(self.dashboard), (NOT_IN_THE_SCHEMAS, {}))

    def test_every_panel_has_a_model(self):
        panels = [panel for panel in Dashboard.from_json(self.dashboard).panels if isinstance(panel, Panel)]
        self.assertGreater(len(panels), 20)
        for panel in panels:
            with self.subTest(panel=panel.title):
                self.assertNotIsInstance(panel.options, dict)
                self.assertTrue(all(isinstance(target, Dataquery) for target in panel.targets or []))

    def test_what_is_wrong_is_found(self):
        def wrong(change):
            dashboard = copy.deepcopy(self.dashboard)
            change(dashboard, next(panel for panel in dashboard["panels"] if panel["type"] == "timeseries"))
            unknown, mistyped = problems(dashboard)
            return (unknown - NOT_IN_THE_SCHEMAS) | set(mistyped)

        for change, path in [
            (lambda board, panel: board.update(refersh="1m"), "refersh"),
            (lambda board, panel: board.update(refresh=60), "refresh"),
            (lambda board, panel: board.update(graphTooltip=7), "graph_tooltip"),
            (lambda board, panel: board["time"].update(form="now"), "time.form"),
            (lambda board, panel: panel.update(tittle="x"), "panels.tittle"),
            (lambda board, panel: panel["gridPos"].update(w="12"), "panels.grid_pos.w"),
            (lambda board, panel: panel["targets"][0].update(legend="x"), "panels.targets.legend"),
            (lambda board, panel: panel["targets"][0].update(instant="yes"), "panels.targets.instant"),
            (
                lambda board, panel: panel["options"]["legend"].update(showLegend=1),
                "panels.options.legend.show_legend",
            ),
            (
                lambda board, panel: panel["fieldConfig"]["defaults"].update(unit=3),
                "panels.field_config.defaults.unit",
            ),
            (
                lambda board, panel: panel["fieldConfig"]["defaults"]["custom"].update(fillOpacty=3),
                "panels.fieldConfig.defaults.custom.fillOpacty",
            ),
            (
                lambda board, panel: panel.update(transformations=[{"id": "organize", "option": {}}]),
                "panels.transformations.option",
            ),
            (
                lambda board, panel: board["templating"]["list"][0].update(type="query2"),
                "templating.list_val.type_val",
            ),
        ]:
            with self.subTest(path=path):
                self.assertIn(path, wrong(change))


if __name__ == "__main__":
    unittest.main()
