//! Registrations: who holds which instance, since when, and who may take it over.

use std::time::Duration;

use buslane_protocol::Registered;

use super::{Oracle, Subject};
use crate::said::{Contract, Declared, Target, Whom};

/// A registration.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) client: usize,
    pub(super) declared: Declared,
    pub(super) instance: String,
    pub(super) secret: Option<String>,
    /// Whether it finishes what it has and takes nothing new.
    pub(super) draining: bool,
    pub(super) alive: bool,
    /// When it was last asked, in the order in which requests were accepted; 0 if never.
    pub(super) used: u64,
}

impl Held {
    /// Returns the label under which it answers.
    pub(super) fn label(&self) -> String {
        format!("{}#{}", self.declared.service, self.instance)
    }

    /// Tells whether it is an instance that can be called.
    pub(super) fn is_instance(&self) -> bool {
        !self.declared.methods.is_empty()
    }

    /// Tells whether a request to a target may go to it.
    pub(super) fn fits(&self, target: &Target) -> bool {
        self.alive && self.is_meant(target)
    }

    /// Tells whether a target means it.
    pub(super) fn is_meant(&self, target: &Target) -> bool {
        let service = &self.declared.service;
        let named = match &target.whom {
            Whom::Bus => false,
            Whom::Service(name) => name == service,
            Whom::Instance(name, instance) => name == service && *instance == self.instance,
            Whom::Group(group) => self.declared.groups.contains(group),
            Whom::Every => true,
        };
        named
            && self
                .declared
                .methods
                .iter()
                .any(|method| method.name == target.method)
    }
}

impl Oracle {
    /// Takes in a registration that was accepted.
    pub(super) fn registered(&mut self, client: usize, service: &str, instance: &str) {
        self.coverage.count("registered");
        let subjects = [Subject::Client(client)];
        let Some((declared, _)) = self.clients[client].registering.take() else {
            return self.broken("a client was registered that did not ask for it", &subjects);
        };
        let named = declared.instance.as_deref().is_none_or(|name| name == instance);
        if declared.service != service || (!named && declared.resume.is_none()) {
            return self.broken(
                "a client was registered under another name than it asked for",
                &subjects,
            );
        }
        if let Some(other) = self.find(service, instance) {
            let holder = self.held[other].client;
            let promise = format!("{service}#{instance} is held twice");
            return self.broken(promise, &[Subject::Client(client), Subject::Client(holder)]);
        }
        self.clients[client].registrations.push(self.held.len());
        self.held.push(Held {
            client,
            declared,
            instance: instance.to_owned(),
            secret: None,
            draining: false,
            alive: true,
            used: 0,
        });
        if self.clients[client].registrations.len() > self.limits.registrations {
            self.broken("a client has more registrations than the limit", &subjects);
        }
        if self
            .draining
            .is_some_and(|since| since < self.clients[client].asked_at)
        {
            self.broken("a broker that shuts down takes no registrations", &subjects);
        }
    }

    /// Takes in the secret of a registration.
    pub(super) fn secret(&mut self, client: usize, registered: &Registered) {
        if let Some(held) = self.find(registered.name.as_str(), registered.instance.as_str())
            && self.held[held].client == client
        {
            self.held[held].secret = Some(registered.resume.clone());
        }
    }

    /// Takes in that a client lost an instance to another one.
    pub(super) fn taken_over(&mut self, service: &str, instance: &str, from: usize, to: usize) {
        self.coverage.count("taken over");
        let subjects = [Subject::Client(from), Subject::Client(to)];
        let Some(held) = self
            .find(service, instance)
            .filter(|held| self.held[*held].client == from)
        else {
            return self.broken(
                "an instance was taken over from one who does not hold it",
                &subjects,
            );
        };
        let Some((declared, asked_at)) = &self.clients[to].registering else {
            return self.broken(
                "an instance was taken over by one who did not ask for it",
                &subjects,
            );
        };
        self.seized.push((to, service.to_owned(), instance.to_owned()));
        let secret = self.held[held].secret.as_deref();
        if declared.resume.is_some() && (declared.resume.as_deref() == secret || secret.is_none()) {
            return self.coverage.count("taken over by its secret");
        }
        let waited = self.now.saturating_since(*asked_at);
        if self.clients[from].principal != self.clients[to].principal {
            self.broken("only the same principal may take an instance over", &subjects);
        } else if waited < PROBE {
            self.broken("without the secret the holder has a second to answer", &subjects);
        } else if self.clients[from].heard + PROBE > self.now {
            self.broken(
                "an instance was taken over from a client that gave a sign of life",
                &subjects,
            );
        }
    }

