//! The API: every path with what it takes, and the handlers. Each is a client of the engine and knows no rule of the
//! bus; what a handler refuses by itself is only what could not be said in a message.

mod ask;
mod feed;
mod next;
mod publish;
mod replies;
mod request;
mod sse;
mod subscribe;
mod views;

pub(crate) use feed::Feeds;

use super::media_type::{EVENTS, JSON, LINES};
use super::page_client;
use super::query::Parameter;
use super::router::{Route, Verb};

/// Every path of the API. A path fits the first of its routes.
pub(super) const ROUTES: &[Route] = &[
    Route {
        name: "publish",
        path: "/api/v1/publish/{topic...}",
        verb: Verb::Post,
        query: &[
            Parameter::once("ack"),
            Parameter::once("retain"),
            Parameter::once("retain_ms"),
        ],
        produces: &[JSON],
        lasts: false,
        handle: |exchange| Box::pin(publish::publish(exchange)),
    },
    Route {
        name: "request",
        path: "/api/v1/request/{address...}",
        verb: Verb::Post,
        query: &[Parameter::once("timeout"), Parameter::once("stream")],
        produces: &[],
        lasts: false,
        handle: |exchange| Box::pin(request::one(exchange)),
    },
    Route {
        name: "request_many",
        path: "/api/v1/request",
        verb: Verb::Post,
        query: &[
            Parameter::many("to"),
            Parameter::once("timeout"),
            Parameter::once("stream"),
        ],
        produces: &[],
        lasts: false,
        handle: |exchange| Box::pin(request::several(exchange)),
    },
    Route {
        name: "subscribe",
        path: "/api/v1/subscribe",
        verb: Verb::Wait,
        query: subscribe::PARAMETERS,
        produces: &[EVENTS, LINES],
        lasts: true,
        handle: |exchange| Box::pin(subscribe::subscribe(exchange)),
    },
    Route {
        name: "next",
        path: "/api/v1/next",
        verb: Verb::Wait,
        query: next::PARAMETERS,
        produces: &[],
        lasts: true,
        handle: |exchange| Box::pin(next::next(exchange)),
    },
    view("services", "/api/v1/services", PAGE, |exchange| {
        Box::pin(views::services(exchange))
    }),
    view("service", "/api/v1/services/{service}", &[], |exchange| {
        Box::pin(views::service(exchange))
    }),
    view(
        "service_instances",
        "/api/v1/services/{service}/instances",
        PAGE,
        |exchange| Box::pin(views::service_instances(exchange)),
    ),
    view(
        "service_schemas",
        "/api/v1/services/{service}/schemas",
        &[],
        |exchange| Box::pin(views::service_schemas(exchange)),
    ),
    view("instances", "/api/v1/instances", PAGE, |exchange| {
        Box::pin(views::instances(exchange))
    }),
    view("topics", "/api/v1/topics", PAGE, |exchange| {
        Box::pin(views::topics(exchange))
    }),
    view("topic", "/api/v1/topics/{topic...}", &[], |exchange| {
        Box::pin(views::topic(exchange))
    }),
    view("clients", "/api/v1/clients", PAGE, |exchange| {
        Box::pin(views::clients(exchange))
    }),
    view("statistics", "/api/v1/statistics", &[], |exchange| {
        Box::pin(views::statistics(exchange))
    }),
    Route {
        name: "page_client",
        path: page_client::PATH,
        verb: Verb::Get,
        query: &[],
        produces: &[],
        lasts: false,
        handle: |exchange| Box::pin(page_client::script(exchange)),
    },
];

/// A path that tells something as JSON.
const fn view(
    name: &'static str,
    path: &'static str,
    query: &'static [Parameter],
    handle: fn(super::exchange::Exchange) -> super::router::Handling,
) -> Route {
    Route {
        name,
        path,
        verb: Verb::Get,
        query,
        produces: &[JSON],
        lasts: false,
        handle,
    }
}

/// What says which part of a list is wanted.
const PAGE: &[Parameter] = &[Parameter::once("limit"), Parameter::once("after")];
