//! The page about error codes, written from `schemas/errors.json`.

use std::fmt::Write;

use serde::Deserialize;

use super::{assert_fresh, head};

#[derive(Deserialize)]
struct Table {
    errors: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    code: String,
    number: u16,
    status: u16,
    retry: String,
    title: String,
    who: String,
    meaning: String,
    remedy: String,
}

fn page() -> String {
    let table: Table = serde_json::from_str(include_str!("../../../../schemas/errors.json")).unwrap();
    let mut page = head("Errors");
    page.push_str(INTRODUCTION);
    page.push_str("\n| code | status | again? | who acts |\n|---|---|---|---|\n");
    for row in &table.errors {
        let (code, status) = (&row.code, row.status);
        let (again, who) = (again(&row.retry), who(&row.who));
        writeln!(page, "| [`{code}`](#{code}) | {status} | {again} | {who} |").unwrap();
    }
    for row in &table.errors {
        let (code, number, title) = (&row.code, row.number, &row.title);
        let (meaning, remedy) = (&row.meaning, &row.remedy);
        let (again, who) = (again(&row.retry), who(&row.who));
        write!(
            page,
            "\n## {code}\n\n*{title}* ({number}, HTTP {status})\n\n{meaning}\n\n**{who}:** {remedy} *Again: {again}.*\n",
            status = row.status,
            who = capitalized(who),
        )
        .unwrap();
    }
    page
}

fn again(retry: &str) -> &'static str {
    match retry {
        "never" => "no",
        "later" => "yes, later",
        "if_harmless_twice" => "if twice is harmless",
        other => panic!("{other} is no word for whether to retry"),
    }
}

fn who(who: &str) -> &'static str {
    match who {
        "caller" => "the sender",
        "service" => "the service",
        "operator" => "the operator",
        "defect" => "whoever wrote Buslane",
        other => panic!("{other} is nobody who could act"),
    }
}

fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_ascii_uppercase() + rest
}

const INTRODUCTION: &str = "\
Every error has the same shape, in an envelope and, as problem details (RFC 9457), over HTTP:

```json
{\"type\":\"https://buslane.dev/errors/schema-violation\",\"title\":\"the payload does not match the schema\",\"status\":422,
 \"code\":\"schema_violation\",\"origin\":\"broker\",\"detail\":\"missing property \\\"name\\\"\",\"address\":\"greeter:hello\",\"pointer\":\"\",\"keyword\":\"required\",\"expected\":[\"name\"]}
```

`code` is stable: programs branch on it. `title` is the same for each error of a code, `detail` says what was wrong this
time, where, and what to do. An error that a service answers with has the service's own code, title and status, and
`origin` says so.

What *again?* means:

- **no**: the same message is refused again.
- **yes, later**: nothing took effect; the same message may succeed later.
- **if twice is harmless**: the message may have taken effect.

The broker counts the errors that it answers with in `buslane_refused_total`, by code.
";

#[test]
fn the_generated_page_of_errors_is_fresh() {
    assert_fresh("docs/errors.md", &page());
}
