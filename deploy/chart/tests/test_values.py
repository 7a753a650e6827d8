"""Templates, values, schema and documents speak of the same values."""

import re
import tomllib
import unittest

import chart

ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# A path from the root (`.Values.a`, `$.Values.a`) or from the dot (`.a`).
PATH = re.compile(r"(?<![\w$)\]])(\$?\.[\w.]*)")


def leaves(values, path=()):
    """The paths of all values that are not objects with keys of their own."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def used(text):
    """The paths of values that a template names: `with` and `range` move the dot."""
    # What the dot is at each depth: a path of values, or None where it is not within the values.
    dots = [None]
    for action in ACTION.findall(text):
        if action.startswith("/*"):
            continue
        word, _, rest = action.partition(" ")
        if word == "end":
            dots.pop()
            continue
        paths = [resolved(path, dots[-1]) for path in PATH.findall(STRING.sub('""', action))]
        paths = [path for path in paths if path is not None]
        yield from paths
        if word == "with":
            dots.append(paths[0] if paths and rest.strip().startswith((".", "$")) else None)
        elif word in ("range", "define"):
            # What is in a list has no name of its own.
            dots.append(None)
        elif word == "if":
            dots.append(dots[-1])


def resolved(path, dot):
    """The path of values that is meant, without `Values`; None where it is something else."""
    root, values, own = path.partition(".Values.")
    if values and root in ("", "$"):
        return tuple(own.split("."))
    if dot is None or path.startswith("$"):
        return None
    own = tuple(part for part in path.split(".") if part)
    return (*dot, *own) or None


def has(values, path):
    """Whether there is a value at that path."""
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def keys_of(schema, definitions):
    """The keys that the schema of an object names, with those of theirs; none for objects with any keys."""
    if "$ref" in schema:
        return keys_of(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    alternatives = [keys_of(other, definitions) for other in schema.get("oneOf", [])]
    own = {key: keys_of(inner, definitions) for key, inner in schema.get("properties", {}).items()}
    return own or next((found for found in alternatives if found), {})


class Values(unittest.TestCase):
    def setUp(self):
        self.values = chart.defaults()
        self.templates = {path.name: path.read_text() for path in (chart.CHART / "templates").iterdir()}

    def test_templates_use_only_values_that_there_are(self):
        for name, text in self.templates.items():
            unknown = {".".join(path) for path in used(text) if not has(self.values, path)}
            with self.subTest(template=name):
                self.assertEqual(unknown, set())

    def test_every_value_is_used(self):
        uses = {path for text in self.templates.values() for path in used(text)}
        # A use of an object as a whole is one of all in it, unless its keys are used one by one.
        whole = {
            path
            for path in uses
            if not any(len(other) > len(path) and other[: len(path)] == path for other in uses)
        }
        unused = [path for path in leaves(self.values) if not any(path[: len(use)] == use for use in whole)]
        self.assertEqual(unused, [])

    def test_the_schema_knows_the_values_and_no_others(self):
        schema = chart.schema()
        known = keys_of(schema, schema["definitions"])
        # What a chart around this one may hand down to all.
        del known["global"]

        def differences(known, values, path):
            for key in known.keys() | values.keys():
                inner = values.get(key)
                if key not in known or key not in values:
                    yield ".".join((*path, key))
                elif known[key] and isinstance(inner, dict) and inner:
                    yield from differences(known[key], inner, (*path, key))

        optional = {
            *(f"{profile}.localhostProfile" for profile in ("seccompProfile", "appArmorProfile")),
            *(
                f"resources.{part}.{kind}"
                for part in ("limits", "requests")
                for kind in ("cpu", "memory", "ephemeral-storage")
            ),
            "updateStrategy.rollingUpdate.maxSurge",
        }
        self.assertEqual(set(differences(known, self.values, ())) - optional, set())

    def test_objects_of_the_schema_take_no_other_keys(self):
        # Objects of Kubernetes, which its own schemas check.
        theirs = {
            "global",
            "nodeAffinity",
            "podAffinity",
            "podAntiAffinity",
            "podSelector",
            "namespaceSelector",
        }

        def open_objects(schema, path):
            if isinstance(schema, dict):
                if (
                    schema.get("type") == "object"
                    and "additionalProperties" not in schema
                    and path[-1] not in theirs
                ):
                    yield path
                for key, inner in schema.items():
                    yield from open_objects(inner, (*path, key))
            elif isinstance(schema, list):
                for inner in schema:
                    yield from open_objects(inner, path)

        self.assertEqual(list(open_objects(chart.schema(), ("",))), [])

    def test_the_defaults_fit_the_schema(self):
        self.assertIsNone(chart.refusal({}))


class Documents(unittest.TestCase):
    def test_the_config_is_that_of_the_program(self):
        page = (chart.ROOT / "docs/configuration.md").read_text()
        row = re.compile(r"^\| `--[^|]*\| `PULLSCOPE_[^|]*\| `([^`|]+)` \| `([^`|]+)` \|", re.MULTILINE)
        # The address is the chart's port, the path is always /metrics; lists have no default.
        settings = {key: default for key, default in row.findall(page) if not key.startswith("web.")}
        self.assertGreater(len(settings), 8)
        known = chart.defaults()["config"]
        for key, default in settings.items():
            with self.subTest(key=key):
                value = known
                for part in key.split("."):
                    value = value[part]
                self.assertEqual(str(value).lower() if isinstance(value, bool) else str(value), default)

    def test_each_capability_has_its_reason(self):
        page = (chart.ROOT / "docs/security.md").read_text()
        for name in (*chart.defaults()["capabilities"], "SYS_ADMIN"):
            self.assertIn(f"`CAP_{name}`", page)

    def test_the_version_is_that_of_the_workspace(self):
        cargo = tomllib.loads((chart.ROOT / "Cargo.toml").read_text())
        version = cargo["workspace"]["package"]["version"]
        about = chart.yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
        self.assertEqual((about["version"], about["appVersion"]), (version, version))


if __name__ == "__main__":
    unittest.main()
