//! The page about the metrics, and that the table misses none of the engine's counters. Compiled for tests only.

use std::fmt::Write;

use buslane_engine::{Counters, Gauges};

use super::GROUPS;
use crate::generated::{self, cell};
use crate::http::exposition::PREFIX;

/// Counters of the engine that are the sum of others, which have metrics.
const SUMS: &[&str] = &["opened", "closed", "deliveries_dropped", "unhandled"];

/// Where the figures come from, as text.
const TABLES: &[&str] = &[
    include_str!("clients.rs"),
    include_str!("memory.rs"),
    include_str!("requests.rs"),
    include_str!("services.rs"),
    include_str!("topics.rs"),
];

fn page() -> String {
    let mut page = generated::head("Metrics");
    page.push_str(
        "`GET /metrics` gives these figures in the text format of Prometheus (0.0.4). Counters begin with 0 at the \
         broker's\nstart and only grow. Labels take few values: types, codes, reasons and routes that the code names, \
         never names of\nclients, services or topics. `$bus:stats` tells the engine's figures to clients of the bus.\n\n",
    );
    page.push_str(SCRAPE);
    for group in GROUPS {
        let heading = group.heading;
        write!(
            page,
            "\n## {heading}\n\n| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n"
        )
        .unwrap();
        for metric in group.metrics {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let row = [
                format!("`{PREFIX}{}`", metric.name),
                metric.kind.as_str().to_owned(),
                unit(metric.name).to_owned(),
                labels.join(", "),
                cell(metric.help),
            ];
            writeln!(page, "| {} |", row.join(" | ")).unwrap();
        }
    }
    page
}

fn unit(name: &str) -> &'static str {
    match name {
        _ if name.contains("bytes") => "bytes",
        _ if name.contains("seconds") => "seconds",
        _ => "",
    }
}

const SCRAPE: &str = "```yaml\nscrape_configs:\n  - job_name: buslane\n    static_configs:\n      - targets: [\"127.0.0.1:5959\"]\n```\n";

#[test]
fn the_generated_page_of_metrics_is_fresh() {
    generated::assert_fresh("docs/metrics.md", &page());
}

#[test]
fn every_number_of_the_engine_has_a_metric() {
    let (counters, gauges) = (Counters::default(), Gauges::default());
    let counters = counters.numbers().map(|(name, _)| ("counters", name));
    let gauges = gauges.numbers().map(|(name, _)| ("gauges", name));
    for (of, name) in counters.chain(gauges).filter(|(_, name)| !SUMS.contains(name)) {
        let wanted = format!("now.{of}.{name}");
        let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        let found = TABLES.iter().any(|table| table.split(&wanted).skip(1).any(ends));
        assert!(found, "{wanted} has no metric");
    }
}

#[test]
fn every_limit_has_a_metric() {
    let table = include_str!("limits.rs");
    for key in crate::config::paths().filter_map(|path| path.strip_prefix("limits.")) {
        assert!(
            table.contains(&format!("(\"{key}\", now.limits.{key})")),
            "{key} has no metric"
        );
    }
}

#[test]
fn names_and_labels_keep_the_conventions() {
    let mut names: Vec<&str> = GROUPS
        .iter()
        .flat_map(|group| group.metrics)
        .map(|metric| {
            let counts = metric.kind.as_str() == "counter";
            assert_eq!(metric.name.ends_with("_total"), counts, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            metric.name
        })
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "a name occurs twice");
}
