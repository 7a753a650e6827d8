//! Agents, sandboxes and queue consumers, over all nodes.

use super::{
    Row,
    panel::{LINES, OUTCOMES, Panel, QUANTILES, Query, STACK},
};

/// Mirrors, proxies and peer-to-peer agents, from the side that answers.
pub const AGENTS: Row = Row {
    title: "Fleet: agents, mirrors and proxies",
    panels: &[
        Panel {
            title: "Downloads served",
            description: "Manifests and blobs that agents served to their end.",
            unit: "suffix: /s",
            queries: &[Query {
                expr: r#"sum by (process, kind) (rate(pullscope_served_downloads_total{process=~"$runtime",status="ok"}[$__rate_interval]))"#,
                legend: "{{process}} {{kind}}",
            }],
            ..STACK
        },
        Panel {
            title: "Bytes served",
            description: "Body bytes that agents sent.",
            unit: "Bps",
            queries: &[Query {
                expr: r#"sum by (process) (rate(pullscope_served_bytes_total{process=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{process}}",
            }],
            ..STACK
        },
        Panel {
            title: "Cache hits of blobs",
            description: "Share of the blobs served that the agent had already, of those of which it is known. An agent that sees \
                          each image once hits nothing and is well; watch for a fall.",
            unit: "percentunit",
            queries: &[Query {
                expr: r#"sum by (process) (rate(pullscope_served_cache_total{process=~"$runtime",kind="blob",result="hit"}[$window])) / (sum by (process) (rate(pullscope_served_cache_total{process=~"$runtime",kind="blob",result=~"hit|miss"}[$window])) > 0)"#,
                legend: "{{process}}",
            }],
            ..LINES
        },
        Panel {
            title: "Errors of upstreams",
            description: "Served requests that failed since an upstream of the agent did, by what the upstream did.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (process, reason) (rate(pullscope_proxy_errors_total{process=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{process}} {{reason}}",
            }],
            ..STACK
        },
        Panel {
            title: "p90 duration of served manifests and blobs",
            description: "From the first byte of a request to the last byte of its answer.",
            unit: "s",
            queries: &[Query {
                expr: r#"histogram_quantile(0.9, sum by (process, kind, le) (rate(pullscope_served_request_duration_seconds_bucket{process=~"$runtime",kind=~"manifest|blob"}[$window])))"#,
                legend: "{{process}} {{kind}}",
            }],
            ..LINES
        },
        Panel {
            title: "Failed downloads of clients",
            description: "Manifests and blobs that agents did not serve to their end: an error, or the client hung up.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (process, kind) (rate(pullscope_served_downloads_total{process=~"$runtime",status="error"}[$__rate_interval]))"#,
                legend: "{{process}} {{kind}}",
            }],
            ..STACK
        },
    ],
};

/// What comes after the pull, and goes before it when disks are full.
pub const SANDBOXES: Row = Row {
    title: "Fleet: sandboxes and garbage collection",
    panels: &[
        Panel {
            title: "Creation of pod sandboxes",
            description: "How long RunPodSandbox took where it went well.",
            unit: "s",
            queries: &[
                Query {
                    expr: r#"histogram_quantile(0.5, sum by (le) (rate(pullscope_sandbox_create_duration_seconds_bucket{runtime=~"$runtime",status="ok"}[$window])))"#,
                    legend: "p50",
                },
                Query {
                    expr: r#"histogram_quantile(0.9, sum by (le) (rate(pullscope_sandbox_create_duration_seconds_bucket{runtime=~"$runtime",status="ok"}[$window])))"#,
                    legend: "p90",
                },
                Query {
                    expr: r#"histogram_quantile(0.99, sum by (le) (rate(pullscope_sandbox_create_duration_seconds_bucket{runtime=~"$runtime",status="ok"}[$window])))"#,
                    legend: "p99",
                },
            ],
            colours: QUANTILES,
            ..LINES
        },
        Panel {
            title: "Sandboxes created",
            description: "RunPodSandbox calls, by how they ended.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (status) (rate(pullscope_sandbox_create_duration_seconds_count{runtime=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{status}}",
            }],
            colours: OUTCOMES,
            ..STACK
        },
        Panel {
            title: "Sandboxes rolled back",
            description: "Sandboxes that were given up before a container ran in them. A pod that is deleted early is one; many are \
                          a network that cannot be set up.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (runtime, handler) (rate(pullscope_sandbox_rollbacks_total{runtime=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{runtime}} {{handler}}",
            }],
            ..STACK
        },
        Panel {
            title: "p90 duration of CRI calls",
            description: "The ten slowest calls of runtimes. Calls that stream are left out: they last as long as their stream.",
            unit: "s",
            queries: &[Query {
                expr: r#"topk(10, histogram_quantile(0.9, sum by (operation, le) (rate(pullscope_cri_operation_duration_seconds_bucket{runtime=~"$runtime",operation!="GetContainerEvents"}[$window]))))"#,
                legend: "{{operation}}",
            }],
            ..LINES
        },
        Panel {
            title: "Removed",
            description: "Images, containers and sandboxes that were removed, by whom. Images that kubelet removes are pulled again \
                          by who needs them.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (kind, reason) (rate(pullscope_gc_reclaimed_total{runtime=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{kind}} by {{reason}}",
            }],
            ..STACK
        },
        Panel {
            title: "Garbage collection: failures",
            description: "What kubelet's garbage collection was to remove and could not.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (runtime, kind) (rate(pullscope_gc_errors_total{runtime=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{runtime}} {{kind}}",
            }],
            ..STACK
        },
    ],
};

/// What recipes count.
pub const WORK: Row = Row {
    title: "Fleet: work of queue consumers, and operations (with recipes)",
    panels: &[
        Panel {
            title: "Items done",
            description: "Items that consumers are done with. Empty without a recipe.",
            unit: "suffix: /s",
            queries: &[Query {
                expr: r#"sum by (queue, status) (rate(pullscope_work_total{process=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{queue}} {{status}}",
            }],
            ..STACK
        },
        Panel {
            title: "Items in work",
            description: "Items that consumers have taken and are not done with.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum by (process, queue) (pullscope_work_in_flight{process=~"$runtime"})"#,
                legend: "{{process}} {{queue}}",
            }],
            ..STACK
        },
        Panel {
            title: "p90 duration of items",
            description: "From when a consumer was handed an item to when it was done. Where pullscope_work_basis says estimate, \
                          so is this.",
            unit: "s",
            queries: &[Query {
                expr: r#"histogram_quantile(0.9, sum by (queue, le) (rate(pullscope_work_duration_seconds_bucket{process=~"$runtime"}[$window])))"#,
                legend: "{{queue}}",
            }],
            ..LINES
        },
        Panel {
            title: "p90 duration of operations",
            description: "Of operations that recipes name.",
            unit: "s",
            queries: &[Query {
                expr: r#"histogram_quantile(0.9, sum by (process, operation, le) (rate(pullscope_operation_duration_seconds_bucket{process=~"$runtime"}[$window])))"#,
                legend: "{{process}} {{operation}}",
            }],
            ..LINES
        },
    ],
};
