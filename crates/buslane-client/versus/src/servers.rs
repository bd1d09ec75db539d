//! The servers under measurement and the programs that answer, each a process of its own.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::ValueEnum;

use crate::Side;
use crate::bus::Bus;

/// A server. It ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    _data: tempfile::TempDir,
}

/// A program that answers requests. It ends when this is dropped.
pub(crate) struct Responder(Child);

impl Server {
    pub(crate) fn start_ours(program: &Path) -> anyhow::Result<Server> {
        let port = free_port()?;
        let data = tempfile::tempdir()?;
        let listen = format!("127.0.0.1:{port}");
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", &listen, "--data"])
            .arg(data.path());
        Server::start(command, port, format!("buslane://{listen}"), data)
    }

    pub(crate) fn start_theirs(program: &Path) -> anyhow::Result<Server> {
        let port = free_port()?;
        let data = tempfile::tempdir()?;
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string()]);
        Server::start(command, port, format!("nats://127.0.0.1:{port}"), data)
    }

    fn start(
        mut command: Command,
        port: u16,
        url: String,
        data: tempfile::TempDir,
    ) -> anyhow::Result<Server> {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let server = Server {
            child,
            url,
            _data: data,
        };
        let deadline = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > deadline {
                bail!(
                    "{:?} does not listen after {} s",
                    command.get_program(),
                    START.as_secs()
                );
            }
            std::thread::sleep(PAUSE);
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Responder {
    pub(crate) fn start(side: Side, url: &str) -> anyhow::Result<Responder> {
        let name = side.to_possible_value().context("every side has a name")?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", name.get_name(), url])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = String::new();
        BufReader::new(child.stdout.take().context("it is piped")?).read_line(&mut ready)?;
        if ready.trim() != READY {
            end(&mut child);
            bail!("the responder did not start");
        }
        Ok(Responder(child))
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

/// Answers requests until the process is ended.
pub(crate) async fn answer<B: Bus>(url: &str) -> anyhow::Result<()> {
    let bus = B::connect(url, false).await?;
    bus.serve().await?;
    println!("{READY}");
    std::future::pending().await
}

fn end(child: &mut Child) {
    if let Err(error) = child.kill()
        && error.kind() != ErrorKind::InvalidInput
    {
        eprintln!("cannot end a process: {error}");
    }
    let _ = child.wait();
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

const READY: &str = "ready";
const START: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);
