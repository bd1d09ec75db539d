//! A schema in its surroundings: where its references lead, by which draft it is read. Judges nothing.

use jsonschema::Draft;
use referencing::Resolver;
use serde_json::Value;

/// A schema in its surroundings.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) schema: &'a Value,
    pub(super) resolver: Resolver<'a>,
    pub(super) draft: Draft,
}

impl<'a> Node<'a> {
    /// Tells schemas apart: documents do not move while they are looked at.
    pub(super) fn place(&self) -> usize {
        self.schema as *const Value as usize
    }

    /// Makes the node of a part of this schema's document.
    pub(super) fn part(&self, schema: &'a Value) -> Node<'a> {
        Node {
            schema,
            ..self.clone()
        }
    }

    /// Enters the schema, which may have a draft and an `$id` of its own.
    pub(super) fn enter(&self) -> Result<Node<'a>, referencing::Error> {
        let draft = self.draft.detect(self.schema);
        let resolver = self
            .resolver
            .in_subresource(draft.create_resource_ref(self.schema))?;
        Ok(Node {
            schema: self.schema,
            resolver,
            draft,
        })
    }

    /// Finds the schema that a reference names.
    pub(super) fn target(&self, reference: &str) -> Result<Node<'a>, referencing::Error> {
        let (schema, resolver, draft) = self.resolver.lookup(reference)?.into_inner();
        Ok(Node {
            schema,
            resolver,
            draft,
        })
    }

    /// Tells whether a reference hides everything that stands beside it, as in the older drafts.
    pub(super) fn reference_hides(&self) -> bool {
        matches!(self.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
    }
}
