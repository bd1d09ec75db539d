//! Joins the bus that the command line or the environment names.

use std::time::Duration;

use buslane_client::{Client, ConnectError, Url, UrlError};
use buslane_protocol::URL_VARIABLE;

use super::probe::Place;
use crate::arguments::ConnectionArguments;
use crate::failure::Failure;
use crate::refusal::{self, NO_BROKER};

impl ConnectionArguments {
    /// Reads where the broker is; one that is empty counts as none.
    pub(crate) fn parse(&self) -> Result<Url, UrlError> {
        match self.url.as_deref() {
            None => Url::from_environment(),
            Some("") => Ok(Url::default()),
            Some(text) => Url::parse(text),
        }
    }

    /// Connects, with a hint where that fails.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let source = if self.url.is_some() { "--url" } else { URL_VARIABLE };
        let url = self
            .parse()
            .map_err(|error| Failure::usage(format_args!("{source}: {error}")))?;
        join(&url).await
    }
}

/// Connects to a broker; where that fails, looks who else is there.
pub(crate) async fn join(url: &Url) -> Result<Client, Failure> {
    let client = Client::builder()
        .url(url.clone())
        .name(NAME)
        .connect_timeout(PATIENCE);
    let error = match client.connect().await {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    match error {
        ConnectError::Unreachable { url, reason, .. } => {
            let failure = Failure::failed(format_args!("no broker answers at {url}: {reason}"));
            Err(match Place::of(&url).who().await {
                Ok(answerer) => failure
                    .detail(format_args!("there is {answerer}"))
                    .hint(SEE_DOCTOR),
                Err(_) => failure.hint(NO_BROKER),
            })
        }
        ConnectError::Refused(problem) => Err(refusal::failure(&problem, &url.to_string())),
        error => Err(Failure::failed(error)),
    }
}

/// What others see as the sender of a message.
const NAME: &str = "shell";
/// How long to wait for a broker: long enough for one that starts beside the command.
const PATIENCE: Duration = Duration::from_secs(1);
const SEE_DOCTOR: &str = "buslane doctor says more";
