//! Stricter reading than serde's derived code: objects are written as objects, and no key occurs twice.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Reads a struct from an object only; derived code would take an array of its fields as well.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// Reads a map whose values are objects and whose keys occur once.
pub(crate) fn unique_objects<'de, D, K, T>(deserializer: D) -> Result<BTreeMap<K, T>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    T: Deserialize<'de>,
{
    let map = Option::<Unique<K, Object<T>>>::deserialize(deserializer)?;
    Ok(map.map(|Unique(map)| map).unwrap_or_default())
}

/// Reads a map whose keys occur once.
pub(crate) fn unique<'de, D, K, T>(deserializer: D) -> Result<BTreeMap<K, T>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    T: Deserialize<'de>,
{
    let map = Option::<Unique<K, Plain<T>>>::deserialize(deserializer)?;
    Ok(map.map(|Unique(map)| map).unwrap_or_default())
}

/// Reads a member that may be left out; `null` counts as left out.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A struct, read from an object only.
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(ObjectVisitor(PhantomData))
            .map(Object)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

/// How the values of a map are read.
pub(crate) trait Form<'de>: Deserialize<'de> {
    /// What they are kept as.
    type Value;

    /// Gives the value out.
    fn value(self) -> Self::Value;
}

impl<'de, T: Deserialize<'de>> Form<'de> for Object<T> {
    type Value = T;

    fn value(self) -> T {
        self.0
    }
}

/// A value as its type reads it.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Plain<T>(T);

impl<'de, T: Deserialize<'de>> Form<'de> for Plain<T> {
    type Value = T;

    fn value(self) -> T {
        self.0
    }
}

/// A map whose keys occur once.
pub(crate) struct Unique<'de, K, F: Form<'de>>(pub(crate) BTreeMap<K, F::Value>);

impl<'de, K, F> Deserialize<'de> for Unique<'de, K, F>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    F: Form<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UniqueVisitor(PhantomData::<(K, F)>))
    }
}

struct UniqueVisitor<K, F>(PhantomData<(K, F)>);

impl<'de, K, F> Visitor<'de> for UniqueVisitor<K, F>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    F: Form<'de>,
{
    type Value = Unique<'de, K, F>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry::<K, F>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate entry `{key}`")));
            }
            map.insert(key, value.value());
        }
        Ok(Unique(map))
    }
}

/// Reads any value; `null` counts as left out.
pub(crate) fn any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    let Any(value) = Any::deserialize(deserializer)?;
    Ok(Some(value).filter(|value| !value.is_null()))
}

/// Any value, read by code that is compiled for no other reader than the one at hand: the derived one of `Value` brings
/// that of `serde_json` along.
pub(crate) struct Any(pub(crate) Value);

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Any, D::Error> {
        deserializer.deserialize_any(AnyVisitor).map(Any)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Any(element)) = elements.next_element()? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Any(value))) = members.next_entry::<String, Any>()? {
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
