//! The dependency rule: arrows between the product crates point down only, and the pure crates reach nothing that
//! could do IO, read a clock or draw a random number.

use crate::{Finding, Graph};

/// What each product crate may depend on among its siblings. Tests may use more: the session is tested against the
/// engine.
pub const LAYERS: &[(&str, &[&str])] = &[
    ("buslane-protocol", &[]),
    ("buslane-session", &["buslane-protocol"]),
    ("buslane-client", &["buslane-protocol", "buslane-session"]),
    ("buslane-engine", &["buslane-protocol"]),
    ("buslane-broker", &["buslane-protocol", "buslane-engine"]),
    ("buslane-bridge", &["buslane-client"]),
    ("buslane-cpp", &["buslane-bridge"]),
    (
        "buslane-cli",
        &["buslane-protocol", "buslane-client", "buslane-broker"],
    ),
    (
        "buslane-simulator",
        &["buslane-protocol", "buslane-session", "buslane-engine"],
    ),
    (
        "buslane-fuzz",
        &[
            "buslane-protocol",
            "buslane-session",
            "buslane-engine",
            "buslane-broker",
        ],
    ),
    ("buslane-js", &["buslane-session"]),
    ("buslane-js-glue", &[]),
    ("buslane-checks", &[]),
    ("buslane-examples", &["buslane-client"]),
    ("buslane-java", &["buslane-client"]),
];

/// The crates that hold no socket, clock, thread, lock or random source.
pub const PURE: &[&str] = &["buslane-protocol", "buslane-session", "buslane-engine"];

/// What the pure crates may not reach, however indirectly. Random numbers come from a seed that is handed in.
pub const IMPURE: &[&str] = &[
    "async-std",
    "chrono",
    "crossbeam-channel",
    "fastrand",
    "futures-executor",
    "getrandom",
    "hyper",
    "jsonschema",
    "libc",
    "mio",
    "parking_lot",
    "rand",
    "rayon",
    "smol",
    "socket2",
    "sysinfo",
    "tokio",
    "tracing-subscriber",
    "tungstenite",
    "web-time",
    "windows-sys",
];

/// Finds members of the repository that [`LAYERS`] does not list, and dependencies that it does not allow.
pub fn check_arrows(graph: &Graph, layers: &[(&str, &[&str])]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in graph.packages().iter().filter(|package| package.source.is_none()) {
        let Some((_, allowed)) = layers.iter().find(|(name, _)| *name == package.name) else {
            findings.push(Finding::new(
                &package.name,
                "has no place among the layers of buslane-checks",
            ));
            continue;
        };
        for dependency in package
            .dependencies
            .iter()
            .filter(|dependency| !dependency.development)
        {
            let below = &graph.packages()[dependency.package];
            if below.source.is_none() && !allowed.contains(&below.name.as_str()) {
                let message = format!(
                    "depends on {}, which the dependency rule does not allow",
                    below.name
                );
                findings.push(Finding::new(&package.name, message));
            }
        }
    }
    findings
}

/// Finds pure crates that are missing, or that reach an impure package.
pub fn check_purity(graph: &Graph, pure: &[&str], impure: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in pure {
        let Some(member) = graph.member(name) else {
            findings.push(Finding::new(name, "is no package of this repository"));
            continue;
        };
        for reached in graph.closure(member) {
            let reached = &graph.packages()[reached].name;
            if impure.contains(&reached.as_str()) {
                findings.push(Finding::new(
                    name,
                    format!("reaches {reached}, which is not for pure crates"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dependency, Package};

    /// Makes a graph in which each package is a name, with `^` for one from the registry, and the names it needs;
    /// `?` marks one that only tests need.
    fn graph(packages: &[(&str, &[&str])]) -> Graph {
        let plain = |name: &str| name.trim_start_matches(['^', '?']).to_owned();
        let position = |wanted: &str| {
            packages
                .iter()
                .position(|(name, _)| plain(name) == plain(wanted))
                .unwrap()
        };
        let package = |(name, needs): &(&str, &[&str])| Package {
            name: plain(name),
            source: name.starts_with('^').then(|| "registry".to_owned()),
            dependencies: needs
                .iter()
                .map(|need| Dependency {
                    package: position(need),
                    development: need.starts_with('?'),
                })
                .collect(),
            ..Package::default()
        };
        Graph::new(packages.iter().map(package).collect())
    }

    fn texts(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn an_arrow_that_points_up_is_found() {
        let layers: &[(&str, &[&str])] = &[("low", &[]), ("high", &["low"])];
        assert_eq!(
            texts(check_arrows(&graph(&[("low", &[]), ("high", &["low"])]), layers)),
            [""; 0]
        );
        assert_eq!(
            texts(check_arrows(
                &graph(&[("low", &["?high"]), ("high", &["low"])]),
                layers
            )),
            [""; 0]
        );
        assert_eq!(
            texts(check_arrows(&graph(&[("low", &["high"]), ("high", &[])]), layers)),
            ["low: depends on high, which the dependency rule does not allow"]
        );
    }

    #[test]
    fn a_package_without_a_place_is_found() {
        let findings = texts(check_arrows(&graph(&[("stray", &[])]), &[]));
        assert_eq!(
            findings,
            ["stray: has no place among the layers of buslane-checks"]
        );
    }

    #[test]
    fn an_impure_package_is_found_behind_others() {
        let tree = graph(&[
            ("pure", &["^middle", "?^clock"]),
            ("^middle", &["^socket"]),
            ("^socket", &[]),
            ("^clock", &[]),
        ]);
        assert_eq!(
            texts(check_purity(&tree, &["pure"], &["socket", "clock"])),
            ["pure: reaches socket, which is not for pure crates"]
        );
        assert_eq!(texts(check_purity(&tree, &["pure"], &["clock"])), [""; 0]);
    }

    #[test]
    fn a_pure_crate_that_does_not_exist_is_found() {
        assert_eq!(
            texts(check_purity(&graph(&[]), &["gone"], &[])),
            ["gone: is no package of this repository"]
        );
    }
}
