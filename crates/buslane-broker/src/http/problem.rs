//! Errors as answers: problem details (RFC 9457) with the members of the envelope's error.

use buslane_protocol::{ErrorCode, Problem, Retry};
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::media_type::PROBLEM;
use super::response::{Body, answer};

/// Answers with a problem. Leaves its code with the answer, for the counts; a service's own word is `service_error`.
pub(super) fn refusal(problem: &Problem) -> Response<Body> {
    let status = StatusCode::from_u16(problem.status).ok();
    let status = status.filter(|status| status.is_client_error() || status.is_server_error());
    let mut response = answer(
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        PROBLEM,
        Body::whole(text(problem)),
    );
    let code = problem.error_code();
    response
        .extensions_mut()
        .insert(code.unwrap_or(ErrorCode::ServiceError));
    if code.is_some_and(|code| code.retry() == Retry::Later && code.status() >= TOO_MANY) {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static(AFTER));
    }
    response
}

/// Writes a problem as JSON text.
pub(super) fn text(problem: &Problem) -> String {
    serde_json::to_string(problem).expect("a problem is made of texts, numbers and JSON values")
}

/// Makes the problem of a request that is not what its path takes.
pub(super) fn invalid(detail: impl std::fmt::Display) -> Problem {
    Problem::new(ErrorCode::InvalidMessage).detail(detail)
}

/// Shortens what came from outside for an error.
pub(super) fn shown(text: &str) -> &str {
    text.char_indices()
        .nth(MOST_SHOWN)
        .map_or(text, |(end, _)| &text[..end])
}

/// The first status that says that waiting helps.
const TOO_MANY: u16 = 429;
/// Seconds after which trying again may help.
const AFTER: &str = "1";
/// Characters of a text from outside that an error shows.
const MOST_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_no_error_becomes_one() {
        for (status, answered) in [(422, 422), (200, 500), (0, 500), (1_000, 500), (599, 599)] {
            let problem = Problem {
                status,
                ..Problem::of_service("odd", "odd")
            };
            assert_eq!(refusal(&problem).status().as_u16(), answered);
        }
    }

    #[test]
    fn only_what_waiting_helps_against_says_when() {
        let when = |code| refusal(&Problem::new(code)).headers().get(RETRY_AFTER).is_some();
        assert!(when(ErrorCode::Draining) && when(ErrorCode::TooManyRequests));
        assert!(!when(ErrorCode::NoInstance) && !when(ErrorCode::InvalidName));
    }
}
