//! What crosses the border between C++ and Rust. Declares only.

use crate::answering::Request;
use crate::calling::{Part, Parts, Pending, Reply};
use crate::delivering::Batch;
use crate::events::Event;
use crate::failing::{own_problem, take_problem};
use crate::joining::{Bus, Watch, connect};
use crate::offering::Registration;

#[cxx::bridge(namespace = "buslane::native")]
#[allow(
    missing_docs,
    unreachable_pub,
    reason = "the C++ headers document what this carries; the macro wants it so"
)]
pub(crate) mod crossing {
    /// An error, whole. `number` is 0 for a service's own word; `retry` and `origin` count the words of the table.
    #[derive(Default)]
    struct Problem {
        number: u16,
        status: u16,
        origin: u8,
        retry: u8,
        code: String,
        title: String,
        detail: String,
        address: String,
        has_pointer: bool,
        pointer: String,
        keyword: String,
        expected: String,
        data: String,
    }

    struct Header {
        name: String,
        value: String,
    }

    /// Times are in milliseconds and sizes in bytes; below zero stands for the client's own default.
    struct ConnectOptions {
        url: String,
        name: String,
        token: String,
        lazy: bool,
        json: bool,
        connect_timeout: i64,
        request_timeout: i64,
        queue_bytes: i64,
        offline_bytes: i64,
        ping_after: i64,
        gone_after: i64,
        first_backoff: i64,
        longest_backoff: i64,
    }

    struct CallOptions {
        timeout: i64,
        without_timeout: bool,
        credit: u16,
        headers: Vec<Header>,
    }

    struct PublishOptions {
        retain: bool,
        retain_for: i64,
        exclude_self: bool,
        headers: Vec<Header>,
    }

    struct SubscribeOptions {
        shared: String,
        overflow: u8,
        credit: u32,
        queue_bytes: i64,
    }

    struct Method {
        name: String,
        token: u64,
        input: String,
        output: String,
        description: String,
    }

    struct Topic {
        topic: String,
        schema: String,
        retain: bool,
        refuse: bool,
        description: String,
    }

    struct Schema {
        uri: String,
        schema: String,
    }

    struct Service {
        name: String,
        version: String,
        instance: String,
        groups: Vec<String>,
        methods: Vec<Method>,
        topics: Vec<Topic>,
        schemas: Vec<Schema>,
        meta: String,
    }

