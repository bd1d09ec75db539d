//! What services declare about topics: schema, retained or not, refusing or dropping. Owns who declared what and which
//! declaration holds; checks no payload.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use buslane_protocol::{Name, Topic, TopicDeclaration};

use crate::Validate;
use crate::entropy::{Entropy, HashState};
use crate::registry::InstanceKey;

/// What holds for publishes to a topic.
#[derive(Clone)]
pub(crate) struct TopicContract {
    /// The service that the topic belongs to.
    pub(crate) service: Name,
    /// What it declared.
    pub(crate) declared: TopicDeclaration,
    /// The schema, compiled.
    pub(crate) validator: Option<Arc<dyn Validate>>,
}

/// What an instance declared.
type Declaration = (InstanceKey, Arc<TopicContract>);

/// What services declare about topics.
pub(crate) struct TopicContracts {
    /// The declarations of each topic, the one that holds last.
    topics: HashMap<Arc<str>, Vec<Declaration>, HashState>,
    /// The same topics in order, for listings.
    names: BTreeSet<Arc<str>>,
}

impl TopicContracts {
    /// Makes an empty table.
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        TopicContracts {
            topics: HashMap::with_hasher(entropy.hash_state()),
            names: BTreeSet::new(),
        }
    }

    /// Returns what holds for a topic.
    #[inline]
    pub(crate) fn find(&self, topic: &str) -> Option<&Arc<TopicContract>> {
        if self.topics.is_empty() {
            return None;
        }
        self.topics
            .get(topic)
            .and_then(|declarations| declarations.last())
            .map(|(_, contract)| contract)
    }

    /// Finds the service whose contract for a topic forbids another service to declare this one.
    pub(crate) fn conflict(
        &self,
        service: &Name,
        topic: &Topic<'_>,
        declared: &TopicDeclaration,
    ) -> Option<&Name> {
        let differs = |contract: &TopicContract| {
            let known = &contract.declared;
            contract.service != *service
                && (&known.schema, known.retain, known.refuse)
                    != (&declared.schema, declared.retain, declared.refuse)
        };
        let declarations = self.topics.get(topic.as_str())?;
        declarations
            .iter()
            .find(|(_, contract)| differs(contract))
            .map(|(_, contract)| &contract.service)
    }

    /// Adds what an instance declares. It holds from now on.
    pub(crate) fn declare(&mut self, instance: InstanceKey, topic: &Topic<'_>, contract: TopicContract) {
        let name = match self.topics.get_key_value(topic.as_str()) {
            Some((name, _)) => name.clone(),
            None => Arc::from(topic.as_str()),
        };
        self.names.insert(name.clone());
        self.topics
            .entry(name)
            .or_default()
            .push((instance, Arc::new(contract)));
    }

    /// Removes what an instance declared about a topic.
    pub(crate) fn withdraw(&mut self, instance: InstanceKey, topic: &str) {
        let Some(declarations) = self.topics.get_mut(topic) else {
            return;
        };
        declarations.retain(|(declarer, _)| *declarer != instance);
        if declarations.is_empty() {
            self.topics.remove(topic);
            self.names.remove(topic);
        }
    }

    /// Returns the topics with a contract in order, from `after` on (excluded).
    pub(crate) fn after(&self, after: Option<&str>) -> impl Iterator<Item = (&str, &Arc<TopicContract>)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let names = self
            .names
            .range::<str, _>((after.map_or(Unbounded, Excluded), Unbounded));
        names.filter_map(|name| self.find(name).map(|contract| (&**name, contract)))
    }
}
