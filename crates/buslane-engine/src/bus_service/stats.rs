//! The numbers of `$bus:stats`: the same as those of the metrics.

use serde_json::{Map, Value, json};

use crate::Counters;
use crate::engine::Engine;
use crate::memory::Category;

impl Engine {
    pub(super) fn stats(&self) -> Value {
        let counters = self.counters();
        let received = Counters::TYPES.iter().zip(counters.received);
        let memory = Category::ALL.map(|category| (category.as_str(), self.ledger.memory.used(category)));
        json!({
            "node": self.config.node,
            "server": self.config.server,
            "uptime_ms": self.now.as_micros() / 1_000,
            "counters": counters.numbers().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<Map<_, _>>(),
            "received": received.map(|(name, value)| ((*name).to_owned(), Value::from(value))).collect::<Map<_, _>>(),
            "refused": counters.refused.iter().map(|(code, count)| (code.to_string(), Value::from(count))).collect::<Map<_, _>>(),
            "closed": counters.closed_for.iter().map(|(reason, count)| (reason.as_str().to_owned(), Value::from(count))).collect::<Map<_, _>>(),
            "gauges": self.gauges().numbers().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<Map<_, _>>(),
            "memory": memory.map(|(name, bytes)| (name.to_owned(), Value::from(bytes))).into_iter().collect::<Map<_, _>>(),
        })
    }
}