    /// What is sent. Without a content type it is JSON text.
    struct Content<'a> {
        bytes: &'a [u8],
        json: bool,
        content_type: &'a str,
    }

    /// What came, lent by whatever holds it.
    struct Carried<'a> {
        subject: &'a str,
        from: &'a str,
        id: &'a str,
        payload: &'a [u8],
        content_type: &'a str,
        json: bool,
    }

    /// A message or, if `gap`, a place where some are missing.
    struct Delivered<'a> {
        carried: Carried<'a>,
        shared: &'a str,
        retained: bool,
        snapshot: bool,
        gap: bool,
        gap_unknown: bool,
        gap_count: u64,
        gap_bytes: u64,
    }

    #[repr(u8)]
    enum Kind {
        None,
        Requested,
        Ended,
        Messages,
        Presence,
        State,
        Report,
        Over,
    }

    /// A service that came or went. `kind`: connect, disconnect, online, offline, end of the snapshot.
    struct Presence {
        kind: u8,
        service: String,
        instance: String,
        version: String,
        node: String,
        reason: String,
        groups: Vec<String>,
        methods: Vec<String>,
        snapshot: bool,
    }

    /// Where the connection stands. `kind`: connecting, connected, disconnected, draining, taken over, closed, refused.
    struct State {
        kind: u8,
        client: String,
        node: String,
        server: String,
        wait: u64,
        problem: Problem,
    }

    /// What went wrong outside any call. `kind`: refused, answer refused, registration failed, subscription failed.
    struct Report {
        kind: u8,
        about: String,
        retries: bool,
        problem: Problem,
    }

    /// How a gathered request ended; `known` only after its last reply.
    struct Summary {
        known: bool,
        expected: u32,
        replied: u32,
        failed: u32,
    }

    extern "Rust" {
        fn take_problem() -> Problem;
        fn own_problem(number: u16, detail: String) -> Problem;

        type Bus;
        fn connect(options: ConnectOptions) -> Result<Box<Bus>>;
        fn next_event(self: &Bus) -> Result<Box<Event>>;
        fn request(
            self: &Bus,
            address: &str,
            content: Content,
            options: &CallOptions,
        ) -> Result<Box<Pending>>;
        fn request_stream(
            self: &Bus,
            address: &str,
            content: Content,
            options: &CallOptions,
        ) -> Result<Box<Parts>>;
        fn gather(
            self: &Bus,
            addresses: &Vec<String>,
            content: Content,
            options: &CallOptions,
        ) -> Result<Box<Parts>>;
        fn publish_text(self: &Bus, topic: &[u8], text: &[u8]) -> Result<()>;
        fn publish(self: &Bus, topic: &str, content: Content, options: &PublishOptions) -> Result<()>;
        fn try_publish(self: &Bus, topic: &str, content: Content, options: &PublishOptions) -> Result<()>;
        fn publish_acked(self: &Bus, topic: &str, content: Content, options: &PublishOptions) -> Result<u32>;
        fn clear_retained(self: &Bus, topic: &str) -> Result<u32>;
        fn subscribe(self: &Bus, token: u64, filter: &str, options: SubscribeOptions) -> Result<Box<Watch>>;
        fn presence(self: &Bus, token: u64) -> Result<Box<Watch>>;
        fn states(self: &Bus, token: u64) -> Result<Box<Watch>>;
        fn reports(self: &Bus, token: u64) -> Result<Box<Watch>>;
        fn withdrawal(self: &Bus, token: u64, request: &Request) -> Result<Box<Watch>>;
        fn register_service(self: &Bus, service: Service) -> Result<Box<Registration>>;
        fn unregister(self: &Bus, registration: &Registration) -> Result<()>;
        fn flush(self: &Bus) -> Result<()>;
        fn state(self: &Bus) -> Result<State>;
        fn is_connected(self: &Bus) -> Result<bool>;
        fn url(self: &Bus) -> Result<String>;
        fn close(self: &Bus, milliseconds: u64) -> Result<()>;

        type Watch;
        fn pause(self: &Watch) -> Result<()>;
        fn resume(self: &Watch) -> Result<()>;
        fn end(self: &Watch) -> Result<()>;
        fn end_confirmed(self: &Watch) -> Result<()>;

        type Event;
        fn kind(self: &Event) -> Kind;
        fn token(self: &Event) -> u64;
        fn take_request(self: &mut Event) -> Result<Box<Request>>;
        fn take_reply(self: &mut Event) -> Result<Box<Reply>>;
        fn take_batch(self: &mut Event) -> Result<Box<Batch>>;
        fn take_presence(self: &mut Event) -> Result<Presence>;
        fn take_state(self: &mut Event) -> Result<State>;
        fn take_report(self: &mut Event) -> Result<Report>;

        type Batch;
        fn len(self: &Batch) -> usize;
        unsafe fn delivered<'a>(self: &'a Batch, index: usize) -> Delivered<'a>;
        fn headers(self: &Batch, index: usize) -> Result<Vec<Header>>;

        type Reply;
        unsafe fn carried<'a>(self: &'a Reply) -> Carried<'a>;
        fn headers(self: &Reply) -> Result<Vec<Header>>;

        type Pending;
        fn wait(self: &Pending) -> Result<Box<Reply>>;
        fn has_ended_within(self: &Pending, milliseconds: u64) -> Result<bool>;
        fn then(self: &Pending, bus: &Bus, token: u64) -> Result<bool>;
        fn cancel(self: &Pending) -> Result<bool>;

        type Parts;
        fn next(self: &Parts) -> Result<Box<Part>>;
        fn next_within(self: &Parts, milliseconds: u64) -> Result<Box<Part>>;
        fn cancel(self: &Parts) -> Result<()>;
        fn summary(self: &Parts) -> Result<Summary>;

        type Part;
        fn is_over(self: &Part) -> bool;
        fn is_late(self: &Part) -> bool;
        fn from(self: &Part) -> &str;
        fn take_reply(self: &mut Part) -> Result<Box<Reply>>;

        type Request;
        unsafe fn carried<'a>(self: &'a Request) -> Carried<'a>;
        fn headers(self: &Request) -> Result<Vec<Header>>;
        fn attempt(self: &Request) -> Result<u8>;
        fn time_left(self: &Request) -> Result<i64>;
        fn wants_stream(self: &Request) -> Result<bool>;
        fn is_cancelled(self: &Request) -> Result<bool>;
        fn reply(self: &Request, content: Content) -> Result<()>;
        fn fail(self: &Request, code: &str, title: &str, data: &str) -> Result<()>;
        fn chunk(self: &Request, content: Content) -> Result<()>;
        fn end(self: &Request) -> Result<()>;

        type Registration;
        fn name(self: &Registration) -> &str;
        fn instance(self: &Registration) -> Result<String>;
        fn compatibility(self: &Registration) -> Result<String>;
        fn unregister(self: &Registration) -> Result<()>;
        fn drain(self: &Registration) -> Result<()>;
        fn drain_for(self: &Registration, milliseconds: u64) -> Result<bool>;
    }
}
