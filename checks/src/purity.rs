//! What the source of a pure crate may not name: sockets, clocks, threads, locks, the environment, and hash maps that
//! seed themselves from the system.
//!
//! The scan follows `mod` from a crate's root, so that it reads what is compiled; items under `#[cfg(test)]` are left
//! out. It reads names, not types: it is a fence against mistakes, and [`crate::layers`] is the wall.

use std::path::{Path, PathBuf};
use std::{fs, io};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, PathArguments, UseTree};

use crate::Finding;

/// Paths that a pure crate may not name, nor anything below them.
const FORBIDDEN: &[&str] = &[
    "std::net",
    "std::os",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::sync::Barrier",
    "std::sync::Condvar",
    "std::sync::LazyLock",
    "std::sync::Mutex",
    "std::sync::Once",
    "std::sync::OnceLock",
    "std::sync::RwLock",
    "std::sync::mpsc",
    "tokio",
];

/// Ends of paths that a pure crate may not name; `std::io` itself is needed for its traits and errors.
const FORBIDDEN_ENDS: &[&str] = &["io::stdin", "io::stdout", "io::stderr", "RandomState"];

/// Macros that print, or keep state per thread.
const FORBIDDEN_MACROS: &[&str] = &["print", "println", "eprint", "eprintln", "dbg", "thread_local"];

/// Hash collections, and how many types they take when their hasher is the default one.
const HASHED: &[(&str, usize)] = &[("HashMap", 2), ("HashSet", 1)];

/// Functions of hash collections that take the default hasher.
const SELF_SEEDED: &[&str] = &["new", "with_capacity", "from"];

/// Scans the crate whose root module is `file`. Places in the findings are relative to `root`.
pub fn check_crate(root: &Path, file: &Path) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut open = vec![file.to_owned()];
    while let Some(file) = open.pop() {
        let text = fs::read_to_string(&file)?;
        let place = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let scan = Scan::of(place, &text).map_err(io::Error::other)?;
        findings.extend(scan.findings);
        for module in scan.modules {
            open.push(module_file(&file, &module)?);
        }
    }
    findings.sort();
    Ok(findings)
}

/// Finds the file of a module that `parent` declares.
fn module_file(parent: &Path, module: &str) -> io::Result<PathBuf> {
    let folder = match parent.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "main" | "mod") => parent.with_file_name(""),
        _ => parent.with_extension(""),
    };
    let candidates = [
        folder.join(format!("{module}.rs")),
        folder.join(module).join("mod.rs"),
    ];
    let missing = || io::Error::other(format!("module {module} of {} has no file", parent.display()));
    candidates
        .into_iter()
        .find(|candidate| candidate.is_file())
        .ok_or_else(missing)
}

/// What one file names.
struct Scan {
    place: String,
    /// Modules declared here whose text is in other files.
    modules: Vec<String>,
    findings: Vec<Finding>,
}

impl Scan {
    fn of(place: String, text: &str) -> syn::Result<Scan> {
        let file = syn::parse_file(text)?;
        let mut scan = Scan {
            place,
            modules: Vec::new(),
            findings: Vec::new(),
        };
        scan.visit_file(&file);
        Ok(scan)
    }

    fn report(&mut self, line: usize, message: String) {
        self.findings
            .push(Finding::new(format!("{}:{line}", self.place), message));
    }

    fn name(&mut self, line: usize, path: &[String]) {
        let joined = path.join("::");
        let within = FORBIDDEN.iter().any(|forbidden| is_within(&joined, forbidden));
        if within || FORBIDDEN_ENDS.iter().any(|end| joined.ends_with(end)) {
            self.report(line, format!("{joined} is not for pure crates"));
        }
        if let [.., collection, function] = path
            && HASHED.iter().any(|(hashed, _)| hashed == collection)
            && SELF_SEEDED.contains(&function.as_str())
        {
            self.report(
                line,
                format!("{collection}::{function} seeds itself from the system: hand a hasher in"),
            );
        }
    }

