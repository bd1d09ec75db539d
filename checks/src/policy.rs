//! `deny.toml`: which licences, packages and sources may be in the tree. The parts read here mean what they mean to
//! cargo-deny.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::{Finding, Graph, Package};

/// The rules of `deny.toml`. Its other keys are cargo-deny's.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Policy {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// Why a policy cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("the policy cannot be read")]
    Read(#[from] std::io::Error),
    /// The file is not what it should be.
    #[error("the policy cannot be understood")]
    Parse(#[from] toml::de::Error),
}

impl Policy {
    /// Reads `deny.toml` of the repository.
    pub fn load(root: &Path) -> Result<Policy, PolicyError> {
        Ok(Policy::parse(&fs::read_to_string(root.join("deny.toml"))?)?)
    }

    /// Parses the text of a `deny.toml`.
    pub fn parse(text: &str) -> Result<Policy, toml::de::Error> {
        toml::from_str(text)
    }

    /// Finds the packages that break a rule.
    pub fn check(&self, graph: &Graph) -> Vec<Finding> {
        let wrong = |package: &Package| {
            [self.licence(package), self.ban(package), self.source(package)]
                .into_iter()
                .flatten()
                .map(|message| Finding::new(&package.name, message))
                .collect::<Vec<_>>()
        };
        graph.packages().iter().flat_map(wrong).collect()
    }

    fn licence(&self, package: &Package) -> Option<String> {
        let Some(licence) = &package.licence else {
            return Some("names no licence".to_owned());
        };
        let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else {
            return Some(format!("the licence {licence:?} is no SPDX expression"));
        };
        let allowed = expression.evaluate(|required| self.licenses.allow.contains(&required.to_string()));
        (!allowed).then(|| format!("the licence {licence} is not among those that deny.toml allows"))
    }

    fn ban(&self, package: &Package) -> Option<String> {
        let ban = self.bans.deny.iter().find(|ban| ban.name == package.name)?;
        Some(format!("is banned: {}", ban.reason))
    }

    fn source(&self, package: &Package) -> Option<String> {
        let source = package.source.as_ref()?;
        let registry = source.strip_prefix("registry+").unwrap_or(source);
        let allowed = self
            .sources
            .allow_registry
            .iter()
            .any(|allowed| allowed == registry);
        (!allowed).then(|| format!("comes from {source}, which is not the public registry"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0 WITH LLVM-exception"]
        [bans]
        deny = [{ crate = "bad", reason = "it is" }]
        [sources]
        allow-registry = ["https://example.com/index"]
    "#;

    fn findings(package: Package) -> Vec<String> {
        let findings = Policy::parse(POLICY).unwrap().check(&Graph::new(vec![package]));
        findings.into_iter().map(|finding| finding.to_string()).collect()
    }

    fn good() -> Package {
        Package {
            name: "good".into(),
            licence: Some("MIT".into()),
            ..Package::default()
        }
    }

    #[test]
    fn a_package_within_the_rules_passes() {
        assert_eq!(findings(good()), [""; 0]);
        for licence in [
            "GPL-3.0-only OR MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception AND MIT",
        ] {
            assert_eq!(
                findings(Package {
                    licence: Some(licence.into()),
                    ..good()
                }),
                [""; 0],
                "{licence}"
            );
        }
        let source = Some("registry+https://example.com/index".into());
        assert_eq!(findings(Package { source, ..good() }), [""; 0]);
    }

    #[test]
    fn a_licence_that_is_not_allowed_is_found() {
        for licence in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0", "what?"] {
            assert_eq!(
                findings(Package {
                    licence: Some(licence.into()),
                    ..good()
                })
                .len(),
                1,
                "{licence}"
            );
        }
        assert_eq!(
            findings(Package {
                licence: None,
                ..good()
            }),
            ["good: names no licence"]
        );
    }

    #[test]
    fn a_banned_package_is_found() {
        assert_eq!(
            findings(Package {
                name: "bad".into(),
                ..good()
            }),
            ["bad: is banned: it is"]
        );
    }

    #[test]
    fn a_package_from_elsewhere_is_found() {
        for source in [
            "registry+https://private.example.com/index",
            "git+https://example.com/index",
        ] {
            assert_eq!(
                findings(Package {
                    source: Some(source.into()),
                    ..good()
                })
                .len(),
                1,
                "{source}"
            );
        }
    }
}
