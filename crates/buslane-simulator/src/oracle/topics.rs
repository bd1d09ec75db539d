//! Which filter selects which topic, as the page says it.

/// Tells whether a filter selects a topic: `+` is exactly one level, `#` this level and all below, also none, and a
/// wildcard at the first level selects nothing that begins with `$`.
pub(super) fn selects(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#')) {
        return false;
    }
    let (mut wanted, mut levels) = (filter.split('/'), topic.split('/'));
    loop {
        match (wanted.next(), levels.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(want), Some(level)) if want == level => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::selects;

    #[test]
    fn the_examples_of_the_page_hold() {
        for topic in ["a", "a/b", "a/b/c"] {
            assert!(selects("a/#", topic), "{topic}");
        }
        assert!(selects("+/b", "a/b") && !selects("+/b", "a/b/c") && !selects("a/+", "a"));
        assert!(!selects("#", "$bus/x") && !selects("+/x", "$bus/x") && selects("$bus/#", "$bus/x"));
    }
}
