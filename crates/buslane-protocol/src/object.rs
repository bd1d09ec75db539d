//! Stricter reading than serde's derived code: objects are written as objects, and no key occurs twice.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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
