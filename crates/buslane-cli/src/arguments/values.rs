//! Reads what stands on a command line: lengths of time, numbers, headers. Each error says what to write instead.

use std::time::Duration;

use buslane_protocol::HeadersBuf;

/// Parses a length of time with its unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let number: f64 = digits
        .parse()
        .map_err(|_| "a number with a unit is needed, as 250ms, 5s or 2m".to_owned())?;
    let seconds = match &text[digits.len()..] {
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        "" => return Err(format!("the unit is missing; write {digits}s for seconds")),
        unit => return Err(format!("the unit {unit} is unknown; ms, s, m and h are known")),
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if duration > Duration::ZERO => Ok(duration),
        _ => Err("a time above zero is needed".to_owned()),
    }
}

/// Parses `name=value`.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    if name.starts_with(':') {
        return Err("names that begin with a colon belong to the envelope".to_owned());
    }
    HeadersBuf::new()
        .push(name, value)
        .map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Parses how many of something: a whole number above zero.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number above zero is needed".to_owned()),
        Ok(number) => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("5").unwrap_err().contains("write 5s"));
        assert!(duration("5d").unwrap_err().contains("unknown"));
        for bad in ["", "s", "0s", "-1s", "1e400s", "nans"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_begin_at_one() {
        assert_eq!(count("1"), Ok(1));
        for bad in ["", "0", "-1", "1.5", "many", "99999999999999999999"] {
            assert!(count(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_are_divided_at_the_first_equals_sign() {
        assert_eq!(header("a=b=c"), Ok(("a".into(), "b=c".into())));
        for bad in ["a", "=b", "A=b", "a b=c", "a=b\nc", ":shared=b"] {
            assert!(header(bad).is_err(), "{bad:?}");
        }
    }
}
