//! What a rule demands beside types: nothing, or one thing, or several. Most rules demand one, so that is what they have
//! room for.

use super::{ArrayRule, InPlace, NumberRule, ObjectRule, Scalars, TextRule};

/// What a rule demands beside types.
#[derive(Debug, Default)]
pub(super) enum Demands {
    #[default]
    Nothing,
    Scalars(Box<Scalars>),
    Number(Box<NumberRule>),
    Text(Box<TextRule>),
    Array(Box<ArrayRule>),
    Object(Box<ObjectRule>),
    InPlace(Box<InPlace>),
    Several(Box<Several>),
}

/// Everything that a rule may demand.
#[derive(Debug, Default)]
pub(super) struct Several {
    pub(super) scalars: Option<Box<Scalars>>,
    pub(super) number: Option<Box<NumberRule>>,
    pub(super) text: Option<Box<TextRule>>,
    pub(super) array: Option<Box<ArrayRule>>,
    pub(super) object: Option<Box<ObjectRule>>,
    pub(super) in_place: Option<Box<InPlace>>,
}

impl Demands {
    /// Tells whether there are none.
    pub(super) fn are_nothing(&self) -> bool {
        matches!(self, Demands::Nothing)
    }

    /// Returns the only values allowed.
    #[inline]
    pub(super) fn scalars(&self) -> Option<&Scalars> {
        match self {
            Demands::Scalars(only) => Some(only),
            Demands::Several(several) => several.scalars.as_deref(),
            _ => None,
        }
    }

    /// Returns what it demands of numbers.
    #[inline]
    pub(super) fn number(&self) -> Option<&NumberRule> {
        match self {
            Demands::Number(only) => Some(only),
            Demands::Several(several) => several.number.as_deref(),
            _ => None,
        }
    }

    /// Returns what it demands of strings.
    #[inline]
    pub(super) fn text(&self) -> Option<&TextRule> {
        match self {
            Demands::Text(only) => Some(only),
            Demands::Several(several) => several.text.as_deref(),
            _ => None,
        }
    }

    /// Returns what it demands of arrays.
    #[inline]
    pub(super) fn array(&self) -> Option<&ArrayRule> {
        match self {
            Demands::Array(only) => Some(only),
            Demands::Several(several) => several.array.as_deref(),
            _ => None,
        }
    }

    /// Returns what it demands of objects.
    #[inline]
    pub(super) fn object(&self) -> Option<&ObjectRule> {
        match self {
            Demands::Object(only) => Some(only),
            Demands::Several(several) => several.object.as_deref(),
            _ => None,
        }
    }

    /// Returns what it applies to the same value.
    #[inline]
    pub(super) fn in_place(&self) -> Option<&InPlace> {
        match self {
            Demands::InPlace(only) => Some(only),
            Demands::Several(several) => several.in_place.as_deref(),
            _ => None,
        }
    }

    /// Returns what it demands of arrays, to be changed.
    pub(super) fn array_mut(&mut self) -> Option<&mut ArrayRule> {
        match self {
            Demands::Array(only) => Some(only),
            Demands::Several(several) => several.array.as_deref_mut(),
            _ => None,
        }
    }

    /// Returns what it demands of objects, to be changed.
    pub(super) fn object_mut(&mut self) -> Option<&mut ObjectRule> {
        match self {
            Demands::Object(only) => Some(only),
            Demands::Several(several) => several.object.as_deref_mut(),
            _ => None,
        }
    }

    /// Returns what it applies to the same value, to be changed.
    pub(super) fn in_place_mut(&mut self) -> Option<&mut InPlace> {
        match self {
            Demands::InPlace(only) => Some(only),
            Demands::Several(several) => several.in_place.as_deref_mut(),
            _ => None,
        }
    }
}

impl From<Several> for Demands {
    fn from(several: Several) -> Self {
        let Several {
            scalars,
            number,
            text,
            array,
            object,
            in_place,
        } = several;
        match (scalars, number, text, array, object, in_place) {
            (None, None, None, None, None, None) => Demands::Nothing,
            (Some(only), None, None, None, None, None) => Demands::Scalars(only),
            (None, Some(only), None, None, None, None) => Demands::Number(only),
            (None, None, Some(only), None, None, None) => Demands::Text(only),
            (None, None, None, Some(only), None, None) => Demands::Array(only),
            (None, None, None, None, Some(only), None) => Demands::Object(only),
            (None, None, None, None, None, Some(only)) => Demands::InPlace(only),
            (scalars, number, text, array, object, in_place) => Demands::Several(Box::new(Several {
                scalars,
                number,
                text,
                array,
                object,
                in_place,
            })),
        }
    }
}
