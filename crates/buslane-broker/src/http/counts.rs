//! How many requests over HTTP each route answered, and how.

use std::cell::RefCell;
use std::collections::BTreeMap;

use buslane_protocol::ErrorCode;
use hyper::{Response, StatusCode};

/// Answers by route and by class of status, and those that are problems by their code.
#[derive(Default)]
pub(crate) struct HttpCounts {
    /// As many entries as there are routes at the most: their names are the code's own.
    routes: RefCell<Vec<(&'static str, [u64; CLASSES.len()])>>,
    /// By the code's place in the table.
    codes: RefCell<BTreeMap<ErrorCode, u64>>,
}

impl HttpCounts {
    /// Counts an answer, and the code that [`refusal`](super::problem::refusal) left with it.
    pub(super) fn count<B>(&self, route: &'static str, response: &Response<B>) {
        if let Some(code) = response.extensions().get::<ErrorCode>() {
            self.count_code(*code);
        }
        self.count_status(route, response.status());
    }

    /// Counts a refusal that no request led to.
    pub(super) fn count_refused(&self, route: &'static str, code: ErrorCode) {
        let status = StatusCode::from_u16(code.status()).expect("the table's codes have statuses of HTTP");
        self.count_code(code);
        self.count_status(route, status);
    }

    /// Counts a request that could not be read, and got nothing but a status.
    pub(super) fn count_unread(&self, route: &'static str) {
        self.count_status(route, StatusCode::BAD_REQUEST);
    }

    /// Returns the count of each code that was the answer, in the table's order.
    pub(crate) fn refused(&self) -> Vec<(&'static str, u64)> {
        let codes = self.codes.borrow();
        codes
            .iter()
            .map(|(code, count)| (code.as_str(), *count))
            .collect()
    }

    /// Returns route, class of status and count of all answers that were given, in the order of the routes' names.
    pub(crate) fn rows(&self) -> Vec<(&'static str, &'static str, u64)> {
        let routes = self.routes.borrow();
        let rows = routes.iter().flat_map(|(route, counts)| {
            let classes = CLASSES.iter().zip(counts);
            classes.map(|(class, count)| (*route, *class, *count))
        });
        rows.filter(|(.., count)| *count > 0).collect()
    }

    fn count_code(&self, code: ErrorCode) {
        *self.codes.borrow_mut().entry(code).or_default() += 1;
    }

    fn count_status(&self, route: &'static str, status: StatusCode) {
        let Some(class) = usize::from(status.as_u16() / 100).checked_sub(1) else {
            return;
        };
        let mut routes = self.routes.borrow_mut();
        let index = routes.binary_search_by_key(&route, |(name, _)| name);
        let index = index.unwrap_or_else(|index| {
            routes.insert(index, (route, [0; CLASSES.len()]));
            index
        });
        if let Some(count) = routes[index].1.get_mut(class) {
            *count += 1;
        }
    }
}

/// Classes of status (RFC 9110, section 15).
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[cfg(test)]
mod tests {
    use buslane_protocol::Problem;

    use super::super::problem::refusal;
    use super::*;

    #[test]
    fn answers_count_by_route_and_class() {
        let counts = HttpCounts::default();
        for (route, status) in [
            ("publish", 200),
            ("healthz", 200),
            ("publish", 422),
            ("publish", 404),
        ] {
            counts.count_status(route, StatusCode::from_u16(status).unwrap());
        }
        counts.count_status("odd", StatusCode::from_u16(999).unwrap());
        assert_eq!(
            counts.rows(),
            [
                ("healthz", "2xx", 1),
                ("publish", "2xx", 1),
                ("publish", "4xx", 2)
            ]
        );
    }

    #[test]
    fn problems_count_by_their_code() {
        let counts = HttpCounts::default();
        counts.count("publish", &refusal(&Problem::new(ErrorCode::NotFound)));
        counts.count("publish", &refusal(&Problem::of_service("gone", "no such key")));
        counts.count_refused("refused", ErrorCode::NotFound);
        assert_eq!(counts.refused(), [("service_error", 1), ("not_found", 2)]);
        assert_eq!(
            counts.rows(),
            [
                ("publish", "4xx", 1),
                ("publish", "5xx", 1),
                ("refused", "4xx", 1)
            ]
        );
    }
}
