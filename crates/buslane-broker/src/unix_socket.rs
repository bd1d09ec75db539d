//! Unix sockets to listen on: for their owner only, in the place of one that a broker left behind, and removed at the
//! end.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::config::ListenAddress;
use crate::start::{BACKLOG, StartError, bind_error};

/// The file of a Unix socket. Removes it when dropped, unless it is another's by then.
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).ok() == Some(self.identity) {
            // If it cannot be removed, the next broker replaces it.
            let _removed = fs::remove_file(&self.path);
        }
    }
}

/// Binds a Unix socket.
pub(crate) fn bind_unix(path: &Path) -> Result<(UnixListener, SocketFile), StartError> {
    let address = ListenAddress::Unix(path.to_owned());
    remove_stale(path, &address)?;
    listen(path).map_err(|error| bind_error(&address, error))
}

/// Makes room for the socket: one at which nobody answers is of a broker that is gone.
fn remove_stale(path: &Path, address: &ListenAddress) -> Result<(), StartError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(bind_error(address, error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(StartError::NotASocket {
                path: path.to_owned(),
            });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| bind_error(address, error))
        }
        Err(error) => Err(bind_error(address, error)),
        Ok(_) => Err(StartError::InUse {
            address: address.clone(),
        }),
    }
}

/// Nobody can connect before `listen`, so that the permissions hold from the first connection on.
fn listen(path: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    socket.bind(&socket2::SockAddr::unix(path)?)?;
    let file = SocketFile {
        path: path.to_owned(),
        identity: identity(path)?,
    };
    fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok((socket.into(), file))
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

const OWNER_ONLY: u32 = 0o600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_its_owners_and_goes_with_the_broker() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bus.sock");
        let bound = bind_unix(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            OWNER_ONLY
        );
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_left_behind_is_replaced_and_a_living_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bus.sock");
        drop(UnixListener::bind(&path).unwrap());
        let (_listener, file) = bind_unix(&path).unwrap();
        assert!(matches!(bind_unix(&path), Err(StartError::InUse { .. })));
        fs::remove_file(&path).unwrap();
        let _other = UnixListener::bind(&path).unwrap();
        drop(file);
        assert!(path.exists(), "another's socket was removed");
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(bind_unix(&path), Err(StartError::NotASocket { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
