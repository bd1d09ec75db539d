//! Topics and the filters that select them.
//!
//! Owns the rules of the two texts and of matching one against one; indexes over many filters are elsewhere.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A topic: 1 to 16 levels separated by `/`, at most 512 bytes of UTF-8, no empty level, no control character and
/// neither `+` nor `#`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic<'a>(Cow<'a, str>);

/// A filter: a topic in which a whole level may be `+` (any one level) and the last may be `#` (this level and all
/// below, also none: `a/#` matches `a`). A wildcard at the first level does not match topics under `$`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Filter<'a>(Cow<'a, str>);

/// Why a text is no [`Topic`]. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The text is empty or longer than 512 bytes.
    #[error("a topic has 1 to 512 bytes, this one has {length}")]
    Length {
        /// The length found, in bytes.
        length: usize,
    },
    /// There are more than 16 levels.
    #[error("a topic has at most 16 levels, this one has {levels}")]
    Levels {
        /// The number of levels found.
        levels: usize,
    },
    /// A level is empty: a leading, trailing or doubled `/`.
    #[error("level {level} of the topic is empty")]
    EmptyLevel {
        /// The level, counted from 1.
        level: usize,
    },
    /// A control character, or a wildcard where none may stand.
    #[error("the character at byte {position} may not stand in a topic")]
    Character {
        /// The offset of the character.
        position: usize,
    },
}

/// Why a text is no [`Filter`]. Final: the same text is refused again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The text breaks a rule that filters share with topics.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// A `+` shares its level with other characters, or `#` is not the whole last level.
    #[error("the wildcard at level {level} must be a whole level, and '#' the last one")]
    Wildcard {
        /// The level, counted from 1.
        level: usize,
    },
    /// There are more wildcards than the limit allows.
    #[error("a filter has at most {limit} wildcards, this one has {wildcards}")]
    Wildcards {
        /// The number found.
        wildcards: usize,
        /// The number allowed.
        limit: usize,
    },
}

const MAX_BYTES: usize = 512;
const MAX_LEVELS: usize = 16;

/// Checks what topics and filters have in common, in one pass over the bytes.
fn check(text: &str) -> Result<(), TopicError> {
    if text.is_empty() || text.len() > MAX_BYTES {
        return Err(TopicError::Length { length: text.len() });
    }
    let mut levels = 1;
    let mut before = b'/';
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'/' if before == b'/' => return Err(TopicError::EmptyLevel { level: levels }),
            b'/' => levels += 1,
            0..0x20 | 0x7f => return Err(TopicError::Character { position }),
            // U+0080 to U+009F are control characters too.
            0x80..=0x9f if before == 0xc2 => {
                return Err(TopicError::Character {
                    position: position - 1,
                });
            }
            _ => {}
        }
        before = byte;
    }
    if before == b'/' {
        return Err(TopicError::EmptyLevel { level: levels });
    }
    if levels > MAX_LEVELS {
        Err(TopicError::Levels { levels })
    } else {
        Ok(())
    }
}

/// Tells whether a text is a topic for sure: of visible ASCII, with few levels. Looks at eight bytes at a time; what it
/// says no to has to be checked byte by byte.
#[inline]
fn is_usual(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else {
        return is_usual_and_short(text);
    };
    // The beginning counts as a slash: a level in front of it would be empty.
    let (mut faults, mut before) = (0, FLAGS >> 56);
    for word in text.as_chunks().0 {
        let (wrong, slashes) = examine(*word);
        faults |= wrong | slashes & (slashes << 8 | before);
        before = slashes >> 56;
    }
    if !text.len().is_multiple_of(last.len()) {
        let (wrong, slashes) = examine(*last);
        faults |= wrong | slashes & (slashes << 8);
        before = slashes >> 56;
    }
    faults |= before;
    // No level is empty, so so few bytes have no more levels than are allowed.
    faults == 0 && text.len() < 2 * MAX_LEVELS
}

