//! A schema with what its references are resolved against.

use referencing::{Draft, Resolver};
use serde_json::{Map, Value};

/// A schema in its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    schema: &'a Value,
    resolver: Resolver<'a>,
    draft: Draft,
}

impl<'a> Node<'a> {
    /// Makes the node of a document.
    pub(super) fn new(schema: &'a Value, resolver: Resolver<'a>, draft: Draft) -> Node<'a> {
        Node {
            schema,
            resolver,
            draft,
        }
    }

    /// Makes the node of a part.
    pub(super) fn part(&self, schema: &'a Value) -> Node<'a> {
        let resolver = self
            .resolver
            .in_subresource(self.draft.create_resource_ref(schema))
            .unwrap_or_else(|_| self.resolver.clone());
        Node {
            schema,
            resolver,
            draft: self.draft,
        }
    }

    /// Makes the nodes of the parts of a list.
    pub(super) fn parts(&self, keyword: &str) -> Vec<Node<'a>> {
        let list = self.schema.get(keyword).and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .map(|schema| self.part(schema))
            .collect()
    }

    /// Makes the node of a keyword whose value is a schema.
    pub(super) fn under(&self, keyword: &str) -> Option<Node<'a>> {
        let schema = self.schema.get(keyword)?;
        is_schema(schema).then(|| self.part(schema))
    }

    /// Makes the nodes of a keyword whose value is an object of schemas.
    pub(super) fn members(&self, keyword: &str) -> Vec<(&'a str, Node<'a>)> {
        let members = self.schema.get(keyword).and_then(Value::as_object);
        let schemas = members
            .into_iter()
            .flatten()
            .filter(|(_, schema)| is_schema(schema));
        schemas
            .map(|(name, schema)| (name.as_str(), self.part(schema)))
            .collect()
    }

    /// Follows a reference.
    pub(super) fn follow(&self, reference: &str) -> Option<Node<'a>> {
        let (schema, resolver, draft) = self.resolver.lookup(reference).ok()?.into_inner();
        Some(Node {
            schema,
            resolver,
            draft,
        })
    }

    /// Returns the schema.
    pub(super) fn schema(&self) -> &'a Value {
        self.schema
    }

    /// Returns the value of a keyword.
    pub(super) fn keyword(&self, name: &str) -> Option<&'a Value> {
        self.schema.get(name)
    }

    /// Returns the keywords, unless the schema is just true or false.
    pub(super) fn keywords(&self) -> Option<&'a Map<String, Value>> {
        self.schema.as_object()
    }

    /// Tells whether keywords beside a reference count.
    pub(super) fn reads_beside_references(&self) -> bool {
        !matches!(self.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
    }

    /// Tells how much a value of the schema is likely to need: scalars least, references most.
    pub(super) fn weight(&self) -> u8 {
        let Some(keywords) = self.keywords() else { return 0 };
        match keywords.get("type").and_then(Value::as_str) {
            _ if keywords.contains_key("$ref") => 3,
            Some("object") => 2,
            Some("array") => 1,
            _ => 0,
        }
    }
}

fn is_schema(value: &Value) -> bool {
    value.is_object() || value.is_boolean()
}
