use std::collections::BTreeSet;

use clap::CommandFactory;

use super::*;
use crate::metrics::table;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// One rule for the names of a setting: flag, variable, key.
#[test]
fn variables_are_named_after_flags() {
    let command = Cli::command();
    let settings = command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"));
    let mut checked = 0;
    for arg in settings {
        let flag = arg.get_long().unwrap();
        let variable = format!("PULLSCOPE_{}", flag.replace(['.', '-'], "_").to_uppercase());
        assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(variable.as_str()), "{flag}");
        assert!(arg.get_help().is_some(), "{flag}");
        checked += 1;
    }
    assert_eq!(checked, 14);
}

#[test]
fn run_check_and_no_subcommand_take_the_same_settings() {
    let command = Cli::command();
    let flags = |command: &clap::Command| -> BTreeSet<String> {
        command
            .get_arguments()
            .filter(|arg| arg.get_env().is_some())
            .map(|arg| arg.get_id().to_string())
            .collect()
    };
    for name in ["run", "check"] {
        assert_eq!(flags(command.find_subcommand(name).unwrap()), flags(&command), "{name}");
    }
}

#[test]
fn every_setting_stands_in_its_documentation() {
    let page = include_str!("../../../docs/configuration.md");
    for arg in Cli::command().get_arguments().filter(|arg| arg.get_env().is_some()) {
        let flag = arg.get_long().unwrap();
        let variable = arg.get_env().unwrap().to_str().unwrap();
        assert!(page.contains(&format!("`--{flag}`")), "--{flag}");
        assert!(page.contains(&format!("`{variable}`")), "{variable}");
        if flag != "config.file" {
            let key = flag.replace('-', "_");
            assert!(page.contains(&format!("`{key}`")), "{key}");
        }
    }
    for (name, ..) in crate::targets::defaults::TABLE {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_reference_of_the_metrics_is_fresh() {
    let page = include_str!("../../../docs/metrics.md");
    assert!(page == explain::markdown(), "docs/metrics.md is stale: write it by `cargo xtask docs`");
}

#[test]
fn explain_says_all_that_the_table_holds() {
    let text = explain::metric("pullscope_connect_duration_seconds").unwrap();
    assert_eq!(text, explain::metric("connect_duration_seconds").unwrap());
    assert!(text.starts_with("pullscope_connect_duration_seconds\n  histogram, in seconds\n"), "{text}");
    for part in
        ["Time from a TCP connect", "Observed with", "result\n      ok, error\n", "Buckets\n  0.0005 0.001 "]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let list = explain::list();
    assert!(table::all().all(|metric| list.contains(&metric.full_name())));
}

#[test]
fn an_unknown_metric_is_told_with_what_is_near() {
    let failure = explain::metric("pullscope_downloads").unwrap_err();
    assert_eq!(failure.status(), exit::USAGE);
    assert!(
        failure.mend().contains("pullscope_downloads_total, pullscope_served_downloads_total"),
        "{failure}"
    );
    assert_eq!(explain::metric("x").unwrap_err().mend(), "`pullscope explain` lists all.");
}