    /// Takes in that a client ends a registration of its own.
    pub(super) fn unregistered(&mut self, client: usize, service: &str, instance: Option<&str>, drain: bool) {
        let Some(held) = self.own(client, service, instance) else {
            return self.broken(
                "what was not registered was unregistered",
                &[Subject::Client(client)],
            );
        };
        if drain && self.has_legs(held) {
            self.coverage.count("unregistered when finished");
            self.held[held].draining = true;
        } else {
            self.end_registration(held);
        }
    }

    /// Tells whether an instance of the client's own has requests to finish.
    pub(super) fn is_busy(&self, client: usize, service: &str, instance: Option<&str>) -> bool {
        self.own(client, service, instance)
            .is_some_and(|held| self.has_legs(held))
    }

    /// Finds a registration of the client's own.
    pub(super) fn own(&self, client: usize, service: &str, instance: Option<&str>) -> Option<usize> {
        let registrations = self.clients[client].registrations.iter().copied();
        let fits = |held: &usize| {
            let held = &self.held[*held];
            held.declared.service == service && instance.is_none_or(|name| name == held.instance)
        };
        registrations.into_iter().find(fits)
    }

    /// Takes everything from a client that is gone.
    pub(super) fn end_registrations(&mut self, client: usize) {
        for held in std::mem::take(&mut self.clients[client].registrations) {
            self.end_registration(held);
        }
    }

    fn end_registration(&mut self, held: usize) {
        self.held[held].alive = false;
        let client = self.held[held].client;
        self.clients[client].registrations.retain(|own| *own != held);
        self.lose_legs(held);
    }

    /// Takes in that the broker said a registration to have ended: at once where it had only to finish.
    pub(super) fn gone(&mut self, client: usize, service: &str, instance: &str) {
        let held = self
            .find(service, instance)
            .filter(|held| self.held[*held].client == client);
        match held.filter(|held| self.held[*held].draining && !self.has_known_legs(*held)) {
            Some(held) => self.end_registration(held),
            None => self
                .vanished
                .push((client, service.to_owned(), instance.to_owned())),
        }
    }

    /// Looks whether the registrations that the broker said to have ended had a reason to.
    pub(super) fn check_vanished(&mut self) {
        for (client, service, instance) in std::mem::take(&mut self.vanished) {
            let Some(held) = self
                .find(&service, &instance)
                .filter(|held| self.held[*held].client == client)
            else {
                continue;
            };
            let subjects = [Subject::Client(client)];
            if !self.held[held].draining {
                self.broken(
                    format!("{service}#{instance} vanished although its client holds it"),
                    &subjects,
                );
            } else if self.has_known_legs(held) {
                self.broken(
                    format!("{service}#{instance} ended before it had finished"),
                    &subjects,
                );
            } else {
                self.end_registration(held);
            }
        }
    }

    /// Looks whether those who took instances over hold them now, unless they are gone themselves.
    pub(super) fn check_seized(&mut self) {
        for (client, service, instance) in std::mem::take(&mut self.seized) {
            let held = self
                .find(&service, &instance)
                .is_some_and(|held| self.held[held].client == client);
            if !held && self.clients[client].open {
                let promise = format!("{service}#{instance} was taken over by one who was then refused");
                self.broken(promise, &[Subject::Client(client)]);
            }
        }
    }

    /// Finds who holds an instance.
    pub(super) fn find(&self, service: &str, instance: &str) -> Option<usize> {
        let fits = |held: &Held| held.alive && held.declared.service == service && held.instance == instance;
        self.held.iter().rposition(fits)
    }

    /// Finds the instances that a target means, those that take nothing new left out.
    pub(super) fn candidates(&self, target: &Target) -> Vec<usize> {
        let takes = |held: &usize| self.held[*held].fits(target) && !self.held[*held].draining;
        (0..self.held.len()).filter(takes).collect()
    }

    /// Returns the contract of a topic, if a living instance declared one.
    pub(super) fn contract(&self, topic: &str) -> Option<&Contract> {
        let living = self.held.iter().filter(|held| held.alive);
        living
            .flat_map(|held| &held.declared.topics)
            .rfind(|contract| contract.topic == topic)
    }

    /// Returns what is stamped on a client's messages, if it is known.
    pub(super) fn label(&self, client: usize) -> Option<String> {
        let shadow = &self.clients[client];
        match shadow.registrations.first() {
            Some(first) if self.held[*first].is_instance() => Some(self.held[*first].label()),
            Some(first) => Some(self.held[*first].declared.service.clone()),
            None => shadow.name.clone().or_else(|| shadow.label.clone()),
        }
    }

    /// Returns the labels of all instances that can be called.
    pub(crate) fn instances(&self) -> Vec<String> {
        let living = self.held.iter().filter(|held| held.alive && held.is_instance());
        let mut labels: Vec<String> = living.map(Held::label).collect();
        labels.sort();
        labels
    }
}

/// How long a holder may take to give a sign of life.
const PROBE: Duration = Duration::from_secs(1);
