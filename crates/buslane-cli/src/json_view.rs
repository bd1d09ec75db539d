//! JSON text as a person sees it: coloured by type, on one line or laid out.

use anstyle::{AnsiColor, Style};

use crate::json_text::{self, Kind};
use crate::output::Output;

/// Shows a JSON text on one line.
pub(crate) fn one_line(json: &str, out: &Output) -> String {
    match out.is_colored() {
        true => json_text::on_one_line(json, paint),
        false => json_text::one_line(json).into_owned(),
    }
}

/// Shows a JSON text on several lines, with an indentation of two.
pub(crate) fn laid_out(json: &str, out: &Output) -> String {
    match out.is_colored() {
        true => json_text::laid_out(json, paint),
        false => json_text::pretty(json),
    }
}

fn paint(kind: Kind, token: &str) -> String {
    let style = style(kind);
    format!("{style}{token}{style:#}")
}

fn style(kind: Kind) -> Style {
    match kind {
        Kind::Name => AnsiColor::Blue.on_default().bold(),
        Kind::Text => AnsiColor::Green.on_default(),
        Kind::Number => AnsiColor::Yellow.on_default(),
        Kind::Truth => AnsiColor::Magenta.on_default(),
        Kind::Null => Style::new().dimmed(),
        Kind::Mark => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_colour_of_its_own() {
        let text = json_text::on_one_line(r#"{"a":["x",1,true,null]}"#, paint);
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(plain, r#"{"a": ["x", 1, true, null]}"#);
        let styles = [Kind::Name, Kind::Text, Kind::Number, Kind::Truth, Kind::Null].map(style);
        for (index, one) in styles.iter().enumerate() {
            assert!(text.contains(&one.to_string()), "{text:?}");
            assert!(!styles[..index].contains(one));
        }
    }
}
