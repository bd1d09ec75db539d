//! `buslane doctor`: looks at everything between this shell and the broker, and says what is wrong and what to do.

mod broker;
mod finding;
mod surroundings;

use std::io;

use buslane_client::Url;
use buslane_protocol::URL_VARIABLE;
use clap::Args;

use self::finding::{Finding, Findings};
use super::probe::{Answerer, Place};
use crate::arguments::ConnectionArguments;
use crate::failure::Failure;
use crate::output::Output;

/// The arguments of `doctor`.
#[derive(Args, Debug)]
pub(crate) struct DoctorArguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks, and prints what it found.
pub(crate) async fn run(
    arguments: &DoctorArguments,
    connection: &ConnectionArguments,
    out: &mut Output,
) -> Result<(), Failure> {
    let mut findings = Findings::default();
    if let Some(url) = look_at_url(connection, &mut findings) {
        let place = Place::of(&url);
        if look_at_port(&place, &url, &mut findings).await {
            broker::examine(&url, &place, &mut findings).await;
        }
    }
    surroundings::examine(&mut findings);
    findings.print(arguments.json, out)?;
    out.flush()?;
    match findings.count_wrong() {
        0 => Ok(()),
        1 => Err(Failure::failed("one thing is wrong")),
        count => Err(Failure::failed(format_args!("{count} things are wrong"))),
    }
}

/// Finds out where the broker should be.
fn look_at_url(connection: &ConnectionArguments, findings: &mut Findings) -> Option<Url> {
    let variable = std::env::var_os(URL_VARIABLE).filter(|value| !value.is_empty());
    let source = match (&connection.url, &variable) {
        (Some(_), _) => "by --url",
        (None, Some(_)) => "by BUSLANE_URL",
        (None, None) => "by default",
    };
    match connection.parse() {
        Ok(url) => {
            findings.add(Finding::ok("url", format_args!("{url}, {source}")));
            Some(url)
        }
        Err(error) => {
            let finding = Finding::wrong("url", format_args!("{source}: {error}"));
            findings
                .add(finding.hint("write it as buslane://HOST:PORT, buslane+unix:///PATH or ws://HOST:PORT"));
            None
        }
    }
}

/// Finds out whether anybody is there, and whether it is a broker.
async fn look_at_port(place: &Place, url: &Url, findings: &mut Findings) -> bool {
    let answerer = match place.who().await {
        Ok(answerer) => answerer,
        Err(error) => return findings.add(unreachable(place, &error)),
    };
    match answerer {
        Answerer::Broker(version) => findings.add(Finding::ok(
            "port",
            format_args!("a Buslane broker answers, protocol version {version}"),
        )),
        // In front of a broker that is reached by WebSocket may stand any HTTP server.
        Answerer::Other(name) if url.to_string().starts_with("ws:") => {
            let text = format_args!("{name} answers, which may stand before a broker");
            findings.add(Finding::note("port", text).hint("nothing, if the broker is found behind it"))
        }
        answerer => {
            let finding = Finding::wrong("port", format_args!("there answers {answerer}"));
            findings.add(finding.hint(advice(&answerer)))
        }
    }
}

/// Says why nobody can be reached, and what to do.
fn unreachable(place: &Place, error: &io::Error) -> Finding {
    let finding = Finding::wrong("port", format_args!("nobody answers: {error}"));
    match (error.kind(), place) {
        (io::ErrorKind::ConnectionRefused, Place::Tcp(authority)) => finding.hint(format_args!(
            "start a broker there: buslane serve --listen {authority}"
        )),
        (io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound, Place::Unix(path)) => finding.hint(
            format_args!("start a broker there: buslane serve --listen unix:{path}"),
        ),
        (io::ErrorKind::PermissionDenied, Place::Unix(path)) => {
            finding.hint(format_args!("run as a user who may write to {path}"))
        }
        (io::ErrorKind::TimedOut, _) => {
            finding.hint("look for a firewall on the way, and at the host and the port")
        }
        _ => finding.hint("look at the host and the port of the URL"),
    }
}

/// Says what to do about somebody else on the port.
fn advice(answerer: &Answerer) -> &'static str {
    match answerer {
        Answerer::Other("a TLS server") => {
            "this version speaks no TLS: name a port without it, inside a trusted network"
        }
        Answerer::Other("an HTTP server") => {
            "look at the port; if a broker is behind that server, name it as ws://HOST:PORT/PATH"
        }
        Answerer::StrangeBroker => "bring this program and the broker to the same version",
        Answerer::Silent => {
            "look at the port; if it is right, the program there hangs or waits for something else"
        }
        _ => "look at the port: the broker's is 5959 unless it is told otherwise",
    }
}
