//! The parameters behind the `?` of a URL: which there are, and their values. What a path does not take is refused
//! with the nearest name that it does.

use std::time::Duration;

use buslane_protocol::Problem;

use super::percent::decode;
use super::problem::{invalid, shown};
use crate::config::nearest;

/// A parameter that a path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether it may come several times.
    pub(super) many: bool,
}

/// The parameters of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(&'static str, String)>);

impl Parameter {
    /// Names a parameter that comes once at the most.
    pub(super) const fn once(name: &'static str) -> Self {
        Parameter { name, many: false }
    }

    /// Names a parameter that may come several times.
    pub(super) const fn many(name: &'static str) -> Self {
        Parameter { name, many: true }
    }
}

impl Query {
    /// Reads the parameters that a path takes.
    pub(super) fn parse(text: &str, known: &'static [Parameter]) -> Result<Query, Problem> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).map_err(|error| invalid(format_args!("in the query: {error}")))?;
            let Some(parameter) = known.iter().find(|parameter| parameter.name == name) else {
                return Err(unknown(&name, known));
            };
            let name = parameter.name;
            let value = decode(value)
                .map_err(|error| invalid(format_args!("in the query parameter {name}: {error}")))?;
            if !parameter.many && found.iter().any(|(earlier, _)| *earlier == name) {
                return Err(invalid(format_args!(
                    "the query parameter {name} occurs twice; it takes one value"
                )));
            }
            found.push((name, value.into_owned()));
        }
        Ok(Query(found))
    }

    /// Returns the value of a parameter.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let named = self.0.iter().find(|(found, _)| *found == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Returns every value of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |(found, _): &&(&'static str, String)| *found == name;
        self.0.iter().filter(named).map(|(_, value)| value.as_str())
    }

    /// Returns a parameter that is `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.find(name)
            .map(|value| match value {
                "true" => Ok(true),
                "false" => Ok(false),
                other => Err(wrong(name, "true or false", other)),
            })
            .transpose()
    }

    /// Returns a parameter that is a whole number.
    pub(super) fn number(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Problem> {
        self.find(name)
            .map(|value| {
                let number = digits(value).filter(|number| (least..=most).contains(number));
                number.ok_or_else(|| wrong(name, &format!("a whole number from {least} to {most}"), value))
            })
            .transpose()
    }

    /// Returns a parameter that is a time: a number with `ms`, `s`, `m` or `h`, or of milliseconds.
    pub(super) fn time(&self, name: &str, longest: Duration) -> Result<Option<Duration>, Problem> {
        self.find(name)
            .map(|value| {
                let time = time(value).filter(|time| !time.is_zero() && *time <= longest);
                time.ok_or_else(|| {
                    let most = longest.as_millis();
                    let expected = format!("a time from 1 to {most} ms, such as 250ms, 2s, 1m or 1500");
                    wrong(name, &expected, value)
                })
            })
            .transpose()
    }
}

/// Makes the problem of a parameter with a value that it does not take.
pub(super) fn wrong(name: &str, expected: &str, found: &str) -> Problem {
    let found = shown(found);
    invalid(format_args!(
        "the query parameter {name} is {expected}, not {found:?}"
    ))
}

fn unknown(name: &str, known: &[Parameter]) -> Problem {
    let names = known.iter().map(|parameter| parameter.name.to_owned());
    let hint = match nearest(name, names) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None if known.is_empty() => "this path takes none".to_owned(),
        None => {
            let names: Vec<_> = known.iter().map(|parameter| parameter.name).collect();
            format!("this path takes {}", names.join(", "))
        }
    };
    invalid(format_args!(
        "the query parameter {:?} is unknown; {hint}",
        shown(name)
    ))
}

fn digits(text: &str) -> Option<u32> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn time(text: &str) -> Option<Duration> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let millis = match &text[end..] {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number = u64::from(digits(&text[..end])?);
    Some(Duration::from_millis(number * millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[Parameter] = &[
        Parameter::once("timeout"),
        Parameter::once("stream"),
        Parameter::many("to"),
    ];

    fn parse(text: &str) -> Result<Query, String> {
        Query::parse(text, KNOWN).map_err(|problem| problem.detail.unwrap())
    }

    #[test]
    fn values_are_decoded_and_kept_in_order() {
        let query = parse("to=a%23b:c&&timeout=2s&to=x+y").unwrap();
        assert_eq!(query.all("to").collect::<Vec<_>>(), ["a#b:c", "x+y"]);
        assert_eq!(query.find("timeout"), Some("2s"));
        assert_eq!(query.find("stream"), None);
    }

    #[test]
    fn what_is_unknown_doubled_or_broken_is_named() {
        assert!(parse("timout=1").unwrap_err().ends_with("did you mean timeout?"));
        assert!(parse("zzz").unwrap_err().ends_with("takes timeout, stream, to"));
        assert!(parse("stream=true&stream=true").unwrap_err().contains("twice"));
        assert!(parse("to=%g").unwrap_err().contains("parameter to"));
        assert!(parse("%g=1").unwrap_err().contains("in the query"));
    }

    #[test]
    fn times_take_a_unit_or_milliseconds() {
        let longest = Duration::from_secs(3_600);
        let read = |text: &str| {
            parse(&format!("timeout={text}"))
                .unwrap()
                .time("timeout", longest)
        };
        for (text, millis) in [
            ("1", 1),
            ("1500", 1_500),
            ("250ms", 250),
            ("2s", 2_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(read(text).unwrap(), Some(Duration::from_millis(millis)), "{text}");
        }
        for bad in [
            "",
            "0",
            "0s",
            "-1",
            "1.5s",
            "2h",
            "5d",
            "s",
            "99999999999",
            "1 s",
            "1s1",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_and_flags_are_exact() {
        let number = |text: &str| {
            parse(&format!("timeout={text}"))
                .unwrap()
                .number("timeout", 1, 10)
        };
        assert_eq!(number("10").unwrap(), Some(10));
        for bad in ["", "0", "11", "+1", "1e1", "99999999999"] {
            assert!(number(bad).is_err(), "{bad}");
        }
        let flag = |text: &str| parse(text).unwrap().flag("stream");
        assert_eq!(flag("stream=false").unwrap(), Some(false));
        assert_eq!(flag("").unwrap(), None);
        assert!(flag("stream").is_err() && flag("stream=1").is_err());
    }
}
