//! One schema to hold payloads against, for whoever makes payloads instead of receiving them. Judges exactly as a
//! broker does, since it asks the same code.

use std::collections::BTreeMap;
use std::sync::Arc;

use buslane_engine::Validate;
use buslane_protocol::Schema;

use super::references::References;
use super::schema::{CompiledSchema, Source};

/// A schema that is compiled as a broker compiles those of a registration.
///
/// ```
/// use buslane_broker::Contract;
/// let contract = Contract::compile(r#"{"$ref": "level"}"#, [("level", r#"{"type": "integer"}"#)]).unwrap();
/// assert!(contract.accepts("3") && !contract.accepts("\"high\""));
/// assert!(contract.agrees("3.0") && contract.agrees("\"high\""));
/// assert!(Contract::compile(r#"{"$ref": "elsewhere"}"#, []).is_none());
/// ```
pub struct Contract(CompiledSchema);

impl Contract {
    /// Compiles a schema; `references` are the schemas that it may refer to, by URI. `None` if a broker would refuse
    /// one of them.
    pub fn compile<'a>(
        schema: &str,
        references: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Option<Contract> {
        let texts: Option<BTreeMap<String, Schema>> = references
            .into_iter()
            .map(|(uri, text)| Some((uri.to_owned(), Schema::parse(text).ok()?)))
            .collect();
        let references = Arc::new(References::parse(texts?).ok()?);
        let source = Source::new(Schema::parse(schema).ok()?, &references);
        CompiledSchema::compile(source).ok().map(Contract)
    }

    /// Tells whether a broker would let a payload through, which is JSON text.
    pub fn accepts(&self, payload: &str) -> bool {
        self.0.validate(payload.as_bytes()).is_ok()
    }

    /// Tells whether the broker's two ways of judging a payload agree: the quick one may not know, but may never say
    /// anything else than the thorough one. Always so, unless the broker has a defect.
    pub fn agrees(&self, payload: &str) -> bool {
        let (quick, thorough) = self.0.verdicts(payload.as_bytes());
        quick.is_none_or(|quick| quick == thorough)
    }
}

impl std::fmt::Debug for Contract {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Contract")
            .field(self.0.source().text())
            .finish()
    }
}