    /// Reads the branches of a `use`. One that ends at a module with forbidden content hides what is used of it.
    fn import(&mut self, line: usize, tree: &UseTree, path: &mut Vec<String>) {
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                self.import(line, &step.tree, path);
                path.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(line, tree, path)),
            UseTree::Glob(_) => self.import_end(line, path),
            UseTree::Name(end) if end.ident == "self" => self.import_end(line, path),
            UseTree::Name(syn::UseName { ident }) | UseTree::Rename(syn::UseRename { ident, .. }) => {
                path.push(ident.to_string());
                self.import_end(line, path);
                path.pop();
            }
        }
    }

    fn import_end(&mut self, line: usize, path: &[String]) {
        self.name(line, path);
        let joined = path.join("::");
        if let Some(inside) = FORBIDDEN
            .iter()
            .find(|forbidden| **forbidden != joined && is_within(forbidden, &joined))
        {
            self.report(
                line,
                format!("{joined} holds {inside}: name what is used of it, one by one"),
            );
        }
    }

    /// Reads the paths in the arguments of a macro, which are tokens and no tree.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.name(line, &std::mem::take(&mut path));
                        line = ident.span().start().line;
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punctuation) if punctuation.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    colons = 0;
                    self.tokens(group.stream());
                }
                _ => colons = 0,
            }
        }
        self.name(line, &path);
    }
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_item(&mut self, item: &'ast Item) {
        if attributes(item).iter().any(is_for_tests) {
            return;
        }
        if let Item::Mod(module) = item
            && module.content.is_none()
        {
            self.modules.push(module.ident.to_string());
        }
        visit::visit_item(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let line = item.use_token.span.start().line;
        self.import(line, &item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let Some(first) = path.segments.first() else {
            return;
        };
        let line = first.ident.span().start().line;
        let names: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        self.name(line, &names);
        for segment in &path.segments {
            if let PathArguments::AngleBracketed(arguments) = &segment.arguments
                && HASHED
                    .iter()
                    .any(|(hashed, types)| segment.ident == hashed && arguments.args.len() == *types)
            {
                self.report(
                    line,
                    format!("{} with the default hasher is not for pure crates", segment.ident),
                );
            }
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if let Some(last) = call.path.segments.last()
            && FORBIDDEN_MACROS.iter().any(|forbidden| last.ident == forbidden)
        {
            self.report(
                last.ident.span().start().line,
                format!("{}! is not for pure crates", last.ident),
            );
        }
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

/// Tells whether a path is another one or lies below it.
fn is_within(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn is_for_tests(attribute: &Attribute) -> bool {
    let is_cfg = attribute.path().is_ident("cfg");
    is_cfg
        && attribute
            .parse_args::<syn::Path>()
            .is_ok_and(|condition| condition.is_ident("test"))
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(text: &str) -> Vec<String> {
        let scan = Scan::of("a.rs".to_owned(), text).unwrap();
        scan.findings
            .into_iter()
            .map(|finding| finding.to_string())
            .collect()
    }

    #[test]
    fn pure_code_passes() {
        let pure = "
            use std::collections::{BTreeMap, HashMap};
            use std::time::Duration;
            use std::sync::Arc;
            use crate::Instant;
            type Map<K, V> = HashMap<K, V, Seeded>;
            fn make(seed: Seeded) -> Map<u8, u8> { Map::with_hasher(seed) }
            /// Not std::thread::spawn.
            fn text() -> &'static str { \"std::net\" }
        ";
        assert_eq!(findings(pure), [""; 0]);
    }

    #[test]
    fn each_forbidden_path_is_found_wherever_it_stands() {
        for path in FORBIDDEN.iter().chain(FORBIDDEN_ENDS) {
            assert!(!findings(&format!("use {path};")).is_empty(), "use {path}");
            assert!(
                !findings(&format!("use {path}::{{self, x}};")).is_empty(),
                "use {path}::self"
            );
            assert!(
                !findings(&format!("fn f(x: &{path}) {{}}")).is_empty(),
                "type {path}"
            );
            assert!(
                !findings(&format!("fn f() {{ {path}(); }}")).is_empty(),
                "call {path}"
            );
            assert!(
                !findings(&format!("fn f() {{ g!(a, {path}()); }}")).is_empty(),
                "macro {path}"
            );
        }
        assert_eq!(
            findings("\nuse std::time::{Duration, Instant};"),
            ["a.rs:2: std::time::Instant is not for pure crates"]
        );
    }

    #[test]
    fn an_import_that_hides_what_is_used_is_found() {
        for import in [
            "use std::sync;",
            "use std::time::*;",
            "use std::{self};",
            "use std::time as other;",
        ] {
            assert_eq!(findings(import).len(), 1, "{import}");
        }
    }

    #[test]
    fn hash_maps_that_seed_themselves_are_found() {
        for code in [
            "struct S { map: HashMap<u8, u8> }",
            "struct S { set: std::collections::HashSet<u8> }",
            "fn f() { let map: M = HashMap::new(); }",
            "fn f() { let set = std::collections::HashSet::with_capacity(4); }",
            "fn f() { g!(HashMap::new()); }",
            "struct S { hasher: RandomState }",
        ] {
            assert_eq!(findings(code).len(), 1, "{code}");
        }
    }

    #[test]
    fn printing_is_found() {
        for name in FORBIDDEN_MACROS {
            assert_eq!(findings(&format!("fn f() {{ {name}!(); }}")).len(), 1, "{name}");
        }
    }

    #[test]
    fn tests_may_use_what_they_like() {
        assert_eq!(findings("#[cfg(test)] mod tests { use std::thread; }"), [""; 0]);
        assert_eq!(findings("#[cfg(test)] use std::thread;"), [""; 0]);
        assert_eq!(findings("#[cfg(feature = \"test\")] use std::thread;").len(), 1);
    }

    #[test]
    fn modules_in_other_files_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("lib.rs", "mod one; mod two; mod here {} #[cfg(test)] mod tests;");
        write("one.rs", "mod below;");
        write("one/below.rs", "use std::thread;");
        write("two/mod.rs", "mod below;");
        write("two/below.rs", "use std::net::TcpStream;");
        write("tests.rs", "use std::fs;");
        let root = folder.path();
        let found: Vec<String> = check_crate(root, &root.join("lib.rs"))
            .unwrap()
            .into_iter()
            .map(|finding| finding.place)
            .collect();
        assert_eq!(found, ["one/below.rs:1", "two/below.rs:1"]);

        write("lib.rs", "mod gone;");
        assert!(check_crate(root, &root.join("lib.rs")).is_err());
    }
}