/// Tells the same of fewer than eight bytes.
#[inline]
fn is_usual_and_short(text: &[u8]) -> bool {
    let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) else {
        return false;
    };
    let mut word = [b'x'; 8];
    word[..4].copy_from_slice(first);
    word[4..].copy_from_slice(last);
    // Slashes that are next to each other only here are looked at again byte by byte.
    let (wrong, slashes) = examine(word);
    wrong | slashes & (slashes << 8 | FLAGS >> 56) | slashes >> 56 == 0
}

/// Flags in eight bytes those that no usual topic has, and those that are slashes.
#[inline]
fn examine(bytes: [u8; 8]) -> (u64, u64) {
    let word = u64::from_le_bytes(bytes);
    // Sums of two bytes below 0x80 do not reach the next byte; where one is above, the flag is up already.
    let low = word & !FLAGS;
    let differs = |byte: u8| (low ^ each(byte)) + each(0x7f);
    let wrong = word | !(low + each(0x80 - b'!')) | !(differs(0x7f) & differs(b'+') & differs(b'#'));
    (wrong & FLAGS, !differs(b'/') & FLAGS)
}

/// Repeats a byte eight times.
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each of eight bytes.
const FLAGS: u64 = each(0x80);

impl<'a> Topic<'a> {
    /// Parses a topic.
    #[inline]
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Topic<'a>, TopicError> {
        let text = text.into();
        if is_usual(text.as_bytes()) {
            return Ok(Topic(text));
        }
        check(&text)?;
        match text.bytes().position(|byte| matches!(byte, b'+' | b'#')) {
            Some(position) => Err(TopicError::Character { position }),
            None => Ok(Topic(text)),
        }
    }

    /// Takes a text that was a topic before.
    #[inline]
    pub(crate) fn checked(text: &'a str) -> Topic<'a> {
        Topic(Cow::Borrowed(text))
    }

    /// Returns the topic's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the topic belongs to the broker (`$bus` and what is under it) or to a later use of `$`.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('$')
    }

    /// Copies the text, so that the topic borrows nothing.
    pub fn into_owned(self) -> Topic<'static> {
        Topic(Cow::Owned(self.0.into_owned()))
    }

    /// Lends the topic.
    pub fn borrowed(&self) -> Topic<'_> {
        Topic(Cow::Borrowed(&self.0))
    }
}

impl<'a> Filter<'a> {
    /// Parses a filter. The number of wildcards is a limit of the broker, checked by [`Filter::within`].
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Filter<'a>, FilterError> {
        let text = text.into();
        check(&text)?;
        let last = text.split('/').count();
        for (index, level) in text.split('/').enumerate() {
            let wild = level.contains(['+', '#']);
            let whole = level == "+" || (level == "#" && index + 1 == last);
            if wild && !whole {
                return Err(FilterError::Wildcard { level: index + 1 });
            }
        }
        Ok(Filter(text))
    }

    /// Checks the number of wildcards against a limit.
    pub fn within(&self, limit: usize) -> Result<(), FilterError> {
        let wildcards = self.wildcards();
        if wildcards > limit {
            Err(FilterError::Wildcards { wildcards, limit })
        } else {
            Ok(())
        }
    }

    /// Returns the filter's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns how many levels are wildcards.
    pub fn wildcards(&self) -> usize {
        self.0
            .split('/')
            .filter(|level| matches!(*level, "+" | "#"))
            .count()
    }

    /// Tells whether the filter selects a topic.
    ///
    /// ```
    /// use buslane_protocol::{Filter, Topic};
    /// let filter = Filter::parse("host/+/cpu").unwrap();
    /// assert!(filter.matches(&Topic::parse("host/a/cpu").unwrap()));
    /// assert!(!filter.matches(&Topic::parse("host/a/b/cpu").unwrap()));
    /// ```
    pub fn matches(&self, topic: &Topic<'_>) -> bool {
        if topic.is_reserved() && self.0.starts_with(['+', '#']) {
            return false;
        }
        let mut levels = topic.0.split('/');
        for wanted in self.0.split('/') {
            if wanted == "#" {
                return true;
            }
            match levels.next() {
                Some(level) if wanted == "+" || wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }

    /// Copies the text, so that the filter borrows nothing.
    pub fn into_owned(self) -> Filter<'static> {
        Filter(Cow::Owned(self.0.into_owned()))
    }

    /// Lends the filter.
    pub fn borrowed(&self) -> Filter<'_> {
        Filter(Cow::Borrowed(&self.0))
    }
}

