//! What the bus remembers of each service: the interfaces that it accepted lately, who serves them, and who called
//! which method. Lookup and bookkeeping only: what follows from a change is decided in `compatibility.rs`.
//!
//! A service is remembered beyond its last instance, so that its next version is held against it. That memory is
//! bounded in services and in bytes, and gives way, the longest forgotten service first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use buslane_protocol::Name;

use crate::ClientId;
use crate::Interface;
use crate::clients::Clients;
use crate::entropy::{Entropy, HashState};
use crate::ledger::Ledger;
use crate::memory::Category;
use crate::slots::{SlotKey, Slots};

/// The key of the callers of a method.
pub(crate) type CallersKey = SlotKey;

/// What the bus remembers of all services.
pub(crate) struct Lineages {
    services: HashMap<Name, Lineage, HashState>,
    callers: Slots<Callers>,
    /// Services without an instance, by when they lost the last one.
    idle: BTreeMap<u64, Name>,
    bytes: usize,
    most_bytes: usize,
    /// Counts every change of any service.
    changes: u64,
}

/// What is remembered of one service.
#[derive(Default)]
struct Lineage {
    /// The interfaces that were accepted, the newest last.
    accepted: Vec<Accepted>,
    /// Who called which method.
    methods: BTreeMap<Name, CallersKey>,
    /// When the newest interface became that.
    changed: u64,
    /// Its place among the idle ones, if it is one.
    idle: Option<u64>,
    bytes: usize,
}

struct Accepted {
    interface: Arc<Interface>,
    instances: usize,
}

/// Who called a method.
#[derive(Default)]
struct Callers {
    /// Who called last, which is asked first.
    last: Option<ClientId>,
    all: Vec<ClientId>,
    /// Whether more called than there is room for.
    is_full: bool,
}

impl Lineages {
    /// Remembers nothing yet, and never more than this many bytes.
    pub(crate) fn new(entropy: &mut Entropy, most_bytes: usize) -> Self {
        Lineages {
            services: HashMap::with_hasher(entropy.hash_state()),
            callers: Slots::default(),
            idle: BTreeMap::new(),
            bytes: 0,
            most_bytes,
            changes: 0,
        }
    }

    /// Returns the newest interface of a service.
    pub(crate) fn newest(&self, service: &Name) -> Option<&Arc<Interface>> {
        let accepted = self.services.get(service)?.accepted.last()?;
        Some(&accepted.interface)
    }

    /// Returns what changes whenever the newest interface of a service does.
    pub(crate) fn changed(&self, service: &Name) -> u64 {
        self.services.get(service).map_or(0, |lineage| lineage.changed)
    }

    /// Tells whether an instance that is there declares the same.
    pub(crate) fn is_served(&self, service: &Name, interface: &Interface) -> bool {
        self.find(service, interface)
            .is_some_and(|accepted| accepted.instances > 0)
    }

    /// Tells whether the same was accepted before.
    pub(crate) fn was_accepted(&self, service: &Name, interface: &Interface) -> bool {
        self.find(service, interface).is_some()
    }

    fn find(&self, service: &Name, interface: &Interface) -> Option<&Accepted> {
        let accepted = &self.services.get(service)?.accepted;
        accepted.iter().find(|one| one.interface.says_the_same(interface))
    }

    /// Takes in an instance, whose interface is the newest from now on. Returns the interface as it is shared by all
    /// who declare it; it is not remembered where there is no memory for it.
    pub(crate) fn enter(
        &mut self,
        ledger: &mut Ledger,
        service: &Name,
        interface: Interface,
    ) -> Arc<Interface> {
        let bytes = interface.bytes() + interface.methods.len() * CALLERS_BYTES + LINEAGE_BYTES;
        let known = self.services.get_mut(service).and_then(|lineage| {
            let same = |one: &Accepted| one.interface.says_the_same(&interface);
            Some((lineage.accepted.iter().position(same)?, lineage))
        });
        if let Some((position, lineage)) = known {
            let mut accepted = lineage.accepted.remove(position);
            accepted.instances += 1;
            let shared = accepted.interface.clone();
            if position < lineage.accepted.len() {
                self.changes += 1;
                lineage.changed = self.changes;
            }
            lineage.accepted.push(accepted);
            if let Some(idle) = lineage.idle.take() {
                self.idle.remove(&idle);
            }
            return shared;
        }
        let interface = Arc::new(interface);
        if self.make_room(ledger, service, bytes) {
            self.remember(service, interface.clone(), bytes);
        }
        interface
    }

