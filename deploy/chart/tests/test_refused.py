"""Values that cannot be meant are refused, and the answer names the key."""

import copy
import unittest

import chart

# What is wrong, and what the answer must name.
WRONG = [
    ({"prot": 1}, "prot"),
    ({"image": {"tagg": "1"}}, "tagg"),
    ({"image": {"repository": ""}}, "/image/repository"),
    ({"image": {"repository": "Upper Case"}}, "/image/repository"),
    ({"image": {"repository": "name:"}}, "/image/repository"),
    ({"image": {"tag": 1.0}}, "/image/tag"),
    ({"image": {"tag": "a b"}}, "/image/tag"),
    ({"image": {"digest": "sha256:12"}}, "/image/digest"),
    ({"image": {"pullPolicy": "always"}}, "/image/pullPolicy"),
    ({"imagePullSecrets": ["name"]}, "/imagePullSecrets/0"),
    ({"imagePullSecrets": [{"nam": "x"}]}, "/imagePullSecrets/0"),
    ({"fullnameOverride": "Not_A_Name"}, "/fullnameOverride"),
    ({"privileged": "false"}, "/privileged"),
    ({"capabilities": ["BPF", "PERFMON", "CAP_NET_ADMIN"]}, "/capabilities/2"),
    ({"capabilities": ["BPF", "PERFMON", "ALL"]}, "/capabilities/2"),
    ({"capabilities": ["PERFMON"]}, "/capabilities"),
    ({"capabilities": ["BPF"]}, "/capabilities"),
    ({"capabilities": ["BPF", "BPF", "PERFMON"]}, "/capabilities"),
    ({"seccompProfile": {"type": "runtime/default"}}, "/seccompProfile/type"),
    ({"seccompProfile": {"type": "Localhost"}}, "localhostProfile"),
    ({"appArmorProfile": {"type": "Unconfined", "localhostProfile": "x"}}, "/appArmorProfile"),
    ({"seLinuxOptions": {"type": 1}}, "/seLinuxOptions/type"),
    ({"hostNetwork": 1}, "/hostNetwork"),
    ({"port": "10617"}, "/port"),
    ({"port": 0}, "/port"),
    ({"port": 65536}, "/port"),
    ({"config": {"max_registrys": 1}}, "max_registrys"),
    ({"config": {"web": {"listen_address": ":1"}}}, "web"),
    ({"config": {"max_registries": 1001}}, "/config/max_registries"),
    ({"config": {"max_registries": 1.5}}, "/config/max_registries"),
    ({"config": {"default_targets": "no"}}, "/config/default_targets"),
    ({"config": {"use_recipes": "kraken-agent"}}, "/config/use_recipes"),
    ({"config": {"use_recipes": ["Kraken Agent"]}}, "/config/use_recipes/0"),
    ({"config": {"kernel": {"strategy": "fast"}}}, "/config/kernel/strategy"),
    ({"config": {"kernel": {"ring_buffer_bytes": 5000}}}, "/config/kernel/ring_buffer_bytes"),
    ({"config": {"kernel": {"max_connections": 15}}}, "/config/kernel/max_connections"),
    ({"config": {"kernel": {"max": 15}}}, "max"),
    ({"config": {"tls": {"go": True}}}, "/config/tls/go"),
    ({"config": {"pulls": {"remember": -1}}}, "/config/pulls/remember"),
    ({"config": {"log": {"level": "verbose"}}}, "/config/log/level"),
    ({"config": {"log": {"format": "yaml"}}}, "/config/log/format"),
    ({"config": {"targets": [{"comm": "x"}]}}, "/config/targets/0"),
    ({"config": {"targets": [{"name": "x", "comm": "a/b"}]}}, "/config/targets/0/comm"),
    ({"config": {"targets": [{"name": "x", "comm": "sixteen-letters-"}]}}, "/config/targets/0/comm"),
    ({"config": {"targets": [{"name": "X", "comm": "x"}]}}, "/config/targets/0/name"),
    ({"config": {"targets": [{"name": "x", "comm": "x", "argv": "\x7f"}]}}, "/config/targets/0/argv"),
    ({"config": {"targets": [{"name": "x", "comm": "x", "role": "server-side"}]}}, "/config/targets/0/role"),
    ({"config": {"targets": [{"name": "x", "comm": "x", "path": "/bin/x"}]}}, "path"),
    ({"config": {"recipes": [{"name": "x"}]}}, "/config/recipes"),
    ({"prometheusRule": {"runbookUrl": "docs/runbook.md"}}, "/prometheusRule/runbookUrl"),
    ({"prometheusRule": {"runbookUrl": "https://example.org/runbook#top"}}, "/prometheusRule/runbookUrl"),
    ({"serviceAccount": {"automount": True}}, "automount"),
    ({"serviceAccount": {"name": "-x"}}, "/serviceAccount/name"),
    ({"podAnnotations": {"a": 1}}, "/podAnnotations/a"),
    ({"podAnnotations": {"checksum/config": "x"}}, "/podAnnotations"),
    ({"podLabels": {"a": "b c"}}, "/podLabels/a"),
    ({"podLabels": {"app.kubernetes.io/name": "x"}}, "app.kubernetes.io/name"),
    ({"resources": {"limit": {}}}, "limit"),
    ({"resources": {"limits": {"memory": "256MB"}}}, "/resources/limits/memory"),
    ({"resources": {"limits": {"mem": "256Mi"}}}, "mem"),
    ({"updateStrategy": {"type": "Recreate"}}, "/updateStrategy/type"),
    ({"updateStrategy": {"rollingUpdate": {"maxUnavailable": "110%"}}}, "/updateStrategy/rollingUpdate"),
    ({"priorityClassName": "System Critical"}, "/priorityClassName"),
    ({"nodeSelector": {"kubernetes.io/os": True}}, "/nodeSelector/kubernetes.io~1os"),
    ({"tolerations": {"operator": "Exists"}}, "/tolerations"),
    ({"tolerations": [{"operator": "exists"}]}, "/tolerations/0/operator"),
    ({"tolerations": [{"operator": "Exists", "effect": "NoRun"}]}, "/tolerations/0/effect"),
    ({"affinity": {"node": {}}}, "node"),
    ({"podMonitor": {"enabled": "true"}}, "/podMonitor/enabled"),
    ({"podMonitor": {"interval": 30}}, "/podMonitor/interval"),
    ({"podMonitor": {"interval": "30 s"}}, "/podMonitor/interval"),
    ({"serviceMonitor": {"namespace": "x"}}, "namespace"),
    ({"prometheusRule": {"labels": ["x"]}}, "/prometheusRule/labels"),
    ({"dashboard": {"labels": {"grafana_dashboard": 1}}}, "/dashboard/labels/grafana_dashboard"),
    ({"dashboard": {"folder": "x"}}, "folder"),
    ({"networkPolicy": {"from": [{}]}}, "/networkPolicy/from/0"),
    ({"networkPolicy": {"from": [{"ipBlock": {"except": []}}]}}, "/networkPolicy/from/0/ipBlock"),
    ({"podMonitor": {"enabled": True}, "serviceMonitor": {"enabled": True}}, "serviceMonitor.enabled"),
    ({"privileged": False, "config": {"bpf_stats": True}}, "config.bpf_stats"),
]


class Refused(unittest.TestCase):
    def test_wrong_values_are_refused_by_the_name_of_the_key(self):
        for values, key in WRONG:
            with self.subTest(values=values):
                self.assertIn(key, chart.refusal(values) or "taken")

    def test_every_key_refuses_what_is_of_another_type(self):
        def tried(known, path):
            for key, value in known.items():
                here = (*path, key)
                if isinstance(value, dict) and value:
                    yield from tried(value, here)
                # An object is never meant for a scalar or a list, a number never for an object.
                yield here, 1 if isinstance(value, dict) else {"x": 1}

        for path, wrong in tried(chart.defaults(), ()):
            values = wrong
            for key in reversed(path):
                values = {key: copy.deepcopy(values)}
            with self.subTest(path=path):
                pointer = "/" + "/".join(key.replace("/", "~1") for key in path)
                self.assertIn(pointer, chart.refusal(values) or "taken")


if __name__ == "__main__":
    unittest.main()
