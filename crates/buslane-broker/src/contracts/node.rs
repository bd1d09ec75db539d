//! A schema in its surroundings: where its references lead, by which draft it is read. Judges nothing.

use jsonschema::Draft;
use referencing::Resolver;
use serde_json::Value;

/// A schema in its surroundings.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) schema: &'a Value,
    resolver: Resolver<'a>,
    pub(super) draft: Draft,
    /// Whether the resolver knows of the schema's own `$id`.
    entered: bool,
}

impl<'a> Node<'a> {
    /// Makes the node of a whole document.
    pub(super) fn root(schema: &'a Value, resolver: Resolver<'a>, draft: Draft) -> Self {
        Node {
            schema,
            resolver,
            draft,
            entered: false,
        }
    }

    /// Tells schemas apart: documents do not move while they are looked at.
    pub(super) fn place(&self) -> usize {
        self.schema as *const Value as usize
    }

    /// Makes the node of a part of this schema's document.
    pub(super) fn part(&self, schema: &'a Value) -> Node<'a> {
        Node {
            schema,
            entered: false,
            ..self.clone()
        }
    }

    /// Enters the schema, which may have a draft and an `$id` of its own.
    pub(super) fn enter(&self) -> Result<Node<'a>, referencing::Error> {
        if self.entered {
            return Ok(self.clone());
        }
        let draft = self.draft.detect(self.schema);
        let resolver = self
            .resolver
            .in_subresource(draft.create_resource_ref(self.schema))?;
        Ok(Node {
            schema: self.schema,
            resolver,
            draft,
            entered: true,
        })
    }

    /// Finds the schema that a reference names.
    pub(super) fn target(&self, reference: &str) -> Result<Node<'a>, referencing::Error> {
        let (schema, resolver, draft) = self.resolver.lookup(reference)?.into_inner();
        Ok(Node {
            schema,
            resolver,
            draft,
            entered: true,
        })
    }

    /// Tells whether a reference hides everything that stands beside it, as in the older drafts.
    pub(super) fn reference_hides(&self) -> bool {
        matches!(self.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
    }
}
