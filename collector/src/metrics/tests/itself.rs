//! What pullscope says of itself.

use super::*;

#[test]
fn build_info_has_one_series_whatever_the_strategy() {
    let metrics = metrics(1);
    metrics.itself.strategy(AttachedStrategy::Sock);
    metrics.itself.strategy(AttachedStrategy::Syscall);
    let text = text(&metrics);
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("pullscope_build_info{")).collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(r#"kernel_strategy="syscall""#) && lines[0].ends_with(" 1"), "{lines:?}");
}

#[test]
fn totals_counted_elsewhere_only_rise() {
    let metrics = metrics(1);
    for total in [3, 5, 4] {
        metrics.itself.kernel_losses(Counter::UserMemory, total);
        metrics.itself.probe_cost(Probe("p"), total, total * 1_000_000_000);
    }
    assert_eq!(value(&metrics, r#"pullscope_kernel_events_lost_total{reason="user_memory"}"#), Some(5.0));
    assert_eq!(value(&metrics, r#"pullscope_probe_runs_total{probe="p"}"#), Some(5.0));
    assert_eq!(value(&metrics, r#"pullscope_probe_run_seconds_total{probe="p"}"#), Some(5.0));
}

#[test]
fn the_exporter_says_what_it_uses_itself() {
    let metrics = metrics(1);
    assert!(value(&metrics, "process_resident_memory_bytes").unwrap() > 100_000.0);
    // Field 22 of proc_pid_stat(5) in hundredths of a second after the boot, which /proc/stat has in epoch seconds.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: f64 = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap();
    let boot = std::fs::read_to_string("/proc/stat").unwrap();
    let boot: f64 = boot.lines().find_map(|line| line.strip_prefix("btime ")).unwrap().parse().unwrap();
    let started = value(&metrics, "process_start_time_seconds").unwrap();
    assert!(
        (started - boot - ticks / 100.0).abs() < 1.5,
        "{started}: the clock may have been set between the two"
    );
    assert!(value(&metrics, "process_open_fds").unwrap() >= 3.0);
    assert!(value(&metrics, "process_cpu_seconds_total").is_some());
}
