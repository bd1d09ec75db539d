//! Events as the C++ half's thread takes them.

use buslane_bridge::client::{ConnectionState, Instance, PresenceEvent, Problem, Report as ClientReport};
use buslane_bridge::{Event as Taken, Failure};

use crate::answering::Request;
use crate::border::crossing::{Kind, Presence, Report, State};
use crate::calling::Reply;
use crate::delivering::Batch;
use crate::failing::{Failed, attempt, problem};
use crate::joining::taken;

/// What is to be called back, or nothing once there will be no more.
pub(crate) struct Event(pub(crate) Option<Taken>);

impl Event {
    pub(crate) fn kind(&self) -> Kind {
        match &self.0 {
            Some(Taken::Requested { .. }) => Kind::Requested,
            Some(Taken::Ended { .. }) => Kind::Ended,
            Some(Taken::Messages { .. }) => Kind::Messages,
            Some(Taken::Presence { .. }) => Kind::Presence,
            Some(Taken::State { .. }) => Kind::State,
            Some(Taken::Report { .. }) => Kind::Report,
            Some(Taken::Over { .. }) => Kind::Over,
            _ => Kind::None,
        }
    }

    pub(crate) fn token(&self) -> u64 {
        match &self.0 {
            Some(
                Taken::Requested { token, .. }
                | Taken::Ended { token, .. }
                | Taken::Messages { token, .. }
                | Taken::Presence { token, .. }
                | Taken::State { token, .. }
                | Taken::Report { token, .. }
                | Taken::Over { token },
            ) => *token,
            _ => 0,
        }
    }

    pub(crate) fn take_request(&mut self) -> Result<Box<Request>, Failed> {
        attempt(|| match self.0.take() {
            Some(Taken::Requested { request, .. }) => Ok(Box::new(Request(request))),
            _ => Err(taken()),
        })
    }

    pub(crate) fn take_reply(&mut self) -> Result<Box<Reply>, Failed> {
        attempt(|| match self.0.take() {
            Some(Taken::Ended { outcome, .. }) => Ok(Box::new(Reply(outcome?))),
            _ => Err(taken()),
        })
    }

    pub(crate) fn take_batch(&mut self) -> Result<Box<Batch>, Failed> {
        attempt(|| match self.0.take() {
            Some(Taken::Messages { events, .. }) => Ok(Box::new(Batch(events))),
            _ => Err(taken()),
        })
    }

    pub(crate) fn take_presence(&mut self) -> Result<Presence, Failed> {
        attempt(|| match self.0.take() {
            Some(Taken::Presence { event, .. }) => Ok(presence_of(event)),
            _ => Err(taken()),
        })
    }

    pub(crate) fn take_state(&mut self) -> Result<State, Failed> {
        attempt(|| match self.0.take() {
            Some(Taken::State { state, .. }) => Ok(state_of(state)),
            _ => Err(taken()),
        })
    }

    pub(crate) fn take_report(&mut self) -> Result<Report, Failed> {
        attempt(|| match self.0.take() {
            Some(Taken::Report { report, .. }) => Ok(report_of(report)),
            _ => Err(taken()),
        })
    }
}

/// Converts a state of the connection.
pub(crate) fn state_of(state: ConnectionState) -> State {
    let of = |kind: u8| State {
        kind,
        client: String::new(),
        node: String::new(),
        server: String::new(),
        wait: 0,
        problem: Default::default(),
    };
    match state {
        ConnectionState::Connected { client, node, server } => State {
            client,
            node,
            server,
            ..of(1)
        },
        ConnectionState::Disconnected { problem, retry_in } => State {
            wait: retry_in.as_millis() as u64,
            problem: converted(problem),
            ..of(2)
        },
        ConnectionState::Draining { closes_in } => State {
            wait: closes_in.as_millis() as u64,
            ..of(3)
        },
        ConnectionState::TakenOver => of(4),
        ConnectionState::Closed => of(5),
        ConnectionState::Refused { problem } => State {
            problem: converted(problem),
            ..of(6)
        },
        _ => of(0),
    }
}

fn presence_of(event: PresenceEvent) -> Presence {
    let of_service = |kind, service, snapshot| Presence {
        kind,
        service,
        instance: String::new(),
        version: String::new(),
        node: String::new(),
        reason: String::new(),
        groups: Vec::new(),
        methods: Vec::new(),
        snapshot,
    };
    let of_instance = |kind, instance: Instance| Presence {
        kind,
        service: instance.service,
        instance: instance.instance,
        version: instance.version,
        node: instance.node,
        reason: instance.reason.unwrap_or_default(),
        groups: instance.groups,
        methods: instance.methods,
        snapshot: instance.snapshot,
    };
    match event {
        PresenceEvent::Connect(instance) => of_instance(0, instance),
        PresenceEvent::Disconnect(instance) => of_instance(1, instance),
        PresenceEvent::Online { service, snapshot } => of_service(2, service, snapshot),
        PresenceEvent::Offline { service } => of_service(3, service, false),
        _ => of_service(4, String::new(), true),
    }
}

fn report_of(report: ClientReport) -> Report {
    let of = |kind, about, retries, problem| Report {
        kind,
        about,
        retries,
        problem: converted(problem),
    };
    match report {
        ClientReport::Refused { problem } => of(0, String::new(), false, problem),
        ClientReport::AnswerRefused { problem } => of(1, String::new(), false, problem),
        ClientReport::RegistrationFailed {
            service,
            problem,
            retries,
        } => of(2, service, retries, problem),
        ClientReport::SubscriptionFailed { filter, problem } => of(3, filter, false, problem),
        other => {
            let problem = Problem::default().detail(format!("{other:?}"));
            of(0, String::new(), false, Box::new(problem))
        }
    }
}

fn converted(problem_of: Box<Problem>) -> crate::border::crossing::Problem {
    problem(&Failure::from(problem_of))
}
