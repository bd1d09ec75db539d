//! Compiled schemas in use: what they hold is charged once, however many share one, and given back with the last.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Validate;
use crate::entropy::{Entropy, HashState};
use crate::ledger::Ledger;
use crate::memory::Category;

/// The compiled schemas that instances use.
pub(crate) struct Compiled {
    /// By their place in memory, which is theirs while somebody uses them.
    uses: HashMap<usize, Use, HashState>,
}

struct Use {
    count: usize,
    bytes: usize,
}

impl Compiled {
    /// Makes an empty table.
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        Compiled {
            uses: HashMap::with_hasher(entropy.hash_state()),
        }
    }

    /// Notes that an instance uses these; tells whether there is memory for those that are new.
    #[must_use]
    pub(crate) fn take(&mut self, ledger: &mut Ledger, validators: &[Arc<dyn Validate>]) -> bool {
        for (taken, validator) in validators.iter().enumerate() {
            let known = self.uses.entry(address(validator)).or_insert_with(|| Use {
                count: 0,
                bytes: validator.bytes(),
            });
            if known.count == 0 && !ledger.charge(Category::Contracts, known.bytes) {
                self.uses.retain(|_, known| known.count > 0);
                self.give(ledger, &validators[..taken]);
                return false;
            }
            known.count += 1;
        }
        true
    }

    /// Notes that an instance that used these is gone.
    pub(crate) fn give(&mut self, ledger: &mut Ledger, validators: &[Arc<dyn Validate>]) {
        for validator in validators {
            let place = address(validator);
            let Some(known) = self.uses.get_mut(&place) else {
                continue;
            };
            known.count -= 1;
            if known.count == 0 {
                ledger.release(Category::Contracts, known.bytes);
                self.uses.remove(&place);
            }
        }
    }
}

fn address(validator: &Arc<dyn Validate>) -> usize {
    Arc::as_ptr(validator).cast::<()>() as usize
}
