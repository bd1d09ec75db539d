//! The page of commands: made by the command itself. `BUSLANE_GENERATE=1` writes it.

mod support;

use std::path::Path;

use support::buslane;

#[test]
fn the_page_of_commands_is_what_the_command_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/commands.md");
    let page = buslane(&["man", "--format", "markdown"]).succeeds();
    if std::env::var_os("BUSLANE_GENERATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = page
        .lines()
        .zip(written.lines())
        .find(|(one, other)| one != other);
    assert!(
        page == written,
        "docs/commands.md is not fresh, run `just generate`: {differing:?}"
    );
}
