//! Chosen nodes, and pullscope itself on them.

use super::{
    Row,
    panel::{LINES, NONE_WANTED, NUMBER, PLAIN, Panel, Query, STACK},
};

/// The fleet's graphs again, node by node.
pub const NODE: Row = Row {
    title: "Nodes: $instance",
    panels: &[
        Panel {
            title: "Pulls per minute, by node",
            description: "Pulls that ended.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (instance) (rate(pullscope_image_pull_duration_seconds_count{instance=~"$instance",registry=~"$registry",runtime=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{instance}}",
            }],
            ..STACK
        },
        Panel {
            title: "Failed pulls, by node and reason",
            description: "killed, canceled and no_space are the doing of the node or of who asked; the other reasons are the \
                          registry's or the network's.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (instance, reason) (rate(pullscope_image_pull_errors_total{instance=~"$instance",registry=~"$registry",runtime=~"$runtime"}[$window])) > 0"#,
                legend: "{{instance}} {{reason}}",
            }],
            ..STACK
        },
        Panel {
            title: "p90 duration of pulls, by node",
            description: "Good pulls that were not on the disk already. One node above the others: its network or its disk.",
            unit: "s",
            queries: &[Query {
                expr: r#"histogram_quantile(0.9, sum by (instance, le) (rate(pullscope_image_pull_duration_seconds_bucket{instance=~"$instance",registry=~"$registry",runtime=~"$runtime",status="ok",on_disk!="true"}[$window])))"#,
                legend: "{{instance}}",
            }],
            ..LINES
        },
        Panel {
            title: "Pulls in flight, by node",
            description: "`pullscope pulls` on the node names them.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum by (instance, runtime) (pullscope_image_pulls_in_flight{instance=~"$instance",registry=~"$registry",runtime=~"$runtime"})"#,
                legend: "{{instance}} {{runtime}}",
            }],
            ..STACK
        },
        Panel {
            title: "Network, by node",
            description: "What passes between watched programs and registries, TLS and heads included. It also moves where nothing \
                          can be read.",
            unit: "Bps",
            queries: &[Query {
                expr: r#"sum by (instance, direction) (rate(pullscope_network_bytes_total{instance=~"$instance",registry=~"$registry",process=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{instance}} {{direction}}",
            }],
            ..LINES
        },
        Panel {
            title: "Creation of sandboxes, p90 by node",
            description: "How long RunPodSandbox took where it went well.",
            unit: "s",
            queries: &[Query {
                expr: r#"histogram_quantile(0.9, sum by (instance, handler, le) (rate(pullscope_sandbox_create_duration_seconds_bucket{instance=~"$instance",runtime=~"$runtime",status="ok"}[$window])))"#,
                legend: "{{instance}} {{handler}}",
            }],
            ..LINES
        },
    ],
};

