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
    Ok(map
        .map(|Unique(map)| map.into_iter().map(|(key, Object(value))| (key, value)).collect())
        .unwrap_or_default())
}

/// Reads a map whose keys occur once.
pub(crate) fn unique<'de, D, K, T>(deserializer: D) -> Result<BTreeMap<K, T>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    T: Deserialize<'de>,
{
    let map = Option::<Unique<K, T>>::deserialize(deserializer)?;
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

/// A map whose keys occur once.
pub(crate) struct Unique<K, T>(pub(crate) BTreeMap<K, T>);

impl<'de, K, T> Deserialize<'de> for Unique<K, T>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    T: Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(UniqueVisitor(PhantomData))
            .map(Unique)
    }
}

struct UniqueVisitor<K, T>(PhantomData<(K, T)>);

impl<'de, K, T> Visitor<'de> for UniqueVisitor<K, T>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    T: Deserialize<'de>,
{
    type Value = BTreeMap<K, T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry::<K, T>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate entry `{key}`")));
            }
            map.insert(key, value);
        }
        Ok(map)
    }
}
