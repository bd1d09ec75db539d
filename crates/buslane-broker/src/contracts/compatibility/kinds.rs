//! Sets of kinds of JSON values, as far as schemas can tell them apart.

use jsonschema::Draft;
use serde_json::{Number, Value};

/// A set of kinds of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Kinds(u8);

impl Kinds {
    pub(super) const NONE: Kinds = Kinds(0);
    pub(super) const NULL: Kinds = Kinds(1);
    pub(super) const BOOLEAN: Kinds = Kinds(1 << 1);
    pub(super) const OBJECT: Kinds = Kinds(1 << 2);
    pub(super) const ARRAY: Kinds = Kinds(1 << 3);
    pub(super) const STRING: Kinds = Kinds(1 << 4);
    /// Numbers without a fraction that are written without one.
    pub(super) const INTEGER: Kinds = Kinds(1 << 5);
    /// Numbers without a fraction that are written with one or with an exponent: draft 4 calls them no integers.
    pub(super) const WHOLE: Kinds = Kinds(1 << 6);
    /// Numbers with a fraction.
    pub(super) const FRACTION: Kinds = Kinds(1 << 7);
    pub(super) const NUMBER: Kinds = Kinds(0b111 << 5);
    pub(super) const ALL: Kinds = Kinds(u8::MAX);

    /// Kinds that are told apart where a set is divided.
    pub(super) const FAMILIES: [Kinds; 7] = [
        Kinds::NULL,
        Kinds::BOOLEAN,
        Kinds::OBJECT,
        Kinds::ARRAY,
        Kinds::STRING,
        Kinds(Kinds::INTEGER.0 | Kinds::WHOLE.0),
        Kinds::FRACTION,
    ];

    /// Returns the kinds that a `type` keyword allows.
    pub(super) fn of_keyword(keyword: &Value, draft: Draft) -> Kinds {
        match keyword {
            Value::String(name) => Kinds::of_name(name, draft),
            Value::Array(names) => names
                .iter()
                .filter_map(Value::as_str)
                .fold(Kinds::NONE, |all, name| all.or(Kinds::of_name(name, draft))),
            _ => Kinds::ALL,
        }
    }

    /// Returns the kinds of the values that are equal to this one.
    pub(super) fn of_value(value: &Value) -> Kinds {
        match value {
            Value::Null => Kinds::NULL,
            Value::Bool(_) => Kinds::BOOLEAN,
            Value::Number(number) => Kinds::of_number(number),
            Value::String(_) => Kinds::STRING,
            Value::Array(_) => Kinds::ARRAY,
            Value::Object(_) => Kinds::OBJECT,
        }
    }

    pub(super) const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Kinds) -> Kinds {
        Kinds(self.0 & !other.0)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Tells whether both have a kind in common.
    pub(super) const fn meets(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns the parts of the set, family by family.
    pub(super) fn divided(self) -> impl Iterator<Item = Kinds> {
        Kinds::FAMILIES
            .into_iter()
            .map(move |family| self.and(family))
            .filter(|part| !part.is_empty())
    }

    /// Names the kinds for people.
    pub(super) fn shown(self) -> String {
        let mut names = Vec::new();
        for (kind, name) in NAMES {
            if self.meets(kind) {
                names.push(name);
            }
        }
        if names.contains(&"number") {
            names.retain(|name| *name != "integer");
        }
        names.join(" or ")
    }

    fn of_name(name: &str, draft: Draft) -> Kinds {
        match name {
            "null" => Kinds::NULL,
            "boolean" => Kinds::BOOLEAN,
            "object" => Kinds::OBJECT,
            "array" => Kinds::ARRAY,
            "string" => Kinds::STRING,
            "number" => Kinds::NUMBER,
            "integer" if draft == Draft::Draft4 => Kinds::INTEGER,
            "integer" => Kinds::INTEGER.or(Kinds::WHOLE),
            _ => Kinds::NONE,
        }
    }

    fn of_number(number: &Number) -> Kinds {
        let fraction = number.as_f64().is_some_and(|number| number.fract() != 0.0);
        match fraction && !number.is_i64() && !number.is_u64() {
            true => Kinds::FRACTION,
            false => Kinds::INTEGER.or(Kinds::WHOLE),
        }
    }
}

const NAMES: [(Kinds, &str); 7] = [
    (Kinds::NULL, "null"),
    (Kinds::BOOLEAN, "boolean"),
    (Kinds::OBJECT, "object"),
    (Kinds::ARRAY, "array"),
    (Kinds::STRING, "string"),
    (Kinds(Kinds::INTEGER.0 | Kinds::WHOLE.0), "integer"),
    (Kinds::FRACTION, "number"),
];
