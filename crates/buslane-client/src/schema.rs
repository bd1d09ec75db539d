//! Where a method's or topic's JSON Schema comes from: text, a value, or a type that derives one.

use buslane_protocol::Schema;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// What a schema can be made from: JSON text, a [`Value`], or what schemars made.
pub trait IntoSchema {
    /// Makes the schema. Fails if the text is not one JSON value.
    fn into_schema(self) -> serde_json::Result<Schema>;
}

impl IntoSchema for Schema {
    fn into_schema(self) -> serde_json::Result<Schema> {
        Ok(self)
    }
}

impl IntoSchema for String {
    fn into_schema(self) -> serde_json::Result<Schema> {
        Schema::parse(self)
    }
}

impl IntoSchema for &str {
    fn into_schema(self) -> serde_json::Result<Schema> {
        Schema::parse(self)
    }
}

impl IntoSchema for &Value {
    fn into_schema(self) -> serde_json::Result<Schema> {
        Schema::parse(self.to_string())
    }
}

impl IntoSchema for Value {
    fn into_schema(self) -> serde_json::Result<Schema> {
        (&self).into_schema()
    }
}

impl IntoSchema for schemars::Schema {
    fn into_schema(self) -> serde_json::Result<Schema> {
        self.to_value().into_schema()
    }
}

/// Returns the schema (draft 2020-12) of a type as it is read, or `None` if the type is anything at all.
pub(crate) fn of_input<T: JsonSchema>() -> Option<Schema> {
    derived::<T>(SchemaSettings::draft2020_12())
}

/// Returns the schema (draft 2020-12) of a type as it is written, or `None` if the type is anything at all.
pub(crate) fn of_output<T: JsonSchema>() -> Option<Schema> {
    derived::<T>(SchemaSettings::draft2020_12().for_serialize())
}

fn derived<T: JsonSchema>(settings: SchemaSettings) -> Option<Schema> {
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let says_something = |key: &String| !matches!(key.as_str(), "$schema" | "title" | "description");
    if !schema
        .as_object()
        .is_some_and(|object| object.keys().any(says_something))
    {
        return None;
    }
    let schema = schema.into_schema();
    Some(schema.expect("what schemars makes is JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code)]
    struct Get {
        app: String,
        key: Option<String>,
    }

    #[test]
    fn a_type_that_derives_one_has_a_schema() {
        let schema: Value = serde_json::from_str(of_input::<Get>().unwrap().as_str()).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["required"], serde_json::json!(["app"]));
        assert!(of_output::<Get>().is_some());
    }

    #[test]
    fn a_value_that_is_anything_has_none() {
        assert!(of_input::<Value>().is_none());
    }

    #[test]
    fn text_that_is_no_json_is_refused() {
        assert!("{".into_schema().is_err());
        assert!(r#"{"type":"object"}"#.into_schema().is_ok());
    }
}
