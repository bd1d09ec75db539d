//! Says what is wrong with a payload, or with a schema, in words that hold no data of the payload.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Value, json};

/// What a failed keyword expects, as far as the failure itself knows.
pub(super) fn expected(error: &ValidationError<'_>) -> Option<Value> {
    use ValidationErrorKind as Kind;
    Some(match error.kind() {
        Kind::Constant { expected_value } => Value::clone(expected_value),
        Kind::Enum { options } => Value::clone(options),
        Kind::ExclusiveMaximum { limit }
        | Kind::ExclusiveMinimum { limit }
        | Kind::Maximum { limit }
        | Kind::Minimum { limit } => limit.clone(),
        Kind::MaxItems { limit }
        | Kind::MaxLength { limit }
        | Kind::MaxProperties { limit }
        | Kind::MinItems { limit }
        | Kind::MinLength { limit }
        | Kind::MinProperties { limit } => json!(limit),
        Kind::MultipleOf { multiple_of } => json!(multiple_of),
        Kind::Format { format } => json!(format),
        Kind::Pattern { pattern } => json!(pattern),
        Kind::ContentEncoding { content_encoding } => json!(content_encoding),
        Kind::ContentMediaType { content_media_type } => json!(content_media_type),
        Kind::Required { property } => json!([property]),
        Kind::UniqueItems => json!(true),
        Kind::FalseSchema => json!(false),
        Kind::Type {
            kind: TypeKind::Single(name),
        } => json!(name.to_string()),
        Kind::Type {
            kind: TypeKind::Multiple(names),
        } => names.iter().map(|name| json!(name.to_string())).collect(),
        _ => return None,
    })
}

/// The keyword that failed.
pub(super) fn keyword(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::FalseSchema => "false".to_owned(),
        kind => kind.keyword().to_owned(),
    }
}

/// The failure for people.
pub(super) fn detail(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::AdditionalItems { limit } => format!("more than {limit} items"),
        Kind::AdditionalProperties { unexpected } => {
            format!(
                "{} that the schema does not name",
                plural(unexpected.len(), "property", "properties")
            )
        }
        Kind::AnyOf { .. } => "none of the alternatives fits".to_owned(),
        Kind::OneOfNotValid { .. } => "none of the alternatives fits, and one must".to_owned(),
        Kind::OneOfMultipleValid { .. } => "more than one of the alternatives fits".to_owned(),
        Kind::Constant { .. } => "not the one value that is allowed".to_owned(),
        Kind::Enum { .. } => "not one of the values that are allowed".to_owned(),
        Kind::Contains => "not the items that the array must contain".to_owned(),
        Kind::Type {
            kind: TypeKind::Single(name),
        } => format!("not of type {name}"),
        Kind::Type {
            kind: TypeKind::Multiple(names),
        } => {
            let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
            format!("not of type {}", names.join(" or "))
        }
        Kind::Required { property } => format!("missing property {property}"),
        Kind::Maximum { limit } => format!("greater than {limit}"),
        Kind::Minimum { limit } => format!("less than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("not less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("not greater than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("no multiple of {multiple_of}"),
        Kind::MaxLength { limit } => format!("longer than {}", plural_u64(*limit, "character")),
        Kind::MinLength { limit } => format!("shorter than {}", plural_u64(*limit, "character")),
        Kind::MaxItems { limit } => format!("more than {}", plural_u64(*limit, "item")),
        Kind::MinItems { limit } => format!("fewer than {}", plural_u64(*limit, "item")),
        Kind::MaxProperties { limit } => format!("more than {limit} properties"),
        Kind::MinProperties { limit } => format!("fewer than {limit} properties"),
        Kind::UniqueItems => "two items are equal".to_owned(),
        Kind::Pattern { .. } => "does not match the pattern".to_owned(),
        Kind::Format { format } => format!("not of format {format}"),
        Kind::FalseSchema => "no value is allowed here".to_owned(),
        Kind::Not { .. } => "matches what the schema excludes".to_owned(),
        Kind::PropertyNames { error } => format!("a property name is {}", detail(error)),
        Kind::UnevaluatedItems { .. } => "items that the schema does not describe".to_owned(),
        Kind::UnevaluatedProperties { .. } => "properties that the schema does not describe".to_owned(),
        kind => format!("{} does not hold", kind.keyword()),
    }
}

fn plural(count: usize, one: &str, many: &str) -> String {
    if count == 1 {
        format!("a {one}")
    } else {
        format!("{count} {many}")
    }
}

fn plural_u64(count: u64, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}