/// What watching costs.
pub const COLLECTOR: Row = Row {
    title: "pullscope itself: cost ($instance)",
    panels: &[
        Panel {
            title: "Programs watched",
            description: "Processes of configured targets that run now.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum(pullscope_processes_watched{instance=~"$instance"})"#,
                legend: "processes",
            }],
            thresholds: PLAIN,
            ..NUMBER
        },
        Panel {
            title: "Programs not attached",
            description: "Kernel programs that the nodes' strategies need and that are not attached. The start page of pullscope says \
                          why.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum(1 - pullscope_probe_attached{instance=~"$instance"})"#,
                legend: "not attached",
            }],
            thresholds: NONE_WANTED,
            ..NUMBER
        },
        Panel {
            title: "Events lost",
            description: "Between kernel and collector, in the time shown.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum(increase(pullscope_kernel_events_lost_total{instance=~"$instance",reason!~"go_connection|tls_unjoined|tls_unread"}[$__range]))"#,
                legend: "lost",
            }],
            thresholds: NONE_WANTED,
            ..NUMBER
        },
        Panel {
            title: "Observations without a series",
            description: "There were too many registries or series, in the time shown.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum(increase(pullscope_series_dropped_total{instance=~"$instance"}[$__range]))"#,
                legend: "dropped",
            }],
            thresholds: NONE_WANTED,
            ..NUMBER
        },
        Panel {
            title: "TLS of programs probed",
            description: "Program and library files whose TLS functions are probed.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum(pullscope_binaries_instrumented{instance=~"$instance"})"#,
                legend: "files",
            }],
            thresholds: PLAIN,
            ..NUMBER
        },
        Panel {
            title: "TLS of programs refused",
            description: "Files that got no probes, or not all, since their collector began. `pullscope check` on the node says more.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum(pullscope_binaries_refused_total{instance=~"$instance"})"#,
                legend: "files",
            }],
            thresholds: PLAIN,
            ..NUMBER
        },
        Panel {
            title: "CPU of the collector",
            description: "Cores. What the kernel programs take is charged to the programs that they watch: see there.",
            unit: "short",
            queries: &[Query {
                expr: r#"rate(process_cpu_seconds_total{instance=~"$instance",job=~".*pullscope.*"}[$__rate_interval])"#,
                legend: "{{instance}}",
            }],
            ..LINES
        },
        Panel {
            title: "Memory of the collector",
            description: "Resident. The maps in the kernel are not in it.",
            unit: "bytes",
            queries: &[Query {
                expr: r#"process_resident_memory_bytes{instance=~"$instance",job=~".*pullscope.*"}"#,
                legend: "{{instance}}",
            }],
            ..LINES
        },
        Panel {
            title: "Events read",
            description: "What the collector's work grows with: a few for each request, however large its body.",
            unit: "suffix: /s",
            queries: &[Query {
                expr: r#"sum by (type) (rate(pullscope_kernel_events_total{instance=~"$instance"}[$__rate_interval]))"#,
                legend: "{{type}}",
            }],
            ..STACK
        },
        Panel {
            title: "CPU of the kernel programs",
            description: "Cores, by program. Only with --bpf-stats, which itself costs time.",
            unit: "short",
            queries: &[Query {
                expr: r#"topk(10, sum by (probe) (rate(pullscope_probe_run_seconds_total{instance=~"$instance"}[$__rate_interval])))"#,
                legend: "{{probe}}",
            }],
            ..STACK
        },
    ],
};

/// What it could not do.
pub const LOSS: Row = Row {
    title: "pullscope itself: loss ($instance)",
    panels: &[
        Panel {
            title: "Events lost",
            description: "By reason. ring_full and the tables that are full have a setting; go_connection, tls_unjoined and tls_unread \
                          are programs that cannot be read.",
            unit: "suffix: /s",
            queries: &[Query {
                expr: r#"sum by (instance, reason) (rate(pullscope_kernel_events_lost_total{instance=~"$instance"}[$__rate_interval])) > 0"#,
                legend: "{{instance}} {{reason}}",
            }],
            ..STACK
        },
        Panel {
            title: "Not understood",
            description: "Messages that could not be made into exchanges, by reason. Some are always there: connections that were open \
                          before pullscope began.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (reason) (rate(pullscope_exchanges_unattributed_total{instance=~"$instance"}[$__rate_interval])) > 0"#,
                legend: "{{reason}}",
            }],
            ..STACK
        },
        Panel {
            title: "Room in kernel maps",
            description: "How full the fullest maps are. At 100% things get lost.",
            unit: "percentunit",
            queries: &[Query {
                expr: r#"topk(10, max by (instance, map) (pullscope_map_entries{instance=~"$instance"} / pullscope_map_max_entries{instance=~"$instance"}))"#,
                legend: "{{instance}} {{map}}",
            }],
            ..LINES
        },
        Panel {
            title: "Gauges put right, observations and changes dropped",
            description: "0 in normal work. Gauges are put right where an end was not seen.",
            unit: "suffix: /min",
            queries: &[
                Query {
                    expr: r#"60 * sum by (gauge) (rate(pullscope_corrections_total{instance=~"$instance"}[$__rate_interval])) > 0"#,
                    legend: "corrected {{gauge}}",
                },
                Query {
                    expr: r#"60 * sum by (metric) (rate(pullscope_series_dropped_total{instance=~"$instance"}[$__rate_interval])) > 0"#,
                    legend: "no series for {{metric}}",
                },
                Query {
                    expr: r#"60 * sum by (reason) (rate(pullscope_pull_log_dropped_total{instance=~"$instance"}[$__rate_interval])) > 0"#,
                    legend: "pull log: {{reason}}",
                },
            ],
            ..STACK
        },
    ],
};
