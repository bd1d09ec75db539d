//! Who offers what: instances by service, by name, by group and by method. Lookup only: no message is sent from here,
//! and nothing is charged.
//!
//! An [`InstanceKey`] is a generation: the key of an instance that is gone never finds another one, so the clean-up
//! of an old connection cannot remove what a newer one registered under the same name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use buslane_protocol::{
    CompatibilityReport, Id, Instant, MethodDeclaration, Name, Registration, Schema, Topic, TopicDeclaration,
};

use crate::entropy::{Entropy, HashState};
use crate::lineage::CallersKey;
use crate::slots::{SlotKey, Slots};
use crate::{ClientId, Interface, Validate};

/// An instance, or a consumer, for as long as it is registered.
pub(crate) type InstanceKey = SlotKey;

/// The secret with which a later connection takes an instance over.
pub(crate) type Secret = String;

/// A method of one instance, shared by the routes to it and by the requests that are out.
pub(crate) struct Offer {
    /// The method's name.
    pub(crate) method: Name,
    /// `service#instance`.
    pub(crate) label: Arc<str>,
    /// What requests are held against.
    pub(crate) input: Option<Arc<dyn Validate>>,
    /// What replies and chunks are held against.
    pub(crate) output: Option<Arc<dyn Validate>>,
    /// Where it is noted who calls it.
    pub(crate) callers: CallersKey,
}

/// Where a request can go.
#[derive(Clone)]
pub(crate) struct Route {
    /// The instance.
    pub(crate) instance: InstanceKey,
    /// Its client.
    pub(crate) client: ClientId,
    /// Its method.
    pub(crate) offer: Arc<Offer>,
}

/// One live registration.
pub(crate) struct Instance {
    /// Who holds it.
    pub(crate) client: ClientId,
    /// The instance's name, chosen by the broker where the registration names none.
    pub(crate) name: Name,
    /// `service#instance`.
    pub(crate) label: Arc<str>,
    /// What was declared, without the instance's name and without what was compiled from it.
    pub(crate) declared: Declared,
    /// The same as it is compared with other versions, where it is remembered.
    pub(crate) interface: Option<Arc<Interface>>,
    /// What it was found to break when it was registered.
    pub(crate) report: Option<Arc<CompatibilityReport>>,
    /// Every compiled schema that it uses.
    pub(crate) compiled: Vec<Arc<dyn Validate>>,
    /// The methods, compiled.
    pub(crate) offers: BTreeMap<Name, Arc<Offer>>,
    /// With which it can be taken over.
    pub(crate) secret: Secret,
    /// When it was registered.
    pub(crate) since: Instant,
    /// Counts up over all registrations.
    pub(crate) order: u64,
    /// Requests that it has not answered yet.
    pub(crate) outstanding: u32,
    /// When it was last chosen, in choices of the registry.
    pub(crate) used: u64,
    /// The `unregister {drain}` messages that wait for its last answer; `None` while it takes requests.
    pub(crate) draining: Option<Vec<Option<Id>>>,
    /// Bytes charged for it.
    pub(crate) charged: usize,
}

/// What a registration declares, verbatim, for `describe`.
pub(crate) struct Declared {
    /// The service's name.
    pub(crate) service: Name,
    /// The service's version.
    pub(crate) version: String,
    /// Its groups.
    pub(crate) groups: Vec<Name>,
    /// Its methods with their schemas.
    pub(crate) methods: BTreeMap<Name, MethodDeclaration>,
    /// Its topics with their contracts.
    pub(crate) topics: BTreeMap<Topic<'static>, TopicDeclaration>,
    /// Schemas to which the others refer.
    pub(crate) schemas: BTreeMap<String, Schema>,
    /// Anything else.
    pub(crate) meta: Option<serde_json::Value>,
}

impl From<Registration> for Declared {
    fn from(registration: Registration) -> Declared {
        let Registration {
            name,
            version,
            mut groups,
            methods,
            topics,
            schemas,
            meta,
            ..
        } = registration;
        groups.sort();
        groups.dedup();
        Declared {
            service: name,
            version,
            groups,
            methods,
            topics,
            schemas,
            meta,
        }
    }
}

impl Instance {
    /// Tells whether it offers no method, so that its coming and going is not announced.
    pub(crate) fn is_consumer(&self) -> bool {
        self.declared.methods.is_empty()
    }
}

/// Why no instance was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Nobody registered the service, the instance or the group.
    Unknown,
    /// There is one, but without the method.
    NoMethod,
    /// The only ones are finishing what they have.
    Draining,
}

/// All instances with this service name.
struct Service {
    /// All of them, consumers and draining ones included, by name.
    instances: BTreeMap<Name, InstanceKey>,
    /// Those that take requests, by method, in the order of their registration.
    routes: HashMap<Name, Vec<Route>, HashState>,
    /// How many are announced: not consumers.
    announced: usize,
}

