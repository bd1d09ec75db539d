//! What a service declares of a topic.

use buslane_protocol::{ErrorCode, Problem, Topic, TopicDeclaration};
use schemars::JsonSchema;

use crate::error::own_problem;
use crate::{IntoSchema, schema};

/// The contract of a topic: it belongs to the service that declares it, and holds for whoever publishes to it.
///
/// ```
/// use buslane_client::TopicContract;
/// let contract = TopicContract::new("host/attic/cpu")
///     .schema(r#"{"type": "number", "minimum": 0, "maximum": 100}"#)
///     .retained()
///     .description("share of time that the processors were busy, in percent");
/// ```
#[derive(Clone, Debug)]
#[must_use = "a contract is declared by handing it to `ServiceBuilder::topic`"]
pub struct TopicContract {
    topic: String,
    declaration: TopicDeclaration,
    problem: Option<Box<Problem>>,
}

impl TopicContract {
    /// Declares a topic.
    pub fn new(topic: impl Into<String>) -> TopicContract {
        TopicContract {
            topic: topic.into(),
            declaration: TopicDeclaration::default(),
            problem: None,
        }
    }

    /// Sets the schema of what may be published.
    pub fn schema(mut self, schema: impl IntoSchema) -> Self {
        match schema.into_schema() {
            Ok(schema) => self.declaration.schema = Some(schema),
            Err(error) => {
                let detail = format!("topics.{}.schema: {error}", self.topic);
                self.problem = Some(own_problem(ErrorCode::InvalidSchema, detail));
            }
        }
        self
    }

    /// Sets the schema (draft 2020-12) to the one derived from a type.
    pub fn schema_of<T: JsonSchema>(mut self) -> Self {
        self.declaration.schema = schema::of_output::<T>();
        self
    }

    /// Lets publishes be retained unless they say otherwise.
    pub fn retained(mut self) -> Self {
        self.declaration.retain = true;
        self
    }

    /// Lets a publish fail with `receiver_full` instead of overflowing a receiver's queue.
    pub fn refuse_when_full(mut self) -> Self {
        self.declaration.refuse = true;
        self
    }

    /// Describes the topic, for people.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.declaration.description = Some(description.into());
        self
    }

    pub(crate) fn build(self) -> Result<(Topic<'static>, TopicDeclaration), Box<Problem>> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        match Topic::parse(self.topic) {
            Ok(topic) => Ok((topic, self.declaration)),
            Err(error) => Err(own_problem(ErrorCode::InvalidTopic, error)),
        }
    }
}
