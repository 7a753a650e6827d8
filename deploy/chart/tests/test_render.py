"""What the chart renders to is what Kubernetes takes, and asks for no more than it says."""

import functools
import json
import os
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

import jsonschema
import kubernetes_validate

import chart
import generate
from cases import ALWAYS, CASES, CONFIG, RECIPE, TARGETS

# The oldest that the chart allows, and the newest that the schemas are there for.
VERSIONS = ("1.30", "1.37")

OPERATOR = "monitoring.coreos.com/v1"
MONITORING = jsonschema.Draft202012Validator(
    json.loads(Path(__file__).with_name("monitoring.schema.json").read_text())
)

CAPABILITIES = ["BPF", "PERFMON", "NET_ADMIN", "SYS_PTRACE"]


@functools.cache
def problem(text):
    """What is wrong with an object; most cases share most objects."""
    item = json.loads(text)
    if item["apiVersion"] == OPERATOR:
        error = jsonschema.exceptions.best_match(MONITORING.iter_errors(item))
        return error and error.message
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(item, version, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            return f"{version}: {error.message}"
    return None


def problem_of(item):
    """The same, of an object itself."""
    return problem(json.dumps(item, sort_keys=True))


def pod(values):
    """The pod's specification."""
    return chart.one(values, "DaemonSet")["spec"]["template"]["spec"]


def container(values):
    """The only container."""
    (only,) = pod(values)["containers"]
    return only


def config(values):
    """The config file, as text."""
    (item,) = (item for item in chart.objects(values) if "pullscope.toml" in item.get("data", {}))
    return item["data"]["pullscope.toml"]


class Rendered(unittest.TestCase):
    def test_every_object_fits_the_schemas_of_kubernetes(self):
        for name, (values, _) in CASES.items():
            for item in chart.objects(values):
                with self.subTest(case=name, kind=item["kind"]):
                    self.assertIsNone(problem_of(item))

    def test_the_plain_manifests_fit_them_too_and_name_no_helm(self):
        for name, parts in generate.MANIFESTS.items():
            text = generate.manifest(*parts)
            self.assertNotRegex(text, r"(?m)Helm$|helm\.sh")
            items = list(chart.yaml.safe_load_all(text))
            for item in items:
                with self.subTest(manifest=name, kind=item["kind"]):
                    self.assertIsNone(problem_of(item))
            # The namespace comes before what is in it, the config before the pods.
            kinds = [item["kind"] for item in items]
            if name == "pullscope.yaml":
                self.assertEqual((kinds[0], kinds[-1], set(kinds[1:])), ("Namespace", "DaemonSet", ALWAYS))

    def test_the_schemas_refuse_what_kubernetes_does_not_know(self):
        for kind, path in (("DaemonSet", ("spec", "template", "spec")), ("PodMonitor", ("spec",))):
            item = chart.one({"podMonitor": {"enabled": True}}, kind)
            inner = functools.reduce(lambda value, key: value[key], path, item)
            inner["hostPid"] = True
            self.assertIn("hostPid", problem_of(item))

    def test_helm_has_nothing_to_say(self):
        for name, (values, _) in CASES.items():
            with self.subTest(case=name):
                self.assertEqual(chart.lint(values), [])

    def test_the_objects_are_those_that_were_asked_for(self):
        for name, (values, kinds) in CASES.items():
            with self.subTest(case=name):
                items = chart.objects(values)
                self.assertEqual({item["kind"] for item in items}, kinds)
                identities = [
                    (item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]) for item in items
                ]
                self.assertEqual(len(set(identities)), len(identities))

    def test_names_and_labels_hang_together(self):
        values = {
            "fullnameOverride": "watcher",
            "serviceMonitor": {"enabled": True},
            "networkPolicy": {"from": []},
        }
        items = {item["kind"]: item for item in chart.objects(values, name="other", namespace="nodes")}
        labels = items["DaemonSet"]["spec"]["template"]["metadata"]["labels"]
        selectors = [
            items["DaemonSet"]["spec"]["selector"]["matchLabels"],
            items["Service"]["spec"]["selector"],
            items["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        ]
        for selector in selectors:
            self.assertEqual(selector, {key: labels[key] for key in selector})
            self.assertEqual(selector["app.kubernetes.io/instance"], "other")
        wanted = items["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
        self.assertLessEqual(wanted.items(), items["Service"]["metadata"]["labels"].items())
        for item in items.values():
            self.assertEqual((item["metadata"]["name"], item["metadata"]["namespace"]), ("watcher", "nodes"))
        used = items["DaemonSet"]["spec"]["template"]["spec"]
        self.assertEqual(used["serviceAccountName"], items["ServiceAccount"]["metadata"]["name"])

    def test_what_prometheus_and_the_policy_name_is_a_port_of_the_container(self):
        values = {"podMonitor": {"enabled": True}, "port": 9000}
        only = container(values)
        self.assertEqual(only["ports"], [{"name": "metrics", "containerPort": 9000, "protocol": "TCP"}])
        (endpoint,) = chart.one(values, "PodMonitor")["spec"]["podMetricsEndpoints"]
        (rule,) = chart.one(values, "NetworkPolicy")["spec"]["ingress"]
        probes = [
            only[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        ]
        self.assertEqual({endpoint["port"], rule["ports"][0]["port"], *probes}, {"metrics"})
        self.assertIn({"name": "PULLSCOPE_WEB_LISTEN_ADDRESS", "value": ":9000"}, only["env"])

    def test_rules_and_dashboard_are_the_files(self):
        values = {"prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}
        rules = chart.yaml.safe_load((chart.DEPLOY / "rules/pullscope.rules.yml").read_text())
        self.assertEqual(chart.one(values, "PrometheusRule")["spec"], rules)
        (item,) = (item for item in chart.objects(values) if "pullscope.json" in item.get("data", {}))
        dashboard = (chart.DEPLOY / "dashboards/pullscope.json").read_text()
        self.assertEqual(json.loads(item["data"]["pullscope.json"]), json.loads(dashboard))

    def test_each_alert_leads_to_its_section_where_the_runbook_is(self):
        page = "https://example.org/a?page=runbook"
        values = {"prometheusRule": {"enabled": True, "runbookUrl": page}}
        rules = chart.yaml.safe_load((chart.DEPLOY / "rules/pullscope.rules.yml").read_text())
        alerts = [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
        self.assertGreater(len(alerts), 8)
        for rule in alerts:
            rule["annotations"]["runbook_url"] = f"{page}#{rule['alert'].lower()}"
        self.assertEqual(chart.one(values, "PrometheusRule")["spec"], rules)


class Privileges(unittest.TestCase):
    def test_no_object_gives_rights_and_no_token_is_mounted(self):
        for name, (values, kinds) in CASES.items():
            with self.subTest(case=name):
                self.assertFalse([kind for kind in kinds if "Role" in kind])
                self.assertIs(pod(values)["automountServiceAccountToken"], False)
        self.assertIs(chart.one({}, "ServiceAccount")["automountServiceAccountToken"], False)

    def test_privileged_is_root_with_a_read_only_file_system(self):
        self.assertEqual(
            container({})["securityContext"],
            {"privileged": True, "runAsUser": 0, "runAsGroup": 0, "readOnlyRootFilesystem": True},
        )

    def test_unprivileged_has_the_four_capabilities_and_no_other(self):
        context = container({"privileged": False})["securityContext"]
        self.assertEqual(context["capabilities"], {"drop": ["ALL"], "add": CAPABILITIES})
        self.assertIs(context["privileged"], False)
        self.assertIs(context["allowPrivilegeEscalation"], False)
        self.assertIs(context["readOnlyRootFilesystem"], True)

    def test_the_node_is_shared_as_far_as_it_is_needed(self):
        spec = pod({})
        self.assertIs(spec["hostPID"], True)
        self.assertFalse({"hostNetwork", "hostIPC", "shareProcessNamespace", "initContainers"} & set(spec))
        paths = [volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume]
        self.assertEqual(paths, ["/sys/fs/cgroup"])
        self.assertTrue(all(mount["readOnly"] for mount in container({})["volumeMounts"]))

    def test_the_reason_for_stopping_is_the_last_of_the_log(self):
        self.assertEqual(container({})["terminationMessagePolicy"], "FallbackToLogsOnError")


class Config(unittest.TestCase):
    def test_the_file_says_what_the_values_say(self):
        expected = chart.defaults()["config"]
        del expected["recipes"]
        self.assertEqual(
            tomllib.loads(config({})), {key: value for key, value in expected.items() if key != "targets"}
        )

    def test_strings_and_numbers_arrive_as_they_are(self):
        read = tomllib.loads(config({"config": CONFIG}))
        (recipe,) = tomllib.loads(RECIPE)["recipe"]
        self.assertEqual(read["targets"], TARGETS)
        self.assertEqual(read["recipe"], [recipe])
        for key in ("max_registries", "default_targets", "kernel", "tls", "pulls", "log"):
            self.assertEqual(read[key], CONFIG[key])
        read = tomllib.loads(config(CASES["config of floats"][0]))
        numbers = (read["max_registries"], read["kernel"]["ring_buffer_bytes"])
        # 67108864.0 would be equal, and refused by the program.
        self.assertEqual([(type(number), number) for number in numbers], [(int, 100), (int, 67108864)])

    def test_another_file_is_another_pod_and_nothing_else_is(self):
        def checksum(values):
            template = chart.one(values, "DaemonSet")["spec"]["template"]
            return template["metadata"]["annotations"]["checksum/config"]

        self.assertEqual(checksum({}), checksum({"podMonitor": {"enabled": True}}))
        self.assertNotEqual(checksum({}), checksum({"config": {"max_registries": 201}}))

    def test_the_file_is_mounted_where_it_is_read(self):
        spec = pod({})
        only = container({})
        (path,) = (item["value"] for item in only["env"] if item["name"] == "PULLSCOPE_CONFIG_FILE")
        (mount,) = (mount for mount in only["volumeMounts"] if path.startswith(mount["mountPath"] + "/"))
        (volume,) = (volume for volume in spec["volumes"] if volume["name"] == mount["name"])
        (item,) = (
            item
            for item in chart.objects({})
            if item["metadata"]["name"] == volume["configMap"]["name"] and "data" in item
        )
        self.assertIn(path.removeprefix(mount["mountPath"] + "/"), item["data"])

    @unittest.skipUnless("PULLSCOPE_BIN" in os.environ, "PULLSCOPE_BIN names no program")
    def test_the_program_takes_every_file(self):
        wrong = {"config": {"recipes": "[[recipe]]\nnmae = 1"}}
        names = [name for name, (values, _) in CASES.items() if "config" in values]
        for name, values in [*((name, CASES[name][0]) for name in names), ("wrong", wrong)]:
            with self.subTest(case=name), tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
                file.write(config(values))
                file.flush()
                check = [os.environ["PULLSCOPE_BIN"], "check", "--output=json", f"--config.file={file.name}"]
                answer = subprocess.run(check, capture_output=True, check=False)
                findings = {finding["name"]: finding for finding in json.loads(answer.stdout)["checks"]}
                self.assertEqual(
                    findings["settings"]["status"], "fail" if values is wrong else "ok", findings["settings"]
                )


if __name__ == "__main__":
    unittest.main()
