//! What serde asks the parser for. Each kind of value is read in a place of its own, so that a type's code holds only
//! what the type takes.

use std::borrow::Cow;

use serde::de::value::CowStrDeserializer;
use serde::de::{Deserializer, Error, Expected, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Elements, Members, Verbatim};
use super::{Fault, Parser, Token};

impl<'de> Parser<'de> {
    fn text<V: Visitor<'de>>(text: Cow<'de, str>, visitor: V) -> Result<V::Value, Fault> {
        match text {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    /// Takes a whole number from 0.
    fn unsigned(&mut self, expected: &dyn Expected) -> Result<u64, Fault> {
        match self.token()? {
            Token::Unsigned(number) => Ok(number),
            _ => Err(other(expected)),
        }
    }

    fn string(&mut self, expected: &dyn Expected) -> Result<Cow<'de, str>, Fault> {
        match self.token()? {
            Token::Text(text) => Ok(text),
            _ => Err(other(expected)),
        }
    }

    /// Takes the bracket that opens an object.
    fn object(&mut self, expected: &dyn Expected) -> Result<(), Fault> {
        match self.token()? {
            Token::Object => Ok(()),
            _ => Err(other(expected)),
        }
    }
}

/// Makes the fault of a value of another kind than the expected one.
fn other(expected: &dyn Expected) -> Fault {
    Fault::invalid_type(Unexpected::Other("value"), expected)
}

impl<'de> Deserializer<'de> for &mut Parser<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.token()? {
            Token::Null => visitor.visit_unit(),
            Token::Flag(flag) => visitor.visit_bool(flag),
            Token::Unsigned(number) => visitor.visit_u64(number),
            Token::Signed(number) => visitor.visit_i64(number),
            Token::Float(number) => visitor.visit_f64(number),
            Token::Text(text) => Parser::text(text, visitor),
            Token::Array => visitor.visit_seq(Elements::new(self)),
            Token::Object => visitor.visit_map(Members::new(self)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.token()? {
            Token::Flag(flag) => visitor.visit_bool(flag),
            _ => Err(other(&visitor)),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let number = self.unsigned(&visitor)?;
        visitor.visit_u64(number)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.string(&visitor)?;
        Parser::text(text, visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let text = self.string(&visitor)?;
        visitor.visit_str(&text)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.peek() != Some(b'n') {
            return visitor.visit_some(self);
        }
        self.token()?;
        visitor.visit_none()
    }

    /// Takes a value as its type does, or verbatim, which `serde_json` asks for under a name that no type has.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if !name.starts_with('$') {
            return visitor.visit_newtype_struct(self);
        }
        let text = self.verbatim()?;
        visitor.visit_map(Verbatim {
            name: Some(name),
            text,
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.token()? {
            Token::Array => visitor.visit_seq(Elements::new(self)),
            _ => Err(other(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.object(&visitor)?;
        visitor.visit_map(Members::new(self))
    }

    /// Takes a struct: an object.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    /// Takes an enum: the name of a variant that holds nothing.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let text = self.string(&visitor)?;
        visitor.visit_enum(CowStrDeserializer::new(text))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.verbatim()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}