/// Who offers what.
pub(crate) struct Registry {
    instances: Slots<Instance>,
    services: HashMap<Name, Service, HashState>,
    /// The names of those that are announced, in order, for listings and snapshots.
    names: BTreeSet<Name>,
    groups: HashMap<Name, Vec<InstanceKey>, HashState>,
    methods: HashMap<Name, Vec<Route>, HashState>,
    secrets: HashMap<Secret, InstanceKey, HashState>,
    consumers: usize,
    choices: u64,
    arrivals: u64,
    hashing: HashState,
}

impl Registry {
    /// Makes an empty registry.
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        Registry {
            instances: Slots::default(),
            services: HashMap::with_hasher(entropy.hash_state()),
            names: BTreeSet::new(),
            groups: HashMap::with_hasher(entropy.hash_state()),
            methods: HashMap::with_hasher(entropy.hash_state()),
            secrets: HashMap::with_hasher(entropy.hash_state()),
            consumers: 0,
            choices: 0,
            arrivals: 0,
            hashing: entropy.hash_state(),
        }
    }

    /// Adds an instance, which takes requests from now on.
    pub(crate) fn insert(&mut self, mut instance: Instance) -> InstanceKey {
        self.arrivals += 1;
        instance.order = self.arrivals;
        let service = instance.declared.service.clone();
        let (name, secret, consumer) = (
            instance.name.clone(),
            instance.secret.clone(),
            instance.is_consumer(),
        );
        let key = self.instances.insert(instance);
        self.secrets.insert(secret, key);
        if !consumer {
            self.names.insert(service.clone());
        }
        let hashing = self.hashing.clone();
        let entry = self.services.entry(service).or_insert_with(|| Service {
            instances: BTreeMap::new(),
            routes: HashMap::with_hasher(hashing),
            announced: 0,
        });
        entry.instances.insert(name, key);
        entry.announced += usize::from(!consumer);
        self.consumers += usize::from(consumer);
        self.add_routes(key);
        key
    }

    /// Removes an instance and everything that leads to it.
    pub(crate) fn remove(&mut self, key: InstanceKey) -> Option<Instance> {
        self.remove_routes(key);
        let instance = self.instances.remove(key)?;
        let consumer = instance.is_consumer();
        self.consumers -= usize::from(consumer);
        self.secrets.remove(&instance.secret);
        if let Some(service) = self.services.get_mut(&instance.declared.service) {
            service.instances.remove(&instance.name);
            service.announced -= usize::from(!consumer);
            if service.announced == 0 {
                self.names.remove(&instance.declared.service);
            }
            if service.instances.is_empty() {
                self.services.remove(&instance.declared.service);
            }
        }
        Some(instance)
    }

    /// Takes an instance off every route, so that it gets no new requests.
    pub(crate) fn remove_routes(&mut self, key: InstanceKey) {
        let Some(instance) = self.instances.get(key) else {
            return;
        };
        let Declared { service, groups, .. } = &instance.declared;
        for method in instance.offers.keys() {
            if let Some(service) = self.services.get_mut(service) {
                withdraw(&mut service.routes, method, |route| route.instance == key);
            }
            withdraw(&mut self.methods, method, |route| route.instance == key);
        }
        for group in groups {
            withdraw(&mut self.groups, group, |member| *member == key);
        }
    }

    fn add_routes(&mut self, key: InstanceKey) {
        let Some(instance) = self.instances.get(key) else {
            return;
        };
        for (method, offer) in &instance.offers {
            let route = Route {
                instance: key,
                client: instance.client,
                offer: offer.clone(),
            };
            if let Some(service) = self.services.get_mut(&instance.declared.service) {
                service
                    .routes
                    .entry(method.clone())
                    .or_default()
                    .push(route.clone());
            }
            self.methods.entry(method.clone()).or_default().push(route);
        }
        for group in &instance.declared.groups {
            self.groups.entry(group.clone()).or_default().push(key);
        }
    }

    /// Returns an instance.
    pub(crate) fn instance(&self, key: InstanceKey) -> Option<&Instance> {
        self.instances.get(key)
    }

    /// Returns an instance for a change of its bookkeeping; its names and methods must stay.
    pub(crate) fn instance_mut(&mut self, key: InstanceKey) -> Option<&mut Instance> {
        self.instances.get_mut(key)
    }

    /// Finds an instance by its names.
    pub(crate) fn find(&self, service: &str, instance: &str) -> Option<InstanceKey> {
        self.services.get(service)?.instances.get(instance).copied()
    }

    /// Finds the instance of a secret.
    pub(crate) fn by_secret(&self, secret: &str) -> Option<InstanceKey> {
        self.secrets.get(secret).copied()
    }

    /// Chooses the instance of a service with the fewest requests outstanding, of equals the least recently used.
    pub(crate) fn choose(&self, service: &str, method: &str) -> Result<Route, Miss> {
        let found = self.services.get(service).ok_or(Miss::Unknown)?;
        let routes = found.routes.get(method).ok_or_else(|| self.miss(found, method))?;
        let load = |route: &&Route| {
            let instance = self
                .instances
                .get(route.instance)
                .expect("routes lead to instances that are there");
            (instance.outstanding, instance.used)
        };
        Ok(routes
            .iter()
            .min_by_key(load)
            .expect("a method without routes is removed")
            .clone())
    }

    /// Finds the route to a method of a certain instance.
    pub(crate) fn choose_instance(&self, service: &str, instance: &str, method: &str) -> Result<Route, Miss> {
        let key = self.find(service, instance).ok_or(Miss::Unknown)?;
        let found = self.instances.get(key).ok_or(Miss::Unknown)?;
        let offer = found.offers.get(method).ok_or(Miss::NoMethod)?;
        if found.draining.is_some() {
            return Err(Miss::Draining);
        }
        Ok(Route {
            instance: key,
            client: found.client,
            offer: offer.clone(),
        })
    }

    /// Appends the routes to a method of every instance of a group, in the order of their registration.
    pub(crate) fn choose_group(&self, group: &str, method: &str, out: &mut Vec<Route>) -> Result<(), Miss> {
        let members = self.groups.get(group).ok_or(Miss::Unknown)?;
        let before = out.len();
        for key in members {
            let instance = self
                .instances
                .get(*key)
                .expect("groups hold instances that are there");
            if let Some(offer) = instance.offers.get(method) {
                out.push(Route {
                    instance: *key,
                    client: instance.client,
                    offer: offer.clone(),
                });
            }
        }
        if out.len() > before {
            Ok(())
        } else {
            Err(Miss::NoMethod)
        }
    }

    /// Appends the routes to a method of every instance that has it, in the order of their registration.
    pub(crate) fn choose_every(&self, method: &str, out: &mut Vec<Route>) -> Result<(), Miss> {
        out.extend_from_slice(self.methods.get(method).ok_or(Miss::Unknown)?);
        Ok(())
    }

    /// Tells whether several instances of a service are one client's, who has these registrations. Looks at those of the
    /// client or those of the service, whichever are fewer.
    pub(crate) fn has_several(&self, service: &str, client: ClientId, registrations: &[InstanceKey]) -> bool {
        let Some(found) = self.services.get(service) else {
            return false;
        };
        let is_meant = |key: &&InstanceKey| {
            self.instances.get(**key).is_some_and(|instance| {
                instance.client == client && instance.declared.service.as_str() == service
            })
        };
        if found.instances.len() < registrations.len() {
            found.instances.values().filter(is_meant).nth(1).is_some()
        } else {
            registrations.iter().filter(is_meant).nth(1).is_some()
        }
    }

    /// Notes that an instance was handed a request.
    pub(crate) fn mark_used(&mut self, key: InstanceKey) {
        self.choices += 1;
        if let Some(instance) = self.instances.get_mut(key) {
            instance.used = self.choices;
        }
    }

    fn miss(&self, service: &Service, method: &str) -> Miss {
        let has = |key: &InstanceKey| {
            self.instances
                .get(*key)
                .is_some_and(|one| one.offers.contains_key(method))
        };
        if service.instances.values().any(has) {
            Miss::Draining
        } else {
            Miss::NoMethod
        }
    }

    /// Tells how many instances of a service are announced.
    pub(crate) fn announced(&self, service: &str) -> usize {
        self.services.get(service).map_or(0, |service| service.announced)
    }

    /// Returns the names of the services that are announced in order, from `after` on (excluded).
    pub(crate) fn names_after(&self, after: Option<&str>) -> impl Iterator<Item = &Name> {
        self.names
            .range::<str, _>((after.map_or(Unbounded, Excluded), Unbounded))
    }

    /// Returns the announced instances of a service in the order of their names, from `after` on (excluded).
    pub(crate) fn instances_after(
        &self,
        service: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = &Instance> {
        let from = after.map_or(Unbounded, Excluded);
        let keys = self
            .services
            .get(service)
            .map(|service| service.instances.range::<str, _>((from, Unbounded)));
        let instances = keys
            .into_iter()
            .flatten()
            .filter_map(|(_, key)| self.instances.get(*key));
        instances.filter(|instance| !instance.is_consumer())
    }

    /// Returns how many services have an instance that is announced.
    pub(crate) fn service_count(&self) -> usize {
        self.names.len()
    }

    /// Returns how many instances are announced.
    pub(crate) fn instance_count(&self) -> usize {
        self.instances.len() - self.consumers
    }

    /// Returns how many consumers there are.
    pub(crate) fn consumer_count(&self) -> usize {
        self.consumers
    }
}

/// Removes what fits from a list, and the list when it is empty.
fn withdraw<T>(lists: &mut HashMap<Name, Vec<T>, HashState>, name: &Name, fits: impl Fn(&T) -> bool) {
    if let Some(list) = lists.get_mut(name) {
        list.retain(|item| !fits(item));
        if list.is_empty() {
            lists.remove(name);
        }
    }
}
