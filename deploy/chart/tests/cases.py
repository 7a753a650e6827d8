"""The values that are tried: every option on and off, and those that have to do with each other together."""

PEERS = [
    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}},
    {"ipBlock": {"cidr": "10.0.0.0/8"}},
]

# Strings that a careless template would write wrongly.
TARGETS = [
    {"name": "puller", "comm": "python3", "argv": r"puller/main\.py", "role": "client"},
    {"name": "quotes", "comm": "a\"b'c", "argv": 'say "yes" \\d+ <b> & \\{\\{ .Values }} \u00fc\u2028\t\a#'},
    {"name": "lines", "comm": "- #: 1", "argv": "one\ntwo\n[web]\n"},
    {"name": "8", "comm": "1"},
]

RECIPE = """
[[recipe]]
name = "agent"
comm = "agent"
role = "both"
"""

CONFIG = {
    "max_registries": 17,
    "default_targets": False,
    "kernel": {"strategy": "syscall", "ring_buffer_bytes": 1073741824, "max_connections": 1048576},
    "tls": {"go": "off", "openssl": "off"},
    "pulls": {"remember": 0},
    "log": {"level": "debug", "format": "json"},
    "targets": TARGETS,
    "recipes": RECIPE,
}

# What each case adds to or takes from the kinds that are always there.
ALWAYS = {"ConfigMap", "DaemonSet", "NetworkPolicy", "ServiceAccount"}

# Name of the case: values, and the kinds of its objects.
CASES = {
    "defaults": ({}, ALWAYS),
    "unprivileged": ({"privileged": False}, ALWAYS),
    "unprivileged, each profile": (
        {
            "privileged": False,
            "capabilities": ["BPF", "PERFMON", "SYS_ADMIN"],
            "config": {"bpf_stats": True},
            "seccompProfile": {"type": "RuntimeDefault"},
            "appArmorProfile": {"type": "Localhost", "localhostProfile": "pullscope"},
            "seLinuxOptions": {"type": "spc_t", "level": "s0"},
        },
        ALWAYS,
    ),
    "config": ({"config": CONFIG}, ALWAYS),
    "config of floats": (
        {"config": {"max_registries": 100.0, "kernel": {"ring_buffer_bytes": 1e0 * 2**26}}},
        ALWAYS,
    ),
    "recipes by name": ({"config": {"use_recipes": ["kraken-agent", "queue-pool"]}}, ALWAYS),
    "bpf_stats": ({"config": {"bpf_stats": True}}, ALWAYS),
    "image by digest": (
        {"image": {"repository": "example.org:5000/a/b", "digest": "sha256:" + "0f" * 32}},
        ALWAYS,
    ),
    "image by tag": (
        {"image": {"tag": "1.2.3-x", "pullPolicy": "Always"}, "imagePullSecrets": [{"name": "one"}]},
        ALWAYS,
    ),
    "other name": ({"fullnameOverride": "watcher"}, ALWAYS),
    "host network": ({"hostNetwork": True, "port": 9000}, ALWAYS - {"NetworkPolicy"}),
    "other account": ({"serviceAccount": {"create": False, "name": "own"}}, ALWAYS - {"ServiceAccount"}),
    "no account": ({"serviceAccount": {"create": False}}, ALWAYS - {"ServiceAccount"}),
    "account": ({"serviceAccount": {"name": "own", "annotations": {"example.org/role": "none"}}}, ALWAYS),
    "one toleration": (
        {
            "tolerations": [
                {"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5}
            ]
        },
        ALWAYS,
    ),
    "no tolerations": ({"tolerations": []}, ALWAYS),
    "placed": (
        {
            "nodeSelector": {"kubernetes.io/os": "linux", "pool": "builders"},
            "priorityClassName": "system-node-critical",
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "pool", "operator": "Exists"}]}]
                    }
                }
            },
        },
        ALWAYS,
    ),
    "metadata": ({"podAnnotations": {"example.org/a": "1"}, "podLabels": {"team": "nodes"}}, ALWAYS),
    "resources": (
        {
            "resources": {
                "requests": {"cpu": 1, "memory": "1.5Gi"},
                "limits": {"cpu": "200m", "memory": "1Gi"},
            }
        },
        ALWAYS,
    ),
    "update on delete": ({"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}, ALWAYS),
    "update one by one": ({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}}}, ALWAYS),
    "no network policy": ({"networkPolicy": {"enabled": False}}, ALWAYS - {"NetworkPolicy"}),
    "network policy": ({"networkPolicy": {"from": PEERS}}, ALWAYS),
    "pod monitor": (
        {
            "podMonitor": {
                "enabled": True,
                "labels": {"release": "prometheus"},
                "interval": "30s",
                "scrapeTimeout": "10s",
            }
        },
        ALWAYS | {"PodMonitor"},
    ),
    "service monitor": (
        {
            "serviceMonitor": {
                "enabled": True,
                "labels": {"release": "prometheus"},
                "interval": "1m30s",
                "scrapeTimeout": "10s",
            }
        },
        ALWAYS | {"Service", "ServiceMonitor"},
    ),
    "monitors without options": (
        {"serviceMonitor": {"enabled": True}},
        ALWAYS | {"Service", "ServiceMonitor"},
    ),
    "rules": ({"prometheusRule": {"enabled": True}}, ALWAYS | {"PrometheusRule"}),
    "rules elsewhere": (
        {"prometheusRule": {"enabled": True, "labels": {"role": "alerts"}, "namespace": "monitoring"}},
        ALWAYS | {"PrometheusRule"},
    ),
    "runbook elsewhere": (
        {"prometheusRule": {"enabled": True, "runbookUrl": "https://example.org/a?page=runbook"}},
        ALWAYS | {"PrometheusRule"},
    ),
    "dashboard": ({"dashboard": {"enabled": True}}, ALWAYS),
    "dashboard elsewhere": (
        {
            "dashboard": {
                "enabled": True,
                "labels": {"x": "1"},
                "annotations": {"folder": "Nodes"},
                "namespace": "grafana",
            }
        },
        ALWAYS,
    ),
    "everything": (
        {
            "privileged": False,
            "hostNetwork": True,
            "config": CONFIG,
            "podMonitor": {"enabled": True},
            "prometheusRule": {"enabled": True},
            "dashboard": {"enabled": True},
        },
        (ALWAYS - {"NetworkPolicy"}) | {"PodMonitor", "PrometheusRule"},
    ),
    "as a part of another chart": ({"global": {"anything": 1}}, ALWAYS),
}
