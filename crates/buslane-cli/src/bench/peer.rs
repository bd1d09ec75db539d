//! The brokers to compare with: how each is found, started on an address of the loopback interface, and asked for its
//! version.

use std::net::SocketAddr;

use clap::ValueEnum;

/// A broker to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// nats-server
    Nats,
    /// redis-server, its publish and subscribe
    Redis,
    /// Mosquitto, MQTT at QoS 0
    Mosquitto,
}

impl Peer {
    /// Returns the name of the program.
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Peer::Nats => "nats-server",
            Peer::Redis => "redis-server",
            Peer::Mosquitto => "mosquitto",
        }
    }

    /// Returns the argument that lets the program print its version in its first line.
    pub(crate) const fn version_argument(self) -> &'static str {
        match self {
            Peer::Nats | Peer::Redis => "--version",
            Peer::Mosquitto => "-h",
        }
    }

    /// Returns the arguments that let the program listen on an address, in memory only and without dropping.
    pub(crate) fn arguments(self, address: SocketAddr) -> Vec<String> {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let arguments: &[&str] = match self {
            Peer::Nats => &["-a", &host, "-p", &port],
            Peer::Redis => &[
                "--bind",
                &host,
                "--port",
                &port,
                "--save",
                "",
                "--appendonly",
                "no",
                "--maxclients",
                "15000",
            ],
            Peer::Mosquitto => &["-c", "/dev/stdin"],
        };
        arguments.iter().map(|argument| (*argument).to_owned()).collect()
    }

    /// Returns what the program reads on stdin.
    pub(crate) fn input(self, address: SocketAddr) -> String {
        match self {
            Peer::Nats | Peer::Redis => String::new(),
            Peer::Mosquitto => format!(
                "listener {} {}\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\nlog_dest none\n",
                address.port(),
                address.ip(),
            ),
        }
    }
}
