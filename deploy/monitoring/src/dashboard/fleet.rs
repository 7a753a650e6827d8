//! Pulls and registries, over all nodes.

use super::{
    Row,
    panel::{FAILURES, LINES, NUMBER, OUTCOMES, PLAIN, Panel, QUANTILES, Query, STACK, Shape, VISIBILITIES},
};

/// What operators ask first: are images pulled, do pulls fail, how long do they take.
pub const PULLS: Row = Row {
    title: "Fleet: image pulls",
    panels: &[
        Panel {
            title: "Nodes",
            description: "Nodes whose pullscope answers.",
            unit: "short",
            queries: &[Query { expr: "count(pullscope_build_info)", legend: "nodes" }],
            thresholds: PLAIN,
            ..NUMBER
        },
        Panel {
            title: "Pulls",
            description: "Image pulls that ended in the time shown, whoever did them. The first pull of its kind on a node \
                          is not in it: Prometheus counts from the second value of a series. The table below has it.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum(increase(pullscope_image_pull_duration_seconds_count{registry=~"$registry",runtime=~"$runtime"}[$__range]))"#,
                legend: "pulls",
            }],
            thresholds: PLAIN,
            ..NUMBER
        },
        Panel {
            title: "Failed",
            description: "Share of the pulls in the time shown that failed, for whatever reason.",
            unit: "percentunit",
            queries: &[Query {
                expr: r#"(sum(increase(pullscope_image_pull_duration_seconds_count{registry=~"$registry",runtime=~"$runtime",status="error"}[$__range])) or vector(0)) / (sum(increase(pullscope_image_pull_duration_seconds_count{registry=~"$registry",runtime=~"$runtime"}[$__range])) > 0)"#,
                legend: "failed",
            }],
            thresholds: FAILURES,
            ..NUMBER
        },
        Panel {
            title: "p90 duration",
            description: "Nine of ten good pulls in the time shown took no longer.",
            unit: "s",
            queries: &[Query {
                expr: r#"histogram_quantile(0.9, sum by (le) (increase(pullscope_image_pull_duration_seconds_bucket{registry=~"$registry",runtime=~"$runtime",status="ok"}[$__range])))"#,
                legend: "p90",
            }],
            thresholds: PLAIN,
            ..NUMBER
        },
        Panel {
            title: "In flight",
            description: "Pulls going on now.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum(pullscope_image_pulls_in_flight{registry=~"$registry",runtime=~"$runtime"})"#,
                legend: "in flight",
            }],
            thresholds: PLAIN,
            ..NUMBER
        },
        Panel {
            title: "Received",
            description: "Body bytes that crossed the wire for pulls in the time shown. Layers that were on the disk already \
                          are not in it.",
            unit: "bytes",
            queries: &[Query {
                expr: r#"sum(increase(pullscope_image_pull_bytes_total{registry=~"$registry",runtime=~"$runtime"}[$__range]))"#,
                legend: "received",
            }],
            thresholds: PLAIN,
            ..NUMBER
        },
        Panel {
            title: "Pulls per minute",
            description: "Pulls that ended, by how. Unknown: the end could not be seen.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (status) (rate(pullscope_image_pull_duration_seconds_count{registry=~"$registry",runtime=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{status}}",
            }],
            colours: OUTCOMES,
            ..STACK
        },
        Panel {
            title: "Failed pulls, by registry and reason",
            description: "Share of a registry's pulls that failed for a reason. The dashed lines are 5% and 20%.",
            unit: "percentunit",
            queries: &[Query {
                expr: r#"sum by (registry, reason) (rate(pullscope_image_pull_errors_total{registry=~"$registry",runtime=~"$runtime"}[$window])) / on (registry) group_left () (sum by (registry) (rate(pullscope_image_pull_duration_seconds_count{registry=~"$registry",runtime=~"$runtime"}[$window])) > 0) > 0"#,
                legend: "{{registry}} {{reason}}",
            }],
            thresholds: FAILURES,
            ..LINES
        },
        Panel {
            title: "Duration of pulls",
            description: "Good pulls, from the first sign of a pull to its end. Images that were there already are in it: they \
                          take milliseconds.",
            unit: "s",
            queries: &[
                Query {
                    expr: r#"histogram_quantile(0.5, sum by (le) (rate(pullscope_image_pull_duration_seconds_bucket{registry=~"$registry",runtime=~"$runtime",status="ok"}[$window])))"#,
                    legend: "p50",
                },
                Query {
                    expr: r#"histogram_quantile(0.9, sum by (le) (rate(pullscope_image_pull_duration_seconds_bucket{registry=~"$registry",runtime=~"$runtime",status="ok"}[$window])))"#,
                    legend: "p90",
                },
                Query {
                    expr: r#"histogram_quantile(0.99, sum by (le) (rate(pullscope_image_pull_duration_seconds_bucket{registry=~"$registry",runtime=~"$runtime",status="ok"}[$window])))"#,
                    legend: "p99",
                },
            ],
            colours: QUANTILES,
            ..LINES
        },
        Panel {
            title: "p90 duration of downloads, by registry",
            description: "Good pulls that were not on the disk already: what a registry and the way to it cost.",
            unit: "s",
            queries: &[Query {
                expr: r#"histogram_quantile(0.9, sum by (registry, le) (rate(pullscope_image_pull_duration_seconds_bucket{registry=~"$registry",runtime=~"$runtime",status="ok",on_disk!="true"}[$window])))"#,
                legend: "{{registry}}",
            }],
            ..LINES
        },
        Panel {
            title: "Received for pulls",
            description: "Body bytes per second, by registry.",
            unit: "Bps",
            queries: &[Query {
                expr: r#"sum by (registry) (rate(pullscope_image_pull_bytes_total{registry=~"$registry",runtime=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{registry}}",
            }],
            ..STACK
        },
        Panel {
            title: "Pulls in flight",
            description: "Pulls that have begun and not ended. A level that does not move is a pull that is stuck.",
            unit: "short",
            queries: &[Query {
                expr: r#"sum by (runtime, registry) (pullscope_image_pulls_in_flight{registry=~"$registry",runtime=~"$runtime"})"#,
                legend: "{{runtime}} from {{registry}}",
            }],
            ..STACK
        },
        Panel {
            title: "Pulls since pullscope began",
            description: "All pulls that the running collectors have seen end, the first of each kind included.",
            shape: Shape::Table,
            unit: "short",
            queries: &[Query {
                expr: r#"sum by (runtime, registry, status, trigger) (pullscope_image_pull_duration_seconds_count{registry=~"$registry",runtime=~"$runtime"})"#,
                legend: "",
            }],
            ..LINES
        },
        Panel {
            title: "Pulls by what they are for",
            description: "execution: the image is to be run now, and somebody waits. warmup: it is to be there. unknown: there is no \
                          evidence.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (trigger) (rate(pullscope_image_pull_duration_seconds_count{registry=~"$registry",runtime=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{trigger}}",
            }],
            ..STACK
        },
    ],
};

