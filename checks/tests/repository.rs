//! The checks, shown to this repository.

use buslane_checks::files::{self, TextFile};
use buslane_checks::{Finding, Graph, Policy, layers, links, purity, tidiness};

fn assert_none(findings: Vec<Finding>) {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

fn graph() -> Graph {
    Graph::load(&files::root()).expect("cargo knows the tree")
}

fn text_files() -> Vec<TextFile> {
    let files = files::read_all(&files::root()).expect("git knows the files");
    assert!(
        files.iter().any(|file| file.path == "checks/tests/repository.rs"),
        "git lists no file of this test"
    );
    files
}

#[test]
fn every_dependency_is_within_the_policy() {
    let graph = graph();
    assert!(graph.packages().len() > 50, "cargo lists hardly any package");
    assert_none(Policy::load(&files::root()).unwrap().check(&graph));
}

#[test]
fn dependencies_between_the_crates_point_down_only() {
    assert_none(layers::check_arrows(&graph(), layers::LAYERS));
}

#[test]
fn the_pure_crates_reach_nothing_impure() {
    assert_none(layers::check_purity(&graph(), layers::PURE, layers::IMPURE));
}

#[test]
fn the_source_of_the_pure_crates_names_nothing_impure() {
    let root = files::root();
    for name in layers::PURE {
        let file = root.join("crates").join(name).join("src/lib.rs");
        assert_none(purity::check_crate(&root, &file).unwrap());
    }
}

#[test]
fn every_file_is_tidy() {
    assert_none(text_files().iter().flat_map(tidiness::check).collect());
}

#[test]
fn links_between_files_lead_somewhere() {
    let root = files::root();
    assert_none(
        text_files()
            .iter()
            .flat_map(|file| links::check(file, &root))
            .collect(),
    );
}