macro_rules! text_type {
    ($type:ident) => {
        impl fmt::Debug for $type<'_> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:?}", &*self.0)
            }
        }

        impl fmt::Display for $type<'_> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Serialize for $type<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type<'static> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $type::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_type!(Topic);
text_type!(Filter);

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filter: &str, topic: &str) -> bool {
        Filter::parse(filter)
            .unwrap()
            .matches(&Topic::parse(topic).unwrap())
    }

    #[test]
    fn topics_refuse_what_they_must() {
        assert_eq!(Topic::parse(""), Err(TopicError::Length { length: 0 }));
        assert_eq!(Topic::parse("a//b"), Err(TopicError::EmptyLevel { level: 2 }));
        assert_eq!(Topic::parse("/a"), Err(TopicError::EmptyLevel { level: 1 }));
        assert_eq!(Topic::parse("a/"), Err(TopicError::EmptyLevel { level: 2 }));
        assert_eq!(Topic::parse("a/+"), Err(TopicError::Character { position: 2 }));
        assert_eq!(
            Topic::parse("a\u{85}b"),
            Err(TopicError::Character { position: 1 })
        );
        assert!(Topic::parse("\u{e5}\u{3042}").is_ok());
        assert_eq!(Topic::parse("a\nb"), Err(TopicError::Character { position: 1 }));
        assert_eq!(
            Topic::parse(["a"; 17].join("/")),
            Err(TopicError::Levels { levels: 17 })
        );
        assert_eq!(
            Topic::parse("a".repeat(513)),
            Err(TopicError::Length { length: 513 })
        );
    }

    #[test]
    fn what_is_usual_is_a_topic_wherever_its_characters_stand() {
        let characters = "aZ09 !/+#~\u{7f}\u{1f}\u{85}\u{e5}\0-.$";
        for length in 1..34_usize {
            for position in 0..length {
                for character in characters.chars() {
                    for other in [position.saturating_sub(1), (position + 1) % length, length - 1] {
                        let mut text = vec!['x'; length];
                        (text[position], text[other]) = (character, '/');
                        let text: String = text.into_iter().collect();
                        let topic = check(&text).is_ok() && !text.contains(['+', '#']);
                        assert!(topic || !is_usual(text.as_bytes()), "{text:?}");
                        assert_eq!(Topic::parse(text.as_str()).is_ok(), topic, "{text:?}");
                    }
                }
            }
        }
        assert!(
            is_usual(b"host")
                && is_usual(b"bench/t0")
                && is_usual(b"plant/line-7/sensor_42/temp")
                && is_usual(b"$bus/x/y")
        );
    }

    #[test]
    fn wildcards_are_whole_levels() {
        assert_eq!(Filter::parse("a/b+"), Err(FilterError::Wildcard { level: 2 }));
        assert_eq!(Filter::parse("a/#/b"), Err(FilterError::Wildcard { level: 2 }));
        assert!(Filter::parse("+/+/+/+/#").unwrap().within(4).is_err());
        assert!(Filter::parse("+/+/+/#").unwrap().within(4).is_ok());
    }

    #[test]
    fn filters_select_as_in_mqtt() {
        assert!(matches("a/#", "a"));
        assert!(matches("a/#", "a/b/c"));
        assert!(matches("#", "a/b"));
        assert!(matches("a/+", "a/b"));
        assert!(!matches("a/+", "a"));
        assert!(!matches("a/+", "a/b/c"));
        assert!(!matches("A", "a"));
    }

    #[test]
    fn leading_wildcards_skip_the_brokers_topics() {
        assert!(!matches("#", "$bus/service/online"));
        assert!(!matches("+/service", "$bus/service"));
        assert!(matches("$bus/#", "$bus/service/online"));
    }
}
