//! `pullscope explain`: what the metrics mean, from the one table that declares them.

use std::fmt::Write;

use crate::failure::Failure;
use crate::metrics::label::{Label, Values};
use crate::metrics::table::{self, Metric, PREFIX, Type};

/// Width of a line on a terminal.
const WIDTH: usize = 100;

/// Every metric with its help, by section.
pub fn list() -> String {
    let mut text = String::new();
    for section in table::SECTIONS {
        let _ = writeln!(text, "{}\n", section.title);
        for metric in section.metrics {
            let _ = writeln!(text, "  {} ({})", metric.full_name(), metric.r#type.as_str());
            wrap(&mut text, metric.help, "      ");
        }
        text.push('\n');
    }
    text.push_str("`pullscope explain METRIC` says more about one of them.\n");
    text
}

/// All that is known of one metric. Fails for a name that is none, with names that are near.
pub fn metric(name: &str) -> Result<String, Failure> {
    let Some(metric) = table::find(name) else {
        return Err(unknown(name));
    };
    let mut text = format!("{}\n  {}, in {}\n\n", metric.full_name(), metric.r#type.as_str(), metric.unit);
    wrap(&mut text, metric.help, "  ");
    text.push('\n');
    wrap(&mut text, metric.about, "  ");
    if !metric.labels.is_empty() {
        text.push_str("\nLabels\n");
    }
    for label in metric.labels {
        let _ = writeln!(text, "  {}", label.name);
        wrap(&mut text, &values(label), "      ");
    }
    if let Type::Histogram(buckets) = metric.r#type {
        text.push_str("\nBuckets\n");
        wrap(&mut text, &bounds(buckets), "  ");
    }
    Ok(text)
}

fn unknown(name: &str) -> Failure {
    let bare = name.strip_prefix(PREFIX).unwrap_or(name);
    let words: Vec<&str> = bare.split('_').filter(|word| word.len() > 3 && *word != "total").collect();
    let near: Vec<String> = table::all()
        .filter(|metric| words.iter().any(|word| metric.name.contains(word)))
        .map(Metric::full_name)
        .collect();
    let mend = if near.is_empty() {
        "`pullscope explain` lists all.".to_owned()
    } else {
        format!("Near it: {}; `pullscope explain` lists all.", near.join(", "))
    };
    // A name is echoed only as far as a name can be long.
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    Failure::usage(format!("explain {shown}"), "there is no such metric", mend)
}

/// The reference: what `docs/metrics.md` holds.
pub fn markdown() -> String {
    let mut text = String::from(
        "<!-- Made by `cargo xtask docs` from the table in collector/src/metrics/table.rs: do not edit. -->\n\
         # Metrics\n\n\
         All names begin with `pullscope_`, all times are in seconds, all sizes in bytes. Every label is bounded. What cannot \
         be known is `unknown`, or `[UNKNOWN]` for a registry, never a guess. Series whose labels are known from the start \
         exist from the start with the value 0.\n\n\
         Common labels:\n\n\
         - `process`: the name of a configured target (docs/configuration.md).\n\
         - `registry`: the registry's eTLD+1 by the public suffix list, such as `docker.io`; `[IP_ADDRESS]` for an IP \
         literal, `[UNKNOWN]` for a name without an eTLD+1, `[OTHER]` past `--max-registries` different values.\n",
    );
    for section in table::SECTIONS {
        let _ = write!(text, "\n## {}\n\n{}\n\n", section.title, section.about);
        text.push_str("| metric | type | labels |\n| --- | --- | --- |\n");
        for metric in section.metrics {
            let labels: Vec<&str> = metric.labels.iter().map(|label| label.name).collect();
            let full = metric.full_name();
            let _ = writeln!(
                text,
                "| [`{full}`](#{full}) | {} | {} |",
                metric.r#type.as_str(),
                labels.join(", ")
            );
        }
        for metric in section.metrics {
            one_markdown(&mut text, metric);
        }
    }
    text
}

fn one_markdown(text: &mut String, metric: &Metric) {
    let _ = write!(
        text,
        "\n### {}\n\n{} Type: {}, in {}.\n\n{}\n",
        metric.full_name(),
        metric.help,
        metric.r#type.as_str(),
        metric.unit,
        metric.about
    );
    if !metric.labels.is_empty() || matches!(metric.r#type, Type::Histogram(_)) {
        text.push('\n');
    }
    for label in metric.labels {
        let _ = writeln!(text, "- `{}`: {}", label.name, values(label));
    }
    if let Type::Histogram(buckets) = metric.r#type {
        let _ = writeln!(text, "- buckets: {}", bounds(buckets));
    }
}

fn values(label: &Label) -> String {
    match label.values {
        Values::Closed(values) => values.join(", "),
        Values::Process => "name of a configured target".to_owned(),
        Values::Registry => "eTLD+1 of the registry, [IP_ADDRESS], [UNKNOWN] or [OTHER]".to_owned(),
        Values::Code => "status code, three digits; none when no answer came".to_owned(),
        Values::Named(of) => of.to_owned(),
    }
}

fn bounds(buckets: &[f64]) -> String {
    buckets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn wrap(text: &mut String, paragraph: &str, indent: &str) {
    let mut line = String::new();
    for word in paragraph.split_whitespace() {
        if !line.is_empty() && indent.len() + line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(text, "{indent}{line}");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(text, "{indent}{line}");
}
