//! Texts that match a regular expression.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Makes a text that matches: each repetition is as short as it may be, until `extra` more are used up; `salt` chooses
/// among the characters that are allowed. `None` if the expression is not understood.
pub(super) fn text(pattern: &str, extra: usize, salt: usize) -> Option<String> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    let mut writer = Writer {
        out: String::new(),
        extra,
        salt,
    };
    writer.write(&hir)?;
    Some(writer.out)
}

struct Writer {
    out: String,
    extra: usize,
    salt: usize,
}

impl Writer {
    fn write(&mut self, hir: &Hir) -> Option<()> {
        if self.out.len() > LONGEST {
            return None;
        }
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Some(()),
            HirKind::Literal(literal) => {
                self.out.push_str(std::str::from_utf8(&literal.0).ok()?);
                Some(())
            }
            HirKind::Class(class) => {
                self.out.push(member(class, &mut self.salt)?);
                Some(())
            }
            HirKind::Repetition(repetition) => {
                let more = repetition.max.map_or(self.extra, |most| {
                    self.extra.min((most - repetition.min) as usize)
                });
                self.extra -= more;
                (0..repetition.min as usize + more).try_for_each(|_| self.write(&repetition.sub))
            }
            HirKind::Capture(capture) => self.write(&capture.sub),
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.write(part)),
            HirKind::Alternation(parts) => {
                let part = parts.get(self.salt % parts.len())?;
                self.salt /= parts.len();
                self.write(part)
            }
        }
    }
}

/// Chooses a character, one that people like to read where there is one.
fn member(class: &Class, salt: &mut usize) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class
            .ranges()
            .iter()
            .map(|range| (range.start(), range.end()))
            .collect(),
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .map(|range| (char::from(range.start()), char::from(range.end())))
            .collect(),
    };
    let has = |character: &char| {
        ranges
            .iter()
            .any(|(first, last)| (first..=last).contains(&character))
    };
    let liked: Vec<char> = ('a'..='z')
        .chain('0'..='9')
        .chain('A'..='Z')
        .chain('!'..='~')
        .filter(has)
        .collect();
    if liked.is_empty() {
        return ranges.first().map(|(first, _)| *first);
    }
    let chosen = liked[*salt % liked.len()];
    *salt /= liked.len();
    Some(chosen)
}

/// No text of an example is longer.
pub(super) const LONGEST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_short_and_readable() {
        for (pattern, expected) in [
            ("^[a-z]{3}$", "aaa"),
            ("^(on|off)$", "on"),
            (r"^\d{4}-\d{2}$", "0000-00"),
            (r"^[^\s@]+@x\.org$", "a@x.org"),
            ("a*", ""),
        ] {
            assert_eq!(text(pattern, 0, 0).as_deref(), Some(expected), "{pattern}");
        }
        assert_eq!(text("^a*$", 3, 0).as_deref(), Some("aaa"));
        assert_eq!(text("^[a-c]$", 0, 2).as_deref(), Some("c"));
    }

    #[test]
    fn what_is_not_understood_makes_nothing() {
        assert_eq!(text("(?=a)b", 0, 0), None);
        assert_eq!(text("^(a{1000}){1000}$", 0, 0), None);
    }
}
