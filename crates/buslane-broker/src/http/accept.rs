//! What the other side accepts as an answer (RFC 9110, section 12.5.1).

use buslane_protocol::{ErrorCode, Problem};
use hyper::HeaderMap;
use hyper::header::ACCEPT;

/// Chooses among the media types that are offered, the preferred first. Fails with the types that there are.
pub(super) fn choose(headers: &HeaderMap, offers: &'static [&'static str]) -> Result<&'static str, Problem> {
    let ranges = ranges(headers);
    let mut best: Option<(&'static str, u16)> = None;
    for offer in offers {
        let quality = quality(&ranges, offer);
        if quality > best.map_or(0, |(_, quality)| quality) {
            best = Some((offer, quality));
        }
    }
    best.map(|(offer, _)| offer).ok_or_else(|| {
        let offers = offers.join(" or ");
        Problem::new(ErrorCode::NotAcceptable).detail(format_args!("the answer is {offers}"))
    })
}

/// A range of media types, and how much it is wanted, in thousandths.
struct Range {
    kind: String,
    quality: u16,
}

fn ranges(headers: &HeaderMap) -> Vec<Range> {
    let lines = headers.get_all(ACCEPT).iter();
    let ranges = lines.filter_map(|line| line.to_str().ok());
    let ranges = ranges
        .flat_map(|line| line.split(','))
        .filter(|range| !range.trim().is_empty());
    ranges.map(Range::parse).collect()
}

impl Range {
    fn parse(text: &str) -> Range {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = weight.map_or(Some(1.0), |weight| weight.parse::<f32>().ok());
        let quality = quality.filter(|quality| (0.0..=1.0).contains(quality));
        Range {
            kind,
            quality: quality.map_or(0, |quality| (quality * f32::from(WHOLLY)) as u16),
        }
    }

    /// Returns how exactly the range names a media type; `None` if it does not.
    fn precision(&self, offer: &str) -> Option<u8> {
        let (kind, _) = offer.split_once('/').unwrap_or((offer, ""));
        match self.kind.as_str() {
            "*/*" | "*" => Some(0),
            range if range == offer => Some(2),
            range => (range.strip_suffix("/*") == Some(kind)).then_some(1),
        }
    }
}

/// Returns how much a media type is wanted, by the range that names it most exactly.
fn quality(ranges: &[Range], offer: &str) -> u16 {
    if ranges.is_empty() {
        return WHOLLY;
    }
    let naming = ranges
        .iter()
        .filter_map(|range| Some((range.precision(offer)?, range.quality)));
    naming.max().map_or(0, |(_, quality)| quality)
}

/// How much something is wanted that is wanted without reserve, in thousandths.
const WHOLLY: u16 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: &[&str] = &["application/x-ndjson", "text/event-stream"];

    fn chosen(accept: &[&str]) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        for line in accept {
            headers.append(ACCEPT, line.parse().unwrap());
        }
        choose(&headers, OFFERS).ok()
    }

    #[test]
    fn the_first_offer_stands_where_nothing_is_asked_for() {
        assert_eq!(chosen(&[]), Some(OFFERS[0]));
        assert_eq!(chosen(&["*/*"]), Some(OFFERS[0]));
        assert_eq!(chosen(&[""]), Some(OFFERS[0]));
    }

    #[test]
    fn the_most_exact_range_decides() {
        assert_eq!(chosen(&["text/event-stream"]), Some(OFFERS[1]));
        assert_eq!(chosen(&["text/*, application/json"]), Some(OFFERS[1]));
        assert_eq!(chosen(&["*/*;q=0.1, text/Event-Stream; q=0.5"]), Some(OFFERS[1]));
        assert_eq!(chosen(&["*/*", "application/x-ndjson;q=0"]), Some(OFFERS[1]));
        assert_eq!(
            chosen(&["text/event-stream;q=0.2", "application/*;q=0.3"]),
            Some(OFFERS[0])
        );
    }

    #[test]
    fn what_is_not_accepted_is_not_sent() {
        for accept in [
            "text/html",
            "*/*;q=0",
            "image/*",
            "text/event-stream;q=x",
            "nonsense",
        ] {
            assert_eq!(chosen(&[accept]), None, "{accept}");
        }
    }
}
