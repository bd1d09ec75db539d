//! How many requests over HTTP each route answered, and how.

use std::cell::RefCell;

use hyper::StatusCode;

/// Answers by route and by class of status.
#[derive(Default)]
pub(crate) struct HttpCounts {
    /// As many entries as there are routes at the most: their names are the code's own.
    routes: RefCell<Vec<(&'static str, [u64; CLASSES.len()])>>,
}

impl HttpCounts {
    /// Counts an answer.
    pub(super) fn count(&self, route: &'static str, status: StatusCode) {
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

    /// Returns route, class of status and count of all answers that were given, in the order of the routes' names.
    pub(crate) fn rows(&self) -> Vec<(&'static str, &'static str, u64)> {
        let routes = self.routes.borrow();
        let rows = routes.iter().flat_map(|(route, counts)| {
            let classes = CLASSES.iter().zip(counts);
            classes.map(|(class, count)| (*route, *class, *count))
        });
        rows.filter(|(.., count)| *count > 0).collect()
    }
}

/// Classes of status (RFC 9110, section 15).
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[cfg(test)]
mod tests {
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
            counts.count(route, StatusCode::from_u16(status).unwrap());
        }
        counts.count("odd", StatusCode::from_u16(999).unwrap());
        assert_eq!(
            counts.rows(),
            [
                ("healthz", "2xx", 1),
                ("publish", "2xx", 1),
                ("publish", "4xx", 2)
            ]
        );
    }
}