/// What lies below pulls.
pub const REGISTRIES: Row = Row {
    title: "Fleet: registries",
    panels: &[
        Panel {
            title: "Time to first byte",
            description: "From the first byte of a request for a manifest or blob to that of its answer. Long here and short in \
                          the rest of the answer: the registry is slow; the other way round: the way to it.",
            unit: "s",
            queries: &[
                Query {
                    expr: r#"histogram_quantile(0.5, sum by (le) (rate(pullscope_registry_time_to_first_byte_seconds_bucket{registry=~"$registry",process=~"$runtime",kind=~"manifest|blob"}[$window])))"#,
                    legend: "p50",
                },
                Query {
                    expr: r#"histogram_quantile(0.9, sum by (le) (rate(pullscope_registry_time_to_first_byte_seconds_bucket{registry=~"$registry",process=~"$runtime",kind=~"manifest|blob"}[$window])))"#,
                    legend: "p90",
                },
                Query {
                    expr: r#"histogram_quantile(0.99, sum by (le) (rate(pullscope_registry_time_to_first_byte_seconds_bucket{registry=~"$registry",process=~"$runtime",kind=~"manifest|blob"}[$window])))"#,
                    legend: "p99",
                },
            ],
            colours: QUANTILES,
            ..LINES
        },
        Panel {
            title: "p90 time to first byte, by registry",
            description: "The same, registry by registry.",
            unit: "s",
            queries: &[Query {
                expr: r#"histogram_quantile(0.9, sum by (registry, le) (rate(pullscope_registry_time_to_first_byte_seconds_bucket{registry=~"$registry",process=~"$runtime",kind=~"manifest|blob"}[$window])))"#,
                legend: "{{registry}}",
            }],
            ..LINES
        },
        Panel {
            title: "Requests, by answer",
            description: "Requests to registries by status code. 401 is usual: it is how a registry asks for a token. none: no \
                          answer came.",
            unit: "reqps",
            queries: &[Query {
                expr: r#"sum by (code) (rate(pullscope_registry_requests_total{registry=~"$registry",process=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{code}}",
            }],
            ..STACK
        },
        Panel {
            title: "Failed downloads",
            description: "Manifests and blobs whose download failed: an error code at the end of the way, or a body that broke \
                          off.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (registry, kind) (rate(pullscope_downloads_total{registry=~"$registry",process=~"$runtime",status="error"}[$__rate_interval]))"#,
                legend: "{{registry}} {{kind}}",
            }],
            ..STACK
        },
        Panel {
            title: "Failed connects",
            description: "TCP connects that came to nothing. canceled: the client gave up first, which is how its own time limit \
                          looks. The registry is known where the client looked up the name itself.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (registry, result) (rate(pullscope_connects_total{registry=~"$registry",process=~"$runtime",result!="ok"}[$__rate_interval]))"#,
                legend: "{{registry}} {{result}}",
            }],
            ..STACK
        },
        Panel {
            title: "p90 of connect, TLS handshake and name lookup",
            description: "What comes before a request. A connect is one round trip, and 1 s or more where its first segment was \
                          lost.",
            unit: "s",
            queries: &[
                Query {
                    expr: r#"histogram_quantile(0.9, sum by (le) (rate(pullscope_connect_duration_seconds_bucket{registry=~"$registry",process=~"$runtime",result="ok"}[$window])))"#,
                    legend: "connect",
                },
                Query {
                    expr: r#"histogram_quantile(0.9, sum by (le) (rate(pullscope_tls_handshake_duration_seconds_bucket{registry=~"$registry",process=~"$runtime"}[$window])))"#,
                    legend: "TLS handshake",
                },
                Query {
                    expr: r#"histogram_quantile(0.9, sum by (le) (rate(pullscope_dns_lookup_duration_seconds_bucket{process=~"$runtime"}[$window])))"#,
                    legend: "name lookup",
                },
            ],
            ..LINES
        },
        Panel {
            title: "Failed name lookups",
            description: "DNS queries of the watched programs that were not answered well. Lookups through a daemon of the node \
                          are not seen.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (process, result) (rate(pullscope_dns_lookup_duration_seconds_count{process=~"$runtime",result!="ok"}[$__rate_interval]))"#,
                legend: "{{process}} {{result}}",
            }],
            ..STACK
        },
        Panel {
            title: "Connections, by what can be read of them",
            description: "tls_opaque: only the server's name, bytes and times are known; requests of these are in no graph here. \
                          Pulls through an API are.",
            unit: "suffix: /min",
            queries: &[Query {
                expr: r#"60 * sum by (visibility) (rate(pullscope_connections_by_visibility_total{process=~"$runtime"}[$__rate_interval]))"#,
                legend: "{{visibility}}",
            }],
            colours: VISIBILITIES,
            ..STACK
        },
    ],
};
