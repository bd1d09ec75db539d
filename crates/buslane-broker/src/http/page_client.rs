//! `/buslane.js`: the JavaScript client as one file, with which a page joins without a build step. Owns what caches are
//! told of it. Holds nothing: the file is read for each page that has not got it, so that a new one needs no restart.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use buslane_protocol::{ErrorCode, Problem};
use hyper::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::{HeaderMap, Response, StatusCode};
use tokio::task::spawn_blocking;
use tracing::warn;

use super::exchange::Exchange;
use super::media_type::JAVASCRIPT;
use super::response::{Body, answer, nothing, set};
use crate::driver::Lease;

/// Answers with the file, compressed where that is asked for and at hand.
pub(super) async fn script(exchange: Exchange) -> Result<Response<Body>, Problem> {
    let (path, takes_gzip) = (exchange.hub.page_client.clone(), takes_gzip(&exchange.headers));
    let found = elsewhere(move || Found::open(&path, takes_gzip)).await?;
    let (tag, is_compressed, length) = (found.tag(), found.is_compressed, found.length);
    let mut response = if is_known(&exchange.headers, &tag) {
        nothing(StatusCode::NOT_MODIFIED)
    } else {
        let lease =
            Lease::take(&exchange.hub.http, length).map_err(|_| Problem::new(ErrorCode::MemoryFull))?;
        let bytes = elsewhere(move || found.read()).await?;
        answer(StatusCode::OK, JAVASCRIPT, Body::leased(bytes.into(), lease))
    };
    set(&mut response, ETAG, &tag);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(ASK_EACH_TIME));
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if is_compressed && response.status() == StatusCode::OK {
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(GZIP));
    }
    Ok(response)
}

/// The file, or the same compressed beside it.
struct Found {
    file: File,
    /// Its bytes, as far as they are sent.
    length: usize,
    /// Nanoseconds since 1970 at which it was written.
    written: u128,
    is_compressed: bool,
}

impl Found {
    fn open(path: &Path, takes_gzip: bool) -> io::Result<Found> {
        let plain = Found::one(path, false)?;
        let compressed = takes_gzip.then(|| Found::one(&compressed(path), true).ok());
        // One that is left from an older file is none of this one.
        let fresh = compressed
            .flatten()
            .filter(|found| found.written >= plain.written);
        Ok(fresh.unwrap_or(plain))
    }

    fn one(path: &Path, is_compressed: bool) -> io::Result<Found> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        if !metadata.is_file() || length > LARGEST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is no file of at most 8 MiB",
            ));
        }
        Ok(Found {
            file,
            length,
            written: written(&metadata)?,
            is_compressed,
        })
    }

    /// Returns what tells this file from every other that stood or will stand in its place.
    fn tag(&self) -> String {
        format!("\"{:x}-{:x}\"", self.written, self.length)
    }

    fn read(self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.length);
        self.file.take(self.length as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn written(metadata: &Metadata) -> io::Result<u128> {
    let since = metadata.modified()?.duration_since(UNIX_EPOCH);
    Ok(since.map_or(0, |since| since.as_nanos()))
}

fn compressed(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".gz");
    path.into()
}

/// Touches the disk where nobody waits for it but the page.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let outcome = spawn_blocking(work).await.map_err(io::Error::other);
    outcome
        .and_then(|outcome| outcome)
        .map_err(|error| problem(&error))
}

fn problem(error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::NotFound {
        return Problem::new(ErrorCode::NotFound).detail(ABSENT).about(PATH);
    }
    // Whoever asks is told nothing of the broker's disk; whoever runs it has to know.
    warn!(%error, "the file that http.client names cannot be read");
    Problem::new(ErrorCode::Internal)
        .detail("the broker cannot read its copy of the JavaScript client; its log says why")
        .about(PATH)
}

/// Tells whether a page has the file of a tag already.
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter();
    let tags = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let mut tags = tags.map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter();
    let codings = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    let mut wanted = codings.filter_map(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=")?.parse::<f32>().ok()?;
        name.trim().eq_ignore_ascii_case(GZIP).then_some(weight > 0.0)
    });
    wanted.any(|wanted| wanted)
}

/// Where the file is served.
pub(super) const PATH: &str = "/buslane.js";
const GZIP: &str = "gzip";
/// Lets a cache keep the file, and ask whether it is still the same: it belongs to the broker that a page joins.
const ASK_EACH_TIME: &str = "no-cache";
const ABSENT: &str = "the JavaScript client is not installed with this broker: put buslane.js, which `just js` makes, \
     beside the broker's program, or name it by http.client";
/// Bytes of a file that is sent.
const LARGEST: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: hyper::header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn gzip_is_sent_to_those_alone_who_take_it() {
        for (taken, values) in [
            (true, &["gzip"][..]),
            (true, &["br", "deflate, GZip;q=0.5"]),
            (false, &[]),
            (false, &["br, gzip;q=0"]),
            (false, &["gzip;q=much"]),
            (false, &["*"]),
        ] {
            assert_eq!(takes_gzip(&headers(ACCEPT_ENCODING, values)), taken, "{values:?}");
        }
    }

    #[test]
    fn a_page_has_the_file_if_it_names_its_tag() {
        for (known, values) in [
            (true, &["\"a\""][..]),
            (true, &["\"b\", W/\"a\""]),
            (true, &["*"]),
            (false, &[]),
            (false, &["\"b\"", "a"]),
        ] {
            assert_eq!(
                is_known(&headers(IF_NONE_MATCH, values), "\"a\""),
                known,
                "{values:?}"
            );
        }
    }
}
