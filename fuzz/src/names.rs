//! The types that cannot hold a bad value: what is taken is written as it was read, and selects what a plain reading of
//! the rules says.

use buslane_protocol::binary::Preamble;
use buslane_protocol::{Address, Destination, Filter, Headers, HeadersBuf, Id, Name, Topic};

use crate::choices::Choices;

/// Takes a kind, then a text for it; topics and filters stand together, divided by a line break.
pub(crate) fn run(input: &[u8]) {
    let mut choices = Choices::new(input);
    let kind = choices.below(KINDS.len());
    KINDS[kind](choices.rest());
}

const KINDS: [fn(&[u8]); 6] = [name, address, topics, id, headers, preamble];

/// Inputs of each kind.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[&[u8]]; 6] = [
        &[b"attic", b"a.b-c_d", b"$bus", b""],
        &[
            b"attic:get",
            b"attic#one:get",
            b"@all:get",
            b"*:get",
            b"here/attic:get",
            b"$bus:ping",
            b"a@1:b",
        ],
        &[
            b"a/b/c\na/+/c",
            b"a\n#",
            b"$bus/x\n+/x",
            b"a/b\na/b/#",
            b"\xc3\xbc/b\n+/b",
            b"0123456789/0123456789/x\n0123456789/+/#",
        ],
        &[b"018bcfe5-6800-7000-8000-000000000001", b"r1"],
        &[b"\x01\x02\x00abc", b"\x0d\x0a\x00:content-typetext/plain"],
        &[b"\xb5BUS\x01\x01\0\0", b"\xb5BUS\0\0\0\0", b"\xb5BUS\x01\x07\0\0"],
    ];
    let with_kind = |(kind, texts): (usize, &&[&[u8]])| -> Vec<Vec<u8>> {
        texts.iter().map(|text| [&[kind as u8], *text].concat()).collect()
    };
    texts.iter().enumerate().flat_map(with_kind).collect()
}

fn name(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let expected = (1..=128).contains(&text.len()) && text.bytes().all(plain);
    assert_eq!(Name::parse(text).is_ok(), expected, "{text:?}");
}

fn address(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(address) = Address::parse(text) else { return };
    assert_eq!(address.as_str(), text);
    let target = match address.destination() {
        Destination::Every => "*".to_owned(),
        Destination::Group(group) => format!("@{group}"),
        Destination::Service(service) => service.to_owned(),
        Destination::Instance { service, instance } => format!("{service}#{instance}"),
    };
    let node = address.node().map(|node| format!("{node}/")).unwrap_or_default();
    assert_eq!(
        format!("{node}{target}:{}", address.method()),
        text,
        "its parts make the address"
    );
}

fn topics(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (topic, filter) = text.split_once('\n').unwrap_or((text, text));
    let (parsed_topic, parsed_filter) = (Topic::parse(topic), Filter::parse(filter));
    assert_eq!(parsed_topic.is_ok(), is_topic(topic), "{topic:?}");
    assert_eq!(parsed_filter.is_ok(), is_filter(filter), "{filter:?}");
    if let (Ok(topic), Ok(filter)) = (parsed_topic, parsed_filter) {
        assert_eq!(
            filter.matches(&topic),
            selects(&filter, &topic),
            "{filter} and {topic}"
        );
        assert_eq!(filter.wildcards(), filter.as_str().matches(['+', '#']).count());
    }
}

/// What topics and filters have in common, as the page says it.
fn is_path(text: &str) -> bool {
    let levels: Vec<&str> = text.split('/').collect();
    text.len() <= 512 && levels.len() <= 16 && !levels.contains(&"") && !text.contains(char::is_control)
}

fn is_topic(text: &str) -> bool {
    is_path(text) && !text.contains(['+', '#'])
}

fn is_filter(text: &str) -> bool {
    let levels: Vec<&str> = text.split('/').collect();
    let last = levels.len() - 1;
    let good = |(place, level): (usize, &&str)| match *level {
        "+" => true,
        "#" => place == last,
        other => !other.contains(['+', '#']),
    };
    is_path(text) && levels.iter().enumerate().all(good)
}

/// Whether a filter selects a topic, by the levels from the left.
fn selects(filter: &Filter<'_>, topic: &Topic<'_>) -> bool {
    let wanted: Vec<&str> = filter.as_str().split('/').collect();
    let levels: Vec<&str> = topic.as_str().split('/').collect();
    let wild_first = matches!(wanted[0], "+" | "#");
    if wild_first && topic.as_str().starts_with('$') {
        return false;
    }
    selects_levels(&wanted, &levels)
}

fn selects_levels(wanted: &[&str], levels: &[&str]) -> bool {
    match (wanted, levels) {
        (["#"], _) | ([], []) => true,
        ([first, wanted @ ..], [level, levels @ ..]) => {
            (*first == "+" || first == level) && selects_levels(wanted, levels)
        }
        _ => false,
    }
}

fn id(bytes: &[u8]) {
    let parsed = Id::from_bytes(bytes);
    match str::from_utf8(bytes) {
        Ok(text) => assert_eq!(parsed.is_ok(), Id::parse(text).is_ok()),
        Err(_) => assert!(parsed.is_err()),
    }
    if let Ok(id) = parsed {
        assert_eq!(id.as_bytes(), bytes);
    }
}

/// A block that is taken can be walked, and built again from its entries.
fn headers(bytes: &[u8]) {
    let Ok(headers) = Headers::parse(bytes) else {
        return;
    };
    let mut again = HeadersBuf::new();
    for (name, value) in headers.iter() {
        again.push(name, value).expect("what was taken can be built");
        assert!(headers.find(name).is_some());
    }
    assert_eq!(again.headers().as_bytes(), headers.as_bytes());
    // Whatever these say, they are asked about any block.
    let _members = (
        headers.content_type(),
        headers.sent_at(),
        headers.attempts(),
        headers.status(),
    );
    let _allowed = headers.check_from_client();
}

fn preamble(bytes: &[u8]) {
    for length in 0..bytes.len().min(Preamble::LENGTH) {
        let part = Preamble::parse(&bytes[..length]);
        assert!(!matches!(part, Ok(Some(_))), "a part of a preamble is none");
        if part.is_err() {
            assert!(Preamble::parse(bytes).is_err(), "more bytes make nothing right");
        }
    }
    if let Ok(Some(preamble)) = Preamble::parse(bytes) {
        let chosen = Preamble::OURS.choose(preamble.lowest, preamble.highest);
        let within = |version: u8| (preamble.lowest..=preamble.highest).contains(&version);
        assert!(chosen.is_none_or(within));
        let answer = Preamble::parse(&Preamble::answer(chosen)).expect("an answer is a preamble");
        assert_eq!(answer.and_then(Preamble::chosen), chosen);
    }
}