    fn make_room(&mut self, ledger: &mut Ledger, service: &Name, bytes: usize) -> bool {
        if bytes > self.most_bytes {
            return false;
        }
        loop {
            let fits = self.bytes + bytes <= self.most_bytes
                && (self.idle.len() < MOST_IDLE || self.services.contains_key(service));
            if fits && ledger.charge(Category::Contracts, bytes) {
                self.bytes += bytes;
                return true;
            }
            let Some(oldest) = self.idle.values().find(|name| *name != service).cloned() else {
                return false;
            };
            self.forget(ledger, &oldest);
        }
    }

    fn remember(&mut self, service: &Name, interface: Arc<Interface>, bytes: usize) {
        self.changes += 1;
        let lineage = self.services.entry(service.clone()).or_default();
        lineage.changed = self.changes;
        lineage.bytes += bytes;
        if let Some(idle) = lineage.idle.take() {
            self.idle.remove(&idle);
        }
        for method in interface.methods.keys() {
            if !lineage.methods.contains_key(method) {
                lineage
                    .methods
                    .insert(method.clone(), self.callers.insert(Callers::default()));
            }
        }
        lineage.accepted.push(Accepted {
            interface,
            instances: 1,
        });
        if lineage.accepted.len() > MOST_ACCEPTED {
            // One that is served stays if there is one that is not; its charge goes with the service.
            let unused = lineage.accepted.iter().position(|one| one.instances == 0);
            lineage.accepted.remove(unused.unwrap_or(0));
        }
    }

    /// Takes note that an instance is gone.
    pub(crate) fn leave(&mut self, service: &Name, interface: &Arc<Interface>) {
        let Some(lineage) = self.services.get_mut(service) else {
            return;
        };
        let own = lineage
            .accepted
            .iter_mut()
            .find(|one| Arc::ptr_eq(&one.interface, interface));
        if let Some(accepted) = own {
            accepted.instances -= 1;
        }
        if lineage.idle.is_none() && lineage.accepted.iter().all(|one| one.instances == 0) {
            self.changes += 1;
            lineage.idle = Some(self.changes);
            self.idle.insert(self.changes, service.clone());
        }
    }

    fn forget(&mut self, ledger: &mut Ledger, service: &Name) {
        let Some(lineage) = self.services.remove(service) else {
            return;
        };
        if let Some(idle) = lineage.idle {
            self.idle.remove(&idle);
        }
        for callers in lineage.methods.into_values() {
            self.callers.remove(callers);
        }
        self.bytes -= lineage.bytes;
        ledger.release(Category::Contracts, lineage.bytes);
    }

    /// Returns the key under which calls of a method are noted.
    pub(crate) fn callers_key(&self, service: &Name, method: &Name) -> CallersKey {
        let known = self
            .services
            .get(service)
            .and_then(|lineage| lineage.methods.get(method));
        known.copied().unwrap_or(NOBODY)
    }

    /// Notes that a client called a method.
    #[inline]
    pub(crate) fn note_call(&mut self, key: CallersKey, caller: ClientId, clients: &Clients) {
        if let Some(callers) = self.callers.get_mut(key)
            && callers.last != Some(caller)
        {
            callers.note(caller, clients);
        }
    }

    /// Returns the clients that called a method and are there, and whether there may be more.
    pub(crate) fn callers(&self, service: &Name, method: &Name) -> (Vec<ClientId>, bool) {
        match self.callers.get(self.callers_key(service, method)) {
            Some(callers) => (callers.all.clone(), callers.is_full),
            None => (Vec::new(), false),
        }
    }
}

impl Callers {
    #[cold]
    fn note(&mut self, caller: ClientId, clients: &Clients) {
        self.last = Some(caller);
        if self.all.contains(&caller) {
            return;
        }
        if self.all.len() >= MOST_CALLERS {
            self.all.retain(|known| clients.alive(*known).is_some());
        }
        if self.all.len() < MOST_CALLERS {
            self.all.push(caller);
        } else {
            self.is_full = true;
        }
    }
}

/// Interfaces of one service that are remembered: what was rolled back may come again.
const MOST_ACCEPTED: usize = 4;
/// Services without instances that are remembered.
const MOST_IDLE: usize = 1_024;
/// Callers of a method that are remembered by name.
const MOST_CALLERS: usize = 16;
/// Bytes charged for the callers of one method.
const CALLERS_BYTES: usize = 256;
/// Bytes charged for an interface beside what it declares.
const LINEAGE_BYTES: usize = 256;
/// The key of no method.
const NOBODY: CallersKey = SlotKey::new(u32::MAX, u32::MAX);
