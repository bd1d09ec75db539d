//! The description of everything that answers over HTTP (OpenAPI 3.1). Written by hand in `schemas/openapi.json`; the
//! tests here hold it against the routes, the error codes and the other schemas.

/// The document.
pub(super) const DOCUMENT: &str = include_str!("../../../../schemas/openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use buslane_protocol::ErrorCode;
    use serde_json::{Value, json};

    use super::super::answers::PAGES;
    use super::super::api::ROUTES;
    use super::super::router::Verb;
    use super::*;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    /// Follows a reference into the components.
    fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => document
                .pointer(&reference[1..])
                .unwrap_or_else(|| panic!("{reference}")),
            None => value,
        }
    }

    fn parameters(document: &Value, operation: &Value, place: &str) -> BTreeSet<(String, bool)> {
        let all = operation["parameters"].as_array().cloned().unwrap_or_default();
        let all = all.iter().map(|parameter| resolved(document, parameter));
        let placed = all.filter(|parameter| parameter["in"] == place);
        placed
            .map(|parameter| {
                let name = parameter["name"].as_str().unwrap().to_owned();
                (name, parameter["schema"]["type"] == "array")
            })
            .collect()
    }

    #[test]
    fn every_route_is_described_and_no_other() {
        let document = document();
        let mut described = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                described.insert(format!("{method} {path}"));
            }
        }
        let mut known: BTreeSet<_> = PAGES.iter().map(|(path, _)| format!("get {path}")).collect();
        for route in ROUTES {
            let method = if route.verb == Verb::Post { "post" } else { "get" };
            known.insert(format!("{method} {}", route.path.replace("...", "")));
        }
        assert_eq!(described, known);
    }

    #[test]
    fn the_parameters_of_each_route_are_described_and_no_others() {
        let document = document();
        for route in ROUTES {
            let path = route.path.replace("...", "");
            let method = if route.verb == Verb::Post { "post" } else { "get" };
            let operation = &document["paths"][&path][method];
            assert_eq!(operation["operationId"], route.name);
            let known = route
                .query
                .iter()
                .map(|parameter| (parameter.name.to_owned(), parameter.many));
            assert_eq!(
                parameters(&document, operation, "query"),
                known.collect(),
                "{path}"
            );
            let captured = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            let captured = captured.map(|name| (name.to_owned(), false));
            assert_eq!(
                parameters(&document, operation, "path"),
                captured.collect(),
                "{path}"
            );
            let produced = operation["responses"]["200"]["content"].as_object().unwrap();
            for produces in route.produces {
                assert!(produced.contains_key(*produces), "{path} {produces}");
            }
        }
    }

    #[test]
    fn every_error_code_is_told_under_its_status() {
        let document = document();
        let responses = document["components"]["responses"].as_object().unwrap();
        let mut told = BTreeSet::new();
        for (status, response) in responses {
            for code in response["x-buslane-codes"].as_array().unwrap() {
                told.insert((code.as_str().unwrap().to_owned(), status.clone()));
            }
        }
        let known = ErrorCode::ALL.iter();
        let known = known.map(|code| (code.as_str().to_owned(), code.status().to_string()));
        assert_eq!(told, known.collect());
    }

    #[test]
    fn every_answer_but_a_success_or_none_is_a_problem() {
        let document = document();
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    let is_success = status.starts_with(['1', '2', '3']);
                    let content = &resolved(&document, response)["content"];
                    let problem = content.get("application/problem+json").is_some();
                    assert_eq!(problem, !is_success, "{path} {status}");
                }
            }
        }
    }

    #[test]
    fn the_schemas_are_those_of_the_protocol() {
        let components = &document()["components"]["schemas"];
        let definitions: Value =
            serde_json::from_str(include_str!("../../../../schemas/definitions.json")).unwrap();
        for name in ["id", "name", "topic", "filter", "address", "reason"] {
            assert_eq!(components[name], definitions["$defs"][name], "{name}");
        }
        let mut problem: Value =
            serde_json::from_str(include_str!("../../../../schemas/problem.json")).unwrap();
        for member in ["$schema", "$id"] {
            problem.as_object_mut().unwrap().remove(member);
        }
        problem["properties"]["code"]["$ref"] = json!("#/components/schemas/reason");
        assert_eq!(components["Problem"], problem);
        let methods: Value = serde_json::from_str(include_str!(
            "../../../buslane-engine/src/bus_service/methods.json"
        ))
        .unwrap();
        for (name, method) in [
            ("Services", "services"),
            ("Service", "describe"),
            ("Topics", "topics"),
            ("Clients", "clients"),
            ("Statistics", "stats"),
        ] {
            assert_eq!(components[name], methods[method]["output"], "{name}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn follow(document: &Value, value: &Value) {
            match value {
                Value::Object(members) => {
                    resolved(document, value);
                    members.values().for_each(|member| follow(document, member));
                }
                Value::Array(items) => items.iter().for_each(|item| follow(document, item)),
                _ => {}
            }
        }
        let document = document();
        follow(&document, &document);
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }
}
