//! A screenful of what pullscope sees.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::metrics::Metrics;

/// What the demo's client did by its own account: pullscope's figures stand beside it.
#[derive(Clone, Copy, Default)]
pub struct Pulls {
    /// Pulls begun.
    pub started: u32,
    /// Pulls that ended well.
    pub ok: u32,
    /// Pulls of a tag that is not there, refused as meant.
    pub missing: u32,
}

/// The lines of the summary.
pub fn lines(metrics: &Metrics, pulls: Pulls, elapsed: Duration) -> Vec<String> {
    let mut lines = vec![format!(
        "after {} s    skopeo itself says: {} pulled, {} refused (no such tag)",
        elapsed.as_secs(),
        pulls.ok,
        pulls.missing
    )];
    for [process, registry] in
        metrics.by("pullscope_registry_requests_total", &[], ["process", "registry"]).into_keys()
    {
        lines.push(format!("{process} from {registry}"));
        client(&mut lines, metrics, &[("process", process), ("registry", registry)]);
    }
    for [process] in metrics.by("pullscope_served_requests_total", &[], ["process"]).into_keys() {
        lines.push(format!("{process} serves"));
        let served = metrics.by("pullscope_served_requests_total", &[("process", process)], ["kind", "code"]);
        row(&mut lines, "requests", &counts(served));
        let bytes = metrics.sum("pullscope_served_bytes_total", &[("process", process)]);
        row(&mut lines, "body bytes", &size(bytes));
    }
    lines.push("pullscope itself".to_owned());
    let events = metrics.sum("pullscope_kernel_events_total", &[]);
    let lost = metrics.sum("pullscope_kernel_events_lost_total", &[]);
    row(&mut lines, "events", &format!("{events} from the kernel, {lost} lost"));
    let memory = metrics.sum("process_resident_memory_bytes", &[]);
    let cpu = metrics.sum("process_cpu_seconds_total", &[]);
    row(&mut lines, "cost", &format!("{}, {cpu:.2} s of CPU", size(memory)));
    lines
}

fn client(lines: &mut Vec<String>, metrics: &Metrics, labels: &[(&str, &str)]) {
    let requests = metrics.by("pullscope_registry_requests_total", labels, ["kind", "code"]);
    row(lines, "requests", &counts(requests));
    row(lines, "downloads", &counts(metrics.by("pullscope_downloads_total", labels, ["kind", "status"])));
    row(lines, "body bytes", &size(metrics.sum("pullscope_registry_response_bytes_total", labels)));
    let blobs = [labels, &[("kind", "blob")]].concat();
    if let Some(mean) = metrics.mean("pullscope_registry_request_duration_seconds", &blobs) {
        let mut text = format!("{:.1} ms a blob", mean * 1e3);
        if let Some(first) = metrics.mean("pullscope_registry_time_to_first_byte_seconds", &blobs) {
            // Writing to a string does not fail.
            let _ = write!(text, ", first byte after {:.1} ms", first * 1e3);
        }
        row(lines, "mean time", &text);
    }
    row(lines, "in flight", &metrics.sum("pullscope_registry_requests_in_flight", labels).to_string());
}

fn row(lines: &mut Vec<String>, name: &str, text: &str) {
    lines.push(format!("    {name:<11} {text}"));
}

/// `blob 200: 36, manifest 404: 2`; `none` when there is nothing.
fn counts(groups: BTreeMap<[&str; 2], f64>) -> String {
    let words: Vec<_> =
        groups.into_iter().map(|([one, other], sum)| format!("{one} {other}: {sum}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn size(bytes: f64) -> String {
    let mut value = bytes;
    for unit in ["B", "KiB", "MiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{value} {unit}") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_holds_clients_servers_and_pullscope() {
        let metrics = Metrics::parse(concat!(
            "pullscope_registry_requests_total{process=\"skopeo\",registry=\"[IP_ADDRESS]\",kind=\"manifest\",method=\"GET\",code=\"404\"} 1\n",
            "pullscope_registry_requests_total{process=\"skopeo\",registry=\"[IP_ADDRESS]\",kind=\"blob\",method=\"GET\",code=\"200\"} 12\n",
            "pullscope_registry_requests_total{process=\"podman\",registry=\"[IP_ADDRESS]\",kind=\"blob\",method=\"GET\",code=\"200\"} 0\n",
            "pullscope_downloads_total{process=\"skopeo\",registry=\"[IP_ADDRESS]\",kind=\"blob\",status=\"ok\"} 12\n",
            "pullscope_registry_response_bytes_total{process=\"skopeo\",registry=\"[IP_ADDRESS]\",kind=\"blob\"} 1572864\n",
            "pullscope_registry_request_duration_seconds_sum{process=\"skopeo\",registry=\"[IP_ADDRESS]\",kind=\"blob\"} 0.06\n",
            "pullscope_registry_request_duration_seconds_count{process=\"skopeo\",registry=\"[IP_ADDRESS]\",kind=\"blob\"} 12\n",
            "pullscope_served_requests_total{process=\"docker-registry\",kind=\"blob\",method=\"GET\",code=\"200\"} 12\n",
            "pullscope_kernel_events_total{type=\"data\"} 99\n",
        ));
        let lines = lines(&metrics, Pulls { started: 6, ok: 4, missing: 1 }, Duration::from_secs(15));
        let text = lines.join("\n");
        for line in [
            "after 15 s    skopeo itself says: 4 pulled, 1 refused (no such tag)",
            "skopeo from [IP_ADDRESS]",
            "    requests    blob 200: 12, manifest 404: 1",
            "    downloads   blob ok: 12",
            "    body bytes  1.5 MiB",
            "    mean time   5.0 ms a blob",
            "docker-registry serves",
            "    events      99 from the kernel, 0 lost",
        ] {
            assert!(text.lines().any(|present| present == line), "{line}\nis not in\n{text}");
        }
        assert!(!text.contains("podman"), "what did nothing is not shown");
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(size(12.0), "12 B");
        assert_eq!(size(1536.0), "1.5 KiB");
        assert_eq!(size(3.0 * 1024.0 * 1024.0 * 1024.0), "3.0 GiB");
    }
}
