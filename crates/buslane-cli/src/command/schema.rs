//! `buslane schema`: says whether a broker would take a schema, and what the next version of one breaks. Asks no
//! broker: the same code judges.

use std::io::Read;
use std::path::{Path, PathBuf};

use buslane_broker::{Role, SchemaDifference, SchemaDocument, SchemaDocumentError, TextChange};
use buslane_protocol::{Affected, ContractChange, Limits, SchemaChange, Verdict};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{ERROR, FAINT, HINT, Output};

/// The arguments of `schema`.
#[derive(Args, Debug)]
pub(crate) struct SchemaArguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with schemas.
#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether a broker would take a schema, or a registration with its schemas
    Check(CheckArguments),
    /// Say what the next version of a schema, or of a registration, breaks; exits with 1 if it breaks or may break anything
    Diff(DiffArguments),
}

/// The arguments of `schema check`.
#[derive(Args, Debug)]
struct CheckArguments {
    /// The file; - is stdin
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The arguments of `schema diff`.
#[derive(Args, Debug)]
struct DiffArguments {
    /// The file of the version that is in use; - is stdin
    old: PathBuf,
    /// The file of the version that is to come; - is stdin
    new: PathBuf,
    /// What the schema is; a registration says so itself [default: input]
    #[arg(long = "as", value_name = "ROLE", value_enum)]
    role: Option<RoleArgument>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a schema is compared as.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArgument {
    /// The input of a method: callers send it
    Input,
    /// The output of a method: callers read it
    Output,
    /// The payload of a topic: some send it, others read it
    Topic,
}

/// Checks or compares schemas.
pub(crate) fn run(arguments: &SchemaArguments, out: &mut Output) -> Result<(), Failure> {
    match &arguments.action {
        Action::Check(arguments) => check(arguments, out),
        Action::Diff(arguments) => diff(arguments, out),
    }
}

fn check(arguments: &CheckArguments, out: &mut Output) -> Result<(), Failure> {
    let name = shown(&arguments.file);
    let checked = read(&arguments.file)?.and_then(|document| document.check(&Limits::default()));
    if arguments.json {
        out.json(&check_report(&checked))?;
    } else if let Ok(schemas) = &checked {
        for (place, dialect) in schemas {
            let place = if place.is_empty() { &name } else { place };
            out.line(format!("{place}: valid, {}", out.paint(FAINT, dialect)))?;
        }
        if schemas.is_empty() {
            out.line(format!("{name}: valid, declares no schema"))?;
        }
    }
    out.flush()?;
    match checked {
        Ok(_) => Ok(()),
        Err(errors) => Err(refusal(Failure::failed, &name, &errors)),
    }
}

fn diff(arguments: &DiffArguments, out: &mut Output) -> Result<(), Failure> {
    if arguments.old == Path::new(STDIN) && arguments.new == Path::new(STDIN) {
        return Err(
            Failure::usage("both versions cannot come from stdin").hint("name a file for one of them")
        );
    }
    let (old, new) = (usable(&arguments.old)?, usable(&arguments.new)?);
    if arguments.role.is_some() && old.is_registration() {
        let failure = Failure::usage("--as is for single schemas, and this is a registration");
        return Err(failure.hint("a registration says itself what each schema is"));
    }
    let role = arguments.role.unwrap_or(RoleArgument::Input);
    let Some(found) = old.compare(&new, role.into()) else {
        let failure =
            Failure::usage("one is a schema and the other a registration, which cannot be compared");
        return Err(failure.hint("a registration has a name, a version, and methods or topics"));
    };
    let alone = !old.is_registration();
    if arguments.json {
        out.json(&diff_report(&found, alone.then_some(role)))?;
    } else {
        print(&found, out)?;
    }
    out.flush()?;
    match verdict_of(&found) {
        None => Ok(()),
        Some(failure) => Err(match alone && arguments.role.is_none() {
            true => failure
                .hint("it was compared as the input of a method; --as output or --as topic asks otherwise"),
            false => failure,
        }),
    }
}

/// Reads a document; the outer error is that there is nothing to read.
fn read(path: &Path) -> Result<Result<SchemaDocument, Vec<SchemaDocumentError>>, Failure> {
    let name = shown(path);
    let unreadable = |error: std::io::Error| {
        let failure = Failure::usage(format_args!("{name}: {error}"));
        match error.kind() {
            std::io::ErrorKind::NotFound => failure.hint("name a file, or - for stdin"),
            _ => failure,
        }
    };
    let mut bytes = Vec::new();
    let most = MOST_BYTES as u64 + 1;
    let taken = match path == Path::new(STDIN) {
        true => std::io::stdin().lock().take(most).read_to_end(&mut bytes),
        false => std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)),
    };
    taken.map_err(unreadable)?;
    if bytes.len() > MOST_BYTES {
        return Err(Failure::usage(format_args!(
            "{name}: more than the {MOST_BYTES} bytes that any broker is made for"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Failure::usage(format_args!("{name}: not UTF-8, from byte {place} on"))
    })?;
    Ok(SchemaDocument::parse(&text).map_err(|error| vec![error]))
}

/// Reads a document that a broker would take.
fn usable(path: &Path) -> Result<SchemaDocument, Failure> {
    let name = shown(path);
    let refused = |errors: &[SchemaDocumentError]| refusal(Failure::usage, &name, errors);
    let document = read(path)?.map_err(|errors| refused(&errors))?;
    match document.check(&Limits::default()) {
        Ok(_) => Ok(document),
        Err(errors) => Err(refused(&errors)),
    }
}

fn refusal(fail: impl FnOnce(String) -> Failure, name: &str, errors: &[SchemaDocumentError]) -> Failure {
    let failure = match errors {
        [error] => fail(format!("{name}: {error}")),
        errors => errors.iter().fold(
            fail(format!("{name}: {} things are wrong", errors.len())),
            Failure::detail,
        ),
    };
    match errors.first().and_then(hint) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Says what to do about an error, where that is not plain.
fn hint(error: &SchemaDocumentError) -> Option<&'static str> {
    Some(match error {
        SchemaDocumentError::Empty => "a schema that takes anything is: true",
        SchemaDocumentError::TooLarge { .. } => {
            "divide it, or raise limits.schema in the broker's configuration"
        }
        SchemaDocumentError::TooDeep { .. } => "give the inner schemas names under $defs, and refer to them",
        SchemaDocumentError::Refused { reason, .. } if reason.contains("retrieving it failed") => {
            "put what it refers to into the registration's schemas, under its URI"
        }
        SchemaDocumentError::Refused { reason, .. } if reason.contains("again and again") => {
            "a reference in a circle has to pass through properties or items"
        }
        _ => return None,
    })
}

fn check_report(checked: &Result<Vec<(String, &str)>, Vec<SchemaDocumentError>>) -> Value {
    match checked {
        Ok(schemas) => {
            let line = |(place, dialect): &(String, &str)| json!({ "place": place, "dialect": dialect });
            json!({ "valid": true, "schemas": schemas.iter().map(line).collect::<Vec<_>>() })
        }
        Err(errors) => {
            json!({ "valid": false, "errors": errors.iter().map(error_report).collect::<Vec<_>>() })
        }
    }
}

fn error_report(error: &SchemaDocumentError) -> Value {
    let mut report = json!({ "detail": error.to_string() });
    if let SchemaDocumentError::Refused { pointer, keyword, .. } = error {
        for (member, value) in [("pointer", pointer), ("keyword", keyword)] {
            if let Some(value) = value {
                report[member] = json!(value);
            }
        }
    }
    report
}

fn diff_report(found: &SchemaDifference, role: Option<RoleArgument>) -> Value {
    let change = |change: &TextChange| {
        let mut line = json!({ "pointer": change.pointer });
        for (member, value) in [("old", &change.old), ("new", &change.new)] {
            if let Some(value) = value {
                line[member] = value.clone();
            }
        }
        if !change.place.is_empty() {
            line["place"] = json!(change.place);
        }
        line
    };
    let mut report = json!({
        "verdict": found.verdict().map_or(COMPATIBLE, Verdict::as_str),
        "contracts": found.report.as_ref().map_or(json!([]), |report| json!(report.contracts)),
        "changes": found.changes.iter().map(change).collect::<Vec<_>>(),
    });
    if let Some(role) = role.and_then(|role| role.to_possible_value()) {
        report["as"] = json!(role.get_name());
    }
    if let Some(omitted) = found
        .report
        .as_ref()
        .map(|report| report.omitted)
        .filter(|omitted| *omitted > 0)
    {
        report["omitted"] = json!(omitted);
    }
    report
}

fn print(found: &SchemaDifference, out: &mut Output) -> Result<(), Failure> {
    let contracts = found.report.as_ref().map_or(&[][..], |report| &report.contracts);
    for contract in contracts {
        print_contract(contract, out)?;
    }
    let told = |change: &&TextChange| {
        !contracts
            .iter()
            .any(|contract| covers(&contract.place, &contract.changes, change))
    };
    let harmless: Vec<_> = found.changes.iter().filter(told).collect();
    if !harmless.is_empty() {
        out.line(out.paint(HINT, COMPATIBLE))?;
        for change in harmless {
            out.line(format!("  {}{}", place_of(change), movement(change)))?;
        }
    }
    if found.changes.is_empty() && contracts.is_empty() {
        out.line("nothing changed")?;
    }
    Ok(())
}

/// Tells whether a difference in the text is one that the report speaks of.
fn covers(place: &str, reported: &[SchemaChange], change: &TextChange) -> bool {
    // A change in a schema that others refer to is reported with those, behind its URI.
    let pointer = match change.place.strip_prefix("schemas.") {
        Some(uri) => format!("{uri}#{}", change.pointer),
        None if place == change.place => change.pointer.clone(),
        None => return false,
    };
    let within =
        |known: &SchemaChange| known.pointer == pointer || known.pointer.starts_with(&format!("{pointer}/"));
    reported.iter().any(within)
}

fn print_contract(contract: &ContractChange, out: &mut Output) -> Result<(), Failure> {
    let (word, style) = match contract.verdict {
        Verdict::Breaking => ("breaks", ERROR),
        Verdict::MayBreak => ("may break", HINT),
    };
    let place = if contract.place.is_empty() {
        String::new()
    } else {
        format!("{}: ", contract.place)
    };
    out.line(format!(
        "{place}{} {}",
        out.paint(style, word),
        contract.affects.as_str()
    ))?;
    for change in &contract.changes {
        let doubt = match (contract.verdict, change.verdict) {
            (Verdict::Breaking, Verdict::MayBreak) => " (may break)",
            _ => "",
        };
        let pointer = if change.pointer.is_empty() {
            ROOT
        } else {
            &change.pointer
        };
        out.line(format!("  {pointer}  {}{doubt}", change.detail))?;
    }
    match contract.omitted {
        0 => Ok(()),
        more => out.line(format!("  and {more} more")),
    }
}

fn place_of(change: &TextChange) -> String {
    match (change.place.as_str(), change.pointer.as_str()) {
        ("", "") => ROOT.to_owned(),
        ("", pointer) => pointer.to_owned(),
        (place, pointer) => format!("{place}{pointer}"),
    }
}

fn movement(change: &TextChange) -> &'static str {
    match (&change.old, &change.new) {
        (None, _) => "  added",
        (_, None) => "  removed",
        _ => "  changed",
    }
}

/// Says whom it breaks; nothing if it breaks nobody.
fn verdict_of(found: &SchemaDifference) -> Option<Failure> {
    let report = found.report.as_ref()?;
    let mut affected: Vec<Affected> = report
        .contracts
        .iter()
        .filter(|contract| contract.verdict == report.verdict)
        .map(|contract| contract.affects)
        .collect();
    affected.sort();
    affected.dedup();
    let affected: Vec<&str> = affected.into_iter().map(Affected::as_str).collect();
    let verb = match report.verdict {
        Verdict::Breaking => "breaks",
        Verdict::MayBreak => "may break",
    };
    Some(Failure::failed(format_args!(
        "the new version {verb} {}",
        affected.join(" and ")
    )))
}

fn shown(path: &Path) -> String {
    match path == Path::new(STDIN) {
        true => "stdin".to_owned(),
        false => path.display().to_string(),
    }
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Role {
        match role {
            RoleArgument::Input => Role::Input,
            RoleArgument::Output => Role::Output,
            RoleArgument::Topic => Role::Topic,
        }
    }
}

const STDIN: &str = "-";
/// The schema as a whole, where a pointer would be empty.
const ROOT: &str = "/";
const COMPATIBLE: &str = "compatible";
/// More than the largest registration that a broker can be configured to take.
const MOST_BYTES: usize = 64 << 20;
