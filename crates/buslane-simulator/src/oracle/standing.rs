//! What programs behind sessions hold for as long as they wish: registrations and subscriptions, which come back with
//! each connection.

use buslane_session::{Event, RegistrationKey, SubscriptionKey};

use super::{Oracle, Subject};

/// A registration of a program.
#[derive(Debug)]
pub(super) struct Offer {
    service: String,
    /// The instance, while the program believes to hold it.
    stands: Option<String>,
    /// The instance that it held at any time.
    known: Option<String>,
    /// Whether the program was told, on this connection, that it does not hold it.
    failed: bool,
    /// Whether the program has given it up.
    ending: bool,
}

/// A subscription of a program.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) filter: String,
    pub(super) shared: Option<String>,
    pub(super) stands: bool,
    /// Whether a connection was lost since its last gap.
    pub(super) unsure: bool,
}

impl Oracle {
    /// Takes in a registration of a program.
    pub(crate) fn program_offers(&mut self, program: usize, key: RegistrationKey, service: &str) {
        let offer = Offer {
            service: service.to_owned(),
            stands: None,
            known: None,
            failed: false,
            ending: false,
        };
        self.programs.0[program].offers.insert(key, offer);
    }

    /// Takes in that a program gives a registration up.
    pub(crate) fn program_withdraws(&mut self, program: usize, key: RegistrationKey) {
        if let Some(offer) = self.programs.0[program].offers.get_mut(&key) {
            offer.ending = true;
        }
    }

    /// Takes in that a session asks the broker for a registration: what it held before, with its secret.
    pub(crate) fn program_registers(
        &mut self,
        program: usize,
        service: &str,
        instance: Option<&str>,
        proven: bool,
    ) {
        let Some(instance) = instance else { return };
        let known = &mut self.programs.0[program];
        // Further registrations of the same name are the program's own mistakes.
        let first = known.registered.insert((service.to_owned(), instance.to_owned()));
        let is_it = |offer: &Offer| offer.service == service && offer.known.as_deref() == Some(instance);
        if first && !proven && known.offers.values().any(is_it) {
            let promise = "a session comes back with the secrets of its registrations";
            self.broken(promise, &[Subject::Program(program)]);
        }
    }

    /// Takes in a subscription.
    pub(crate) fn program_subscribed(
        &mut self,
        program: usize,
        key: SubscriptionKey,
        filter: &str,
        shared: Option<&str>,
    ) {
        let wish = Wish {
            filter: filter.to_owned(),
            shared: shared.map(str::to_owned),
            stands: false,
            unsure: false,
        };
        self.programs.0[program].subscriptions.insert(key, wish);
    }

    /// Takes in that a subscription was given up: nothing of it may follow.
    pub(crate) fn program_unsubscribed(&mut self, program: usize, key: SubscriptionKey) {
        self.programs.0[program].subscriptions.remove(&key);
    }

    /// Takes in what a session told its program about what is to stand, and about its connection.
    pub(super) fn standing_told(&mut self, program: usize, event: &Event<'_>) {
        let known = &mut self.programs.0[program];
        match event {
            Event::Registered { key, instance, .. } => self.offer_stands(program, *key, instance.as_str()),
            Event::RegistrationFailed { key, retry_at, .. } => {
                self.offer_failed(program, *key, retry_at.is_some());
            }
            Event::Unregistered { key } => {
                known.offers.remove(key);
            }
            Event::Subscribed { key } => {
                if let Some(wish) = known.subscriptions.get_mut(key) {
                    wish.stands = true;
                }
            }
            Event::SubscriptionFailed { key, .. } => {
                known.subscriptions.remove(key);
            }
            Event::Gap {
                keys, unknown: true, ..
            } => {
                for key in keys.iter() {
                    if let Some(wish) = known.subscriptions.get_mut(key) {
                        wish.unsure = false;
                    }
                }
            }
            Event::Disconnected { .. } => self.connection_lost(program),
            Event::Ended { .. } => {
                known.lost = true;
                known.over = true;
            }
            _ => {}
        }
    }

    fn offer_stands(&mut self, program: usize, key: RegistrationKey, instance: &str) {
        let known = &mut self.programs.0[program];
        if let Some(offer) = known.offers.get_mut(&key) {
            offer.stands = Some(instance.to_owned());
            offer.known = offer.stands.clone();
            offer.failed = false;
            known
                .registered
                .insert((offer.service.clone(), instance.to_owned()));
        }
    }

    fn offer_failed(&mut self, program: usize, key: RegistrationKey, retried: bool) {
        let offers = &mut self.programs.0[program].offers;
        if !retried {
            offers.remove(&key);
        } else if let Some(offer) = offers.get_mut(&key) {
            offer.failed = true;
            offer.stands = None;
        }
    }

    fn connection_lost(&mut self, program: usize) {
        let known = &mut self.programs.0[program];
        known.lost = true;
        known.registered.clear();
        for offer in known.offers.values_mut() {
            offer.stands = None;
            offer.failed = false;
        }
        for wish in known.subscriptions.values_mut() {
            wish.unsure |= wish.stands;
        }
    }

    /// Looks whether the broker holds for a client what its program believes, when everything is at rest.
    pub(crate) fn check_standing(&mut self, program: usize, client: usize) {
        let known = &self.programs.0[program];
        let subjects = [Subject::Program(program), Subject::Client(client)];
        let held = |offer: &Offer| match &offer.stands {
            Some(instance) => self
                .find(&offer.service, instance)
                .is_some_and(|held| self.held[held].client == client),
            None => offer.failed,
        };
        if let Some(offer) = known.offers.values().find(|offer| !offer.ending && !held(offer)) {
            let promise = format!("a session comes back with its registrations: {offer:?}");
            return self.broken(promise, &subjects);
        }
        let Some(shadow) = self.clients.get(client) else {
            return;
        };
        let stands = |wish: &Wish| {
            let id = (wish.filter.clone(), wish.shared.clone());
            wish.stands && shadow.subscriptions.contains_key(&id)
        };
        if let Some(wish) = known.subscriptions.values().find(|wish| !stands(wish)) {
            let promise = format!("a session comes back with its subscriptions: {wish:?}");
            self.broken(promise, &subjects);
        }
    }
}
