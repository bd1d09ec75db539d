//! What a problem of the bus looks like on a terminal: what failed, where in the payload, and what to try.

use buslane_protocol::{Address, BUS_SERVICE, Destination, ErrorCode, Problem};
use serde_json::Value;

use crate::failure::Failure;

/// Makes the failure of a command that the broker or a service refused; `target` is the address, topic or filter.
pub(crate) fn failure(problem: &Problem, target: &str) -> Failure {
    let Some(code) = problem.error_code() else {
        return service_failure(problem, target);
    };
    match code {
        ErrorCode::SchemaViolation => violation(problem, target),
        ErrorCode::NoInstance => Failure::failed(text(problem)).hint("buslane services lists what is there"),
        ErrorCode::DeadlineExceeded => {
            Failure::failed(text(problem)).hint("wait longer with --timeout 30s; it may have taken effect")
        }
        ErrorCode::OutcomeUnknown => {
            Failure::failed(text(problem)).hint("it may have taken effect: repeat it if twice is harmless")
        }
        ErrorCode::Unreachable | ErrorCode::NotSent => Failure::failed(text(problem)).hint(NO_BROKER),
        ErrorCode::UnexpectedStream => Failure::failed(text(problem)).hint("take the parts with --stream"),
        _ => Failure::failed(text(problem)),
    }
}

/// Says what a problem is about, in one line.
pub(crate) fn text(problem: &Problem) -> String {
    let about = problem
        .address
        .as_deref()
        .map(|address| format!("{address}: "))
        .unwrap_or_default();
    format!("{about}{problem}")
}

/// An error that is the service's own word.
fn service_failure(problem: &Problem, target: &str) -> Failure {
    let failure = Failure::failed(format_args!("{target}: {problem} ({})", problem.code));
    match &problem.data {
        Some(data) => failure.detail(data),
        None => failure,
    }
}

/// A payload that breaks a contract: where, and what would be right.
fn violation(problem: &Problem, target: &str) -> Failure {
    let target = problem.address.as_deref().unwrap_or(target);
    let pointer = problem.pointer.as_deref().unwrap_or_default();
    let place = if pointer.is_empty() { "/" } else { pointer };
    let failure = Failure::failed(format_args!("payload does not match the schema of {target}"))
        .detail(format_args!("at {place:<11} {}", expectation(problem)));
    match schema_command(target) {
        Some(command) => failure.hint(command),
        None => failure,
    }
}

/// Says what is wrong in the payload.
fn expectation(problem: &Problem) -> String {
    let keyword = problem.keyword.as_deref().unwrap_or("the schema");
    let expected = problem.expected.as_ref().map(Value::to_string);
    match (&problem.detail, expected) {
        (Some(detail), Some(expected)) if TELLING.contains(&keyword) => format!("{detail}: {expected}"),
        (Some(detail), _) => detail.clone(),
        (None, Some(expected)) => format!("expected {keyword} {expected}"),
        (None, None) => format!("breaks {keyword}"),
    }
}

/// Returns the command that prints the schema of an address, if it names a service.
fn schema_command(target: &str) -> Option<String> {
    let address = Address::parse(target).ok()?;
    match address.destination() {
        Destination::Service(service) | Destination::Instance { service, .. } => {
            // A shell would take the name of the broker's own service for a variable.
            let quote = if service == BUS_SERVICE { "'" } else { "" };
            Some(format!(
                "buslane services {quote}{service}{quote} --schema {}",
                address.method()
            ))
        }
        Destination::Group(_) | Destination::Every => None,
    }
}

/// Keywords whose expectation says more than the broker's words.
const TELLING: [&str; 4] = ["const", "enum", "format", "pattern"];
/// What to try when no broker answers.
pub(crate) const NO_BROKER: &str = "is a broker running? start one with: buslane serve";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn violating(pointer: &str, keyword: &str, expected: Value) -> Problem {
        let problem = Problem::new(ErrorCode::SchemaViolation).about("attic:get");
        Problem {
            pointer: Some(pointer.into()),
            keyword: Some(keyword.into()),
            expected: Some(expected),
            ..problem
        }
    }

    fn shown(problem: &Problem) -> String {
        failure(problem, "attic:get").to_string()
    }

    #[test]
    fn a_missing_property_is_named_with_its_place() {
        let problem = violating("", "required", json!(["key"])).detail("missing property \"key\"");
        let expected = "error: payload does not match the schema of attic:get\n  \
                        at /           missing property \"key\"\n  \
                        hint: buslane services attic --schema get";
        assert_eq!(shown(&problem), expected);
    }

    #[test]
    fn choices_are_told_with_the_words_of_the_broker() {
        let problem =
            violating("/mode", "enum", json!(["on", "off"])).detail("not one of the values that are allowed");
        assert!(
            shown(&problem)
                .contains("at /mode       not one of the values that are allowed: [\"on\",\"off\"]")
        );
    }

    #[test]
    fn the_brokers_own_service_is_quoted_for_the_shell() {
        let problem = Problem {
            address: Some("$bus:describe".into()),
            ..violating("", "type", json!("object"))
        };
        assert!(shown(&problem).ends_with("hint: buslane services '$bus' --schema describe"));
    }

    #[test]
    fn a_gathered_address_has_no_schema_to_look_at() {
        let problem = Problem {
            address: Some("@storage:get".into()),
            ..violating("", "minimum", json!(3))
        };
        let text = shown(&problem);
        assert!(
            text.contains("expected minimum 3") && !text.contains("hint"),
            "{text}"
        );
    }

    #[test]
    fn a_services_own_error_keeps_its_code_and_data() {
        let problem = Problem {
            data: Some(json!({"key": "x"})),
            ..Problem::of_service("not_found", "no such key")
        };
        assert_eq!(
            shown(&problem),
            "error: attic:get: no such key (not_found)\n  {\"key\":\"x\"}"
        );
    }

    #[test]
    fn a_missing_broker_comes_with_a_hint() {
        let text = shown(&Problem::new(ErrorCode::NotSent));
        assert!(
            text.ends_with("hint: is a broker running? start one with: buslane serve"),
            "{text}"
        );
    }
}
