//! Contracts: compiles the schemas of registrations, and holds payloads against them.
//!
//! # Invariants worth naming
//! - Nothing is fetched: references resolve within the registration's `schemas` and the schema itself.
//! - What outsiders register is bounded: patterns run in linear time and have a size limit, and a schema whose work
//!   could explode is refused before it is used (`cost.rs`).
//! - No error quotes a payload.

mod cache;
mod compatibility;
mod contract;
mod cost;
mod document;
mod effort;
mod node;
mod payload;
mod plan;
mod references;
mod schema;
mod size;
mod tape;
mod violation;

use std::sync::Arc;

use buslane_engine::{CompileRequest, Contracts, Place, Validate, Violation};
use buslane_protocol::{ErrorCode, Problem};

use cache::Cache;
pub(crate) use compatibility::{compare, uncompared};
pub use contract::Contract;
pub use document::{Role, SchemaDifference, SchemaDocument, SchemaDocumentError, TextChange};
use references::References;
use schema::{CompiledSchema, SchemaError, Source};

/// Compiles the schemas of registrations. Cloning shares what is compiled.
#[derive(Clone)]
pub(crate) struct Compiler(Arc<Cache>);

impl Compiler {
    /// Makes a compiler that has compiled nothing yet.
    pub(crate) fn new() -> Self {
        Compiler(Arc::new(Cache::new()))
    }

    /// Compiles every schema of a registration, or says which one cannot be used. Takes as long as it takes: it is
    /// for a thread on which nothing else waits.
    pub(crate) fn compile(&self, request: CompileRequest) -> Result<Contracts, Problem> {
        let references = References::parse(request.references)
            .map_err(|(uri, error)| problem(&format!("schemas.{uri}"), error.into()))?;
        let references = Arc::new(references);
        let compile = |(place, text): (Place, _)| {
            let source = Source::new(text, &references);
            let compiled = self
                .0
                .compiled(&source, || CompiledSchema::compile(source.clone()));
            let compiled: Arc<dyn Validate> = compiled.map_err(|error| problem(&place.to_string(), error))?;
            Ok((place, compiled))
        };
        request.schemas.into_iter().map(compile).collect()
    }
}

/// Makes the violation of a payload of which nobody can say whether it matches, since validating it panicked.
pub(crate) fn undecided() -> Violation {
    Violation::Mismatch {
        pointer: String::new(),
        keyword: "schema".to_owned(),
        expected: None,
        detail: "could not be validated, which is a defect of the broker".to_owned(),
    }
}

/// Makes the problem of a schema at a place, as the registering client is told.
fn problem(place: &str, error: SchemaError) -> Problem {
    let problem = Problem::new(ErrorCode::InvalidSchema);
    match error {
        SchemaError::Invalid {
            pointer,
            keyword,
            expected,
            reason,
        } => Problem {
            detail: Some(format!("{place} at {pointer:?}: {reason}")),
            pointer: Some(pointer),
            keyword: Some(keyword),
            expected,
            ..problem
        },
        other => problem.detail(format_args!("{place}: {other}")),
    }
}

#[cfg(test)]
mod tests;
