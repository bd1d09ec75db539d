//! Joins the bus that the command line or the environment names.

use std::time::Duration;

use buslane_client::{Client, ConnectError, Url};
use buslane_protocol::URL_VARIABLE;

use crate::arguments::ConnectionArguments;
use crate::failure::Failure;
use crate::refusal::{self, NO_BROKER};

impl ConnectionArguments {
    /// Returns where the broker is; one that is empty counts as none.
    pub(crate) fn url(&self) -> Result<Url, Failure> {
        match self.url.as_deref() {
            None => Url::from_environment()
                .map_err(|error| Failure::usage(format_args!("{URL_VARIABLE}: {error}"))),
            Some("") => Ok(Url::default()),
            Some(text) => Url::parse(text).map_err(|error| Failure::usage(format_args!("--url: {error}"))),
        }
    }

    /// Connects, with a hint where that fails.
    pub(crate) async fn connect(&self) -> Result<Client, Failure> {
        let url = self.url()?;
        let client = Client::builder()
            .url(url.clone())
            .name(NAME)
            .connect_timeout(PATIENCE);
        client.connect().await.map_err(|error| match error {
            ConnectError::Unreachable { url, reason, .. } => {
                Failure::failed(format_args!("no broker answers at {url}: {reason}")).hint(NO_BROKER)
            }
            ConnectError::Refused(problem) => refusal::failure(&problem, &url.to_string()),
            error => Failure::failed(error),
        })
    }
}

/// What others see as the sender of a message.
const NAME: &str = "shell";
/// How long to wait for a broker: long enough for one that starts beside the command.
const PATIENCE: Duration = Duration::from_secs(1);
