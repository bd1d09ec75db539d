//! Makes the plan of a schema, if it has no keyword that a plan does not know.

use std::collections::HashMap;
use std::sync::atomic::AtomicU8;

use jsonschema::Draft;
use serde_json::{Map, Value};

use super::compact::{MOST_WALKED, compact};
use super::demands::{Demands, Several};
use super::{
    ArrayRule, Condition, Contains, Dependent, InPlace, Names, NumberRule, ObjectRule, Pattern, Plan,
    Property, Rule, RuleId, Scalars, TextRule, Types,
};
use crate::contracts::node::Node;
use crate::contracts::tape::Number;

/// Makes one plan. The schema is one that the general validator takes.
#[derive(Default)]
pub(in crate::contracts) struct Builder<'a> {
    /// The rules of the schemas found, by place.
    found: HashMap<usize, RuleId>,
    /// Schemas whose rules are still to be made, in the order of the rules.
    waiting: Vec<Node<'a>>,
}

/// The keywords of one schema, with where it stands.
struct Keywords<'a> {
    node: Node<'a>,
    members: &'a Map<String, Value>,
}

impl<'a> Builder<'a> {
    /// Makes the plan of a schema; `None` if it has to be left to the general validator.
    pub(in crate::contracts) fn plan(mut self, root: Node<'a>) -> Option<Plan> {
        self.rule_of(root);
        let mut rules: Vec<Rule> = Vec::new();
        // Rules add to what is waiting.
        while let Some(node) = self.waiting.get(rules.len()) {
            let node = node.clone();
            rules.push(self.rule(&node)?);
        }
        let rules = compact(rules);
        let bytes = rules.iter().map(Rule::bytes).sum();
        Some(Plan { rules, bytes })
    }

    /// Returns the rule of a schema, which will be made.
    fn rule_of(&mut self, node: Node<'a>) -> RuleId {
        // Schemas have a limited length, so there are not that many.
        let next = self.waiting.len() as RuleId;
        let rule = *self.found.entry(node.place()).or_insert(next);
        if rule == next {
            self.waiting.push(node);
        }
        rule
    }

    fn rule(&mut self, node: &Node<'a>) -> Option<Rule> {
        let members = match node.schema {
            Value::Bool(true) => return Some(Rule::default()),
            Value::Bool(false) => {
                let types = Types::NONE;
                return Some(Rule {
                    types,
                    ..Rule::default()
                });
            }
            Value::Object(members) => members,
            _ => return None,
        };
        let node = node.enter().ok()?;
        let known_draft = matches!(
            node.draft,
            Draft::Draft6 | Draft::Draft7 | Draft::Draft201909 | Draft::Draft202012
        );
        if !known_draft {
            return None;
        }
        self.rule_of_keywords(&Keywords { node, members })
    }

    fn rule_of_keywords(&mut self, keywords: &Keywords<'a>) -> Option<Rule> {
        let reference = match keywords.members.get("$ref") {
            Some(reference) => {
                let target = keywords.node.target(reference.as_str()?).ok()?;
                Some(self.rule_of(target))
            }
            None => None,
        };
        if let Some(reference) = reference
            && keywords.node.reference_hides()
        {
            let in_place = InPlace {
                all: vec![reference],
                ..InPlace::default()
            };
            return Some(Rule {
                demands: Demands::InPlace(Box::new(in_place)),
                straight: false,
                ..Rule::default()
            });
        }
        if keywords.has_others() {
            return None;
        }
        let demands = Demands::from(Several {
            scalars: keywords.scalars()?,
            number: keywords.number()?,
            text: keywords.text()?,
            array: keywords.array(self)?,
            object: keywords.object(self)?,
            in_place: keywords.in_place(self, reference)?,
        });
        Some(Rule {
            types: keywords.types()?,
            straight: demands.are_straight(),
            demands,
        })
    }
}

/// Each takes what its keywords say: `None` if a plan cannot, `Some(None)` if they say nothing.
impl<'a> Keywords<'a> {
    /// Tells whether there are keywords that a plan does not know.
    fn has_others(&self) -> bool {
        let asserted = [Draft::Draft6, Draft::Draft7].contains(&self.node.draft);
        let others: &[&str] = if asserted { &ASSERTED } else { &[] };
        ALWAYS_OTHERS
            .iter()
            .chain(others)
            .any(|keyword| self.members.contains_key(*keyword))
    }

    fn is_before(&self, draft: Draft) -> bool {
        let age = |draft| match draft {
            Draft::Draft6 => 6,
            Draft::Draft7 => 7,
            Draft::Draft201909 => 8,
            _ => 9,
        };
        age(self.node.draft) < age(draft)
    }

    fn has_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.members.contains_key(*keyword))
    }

    /// Returns a number that counts something.
    fn count(&self, keyword: &str) -> Option<Option<u64>> {
        self.members
            .get(keyword)
            .map_or(Some(None), |value| value.as_u64().map(Some))
    }

    fn limit(&self, keyword: &str) -> Option<Option<Number>> {
        let Some(value) = self.members.get(keyword) else {
            return Some(None);
        };
        match value {
            Value::Number(number) => Number::of(number).map(Some),
            _ => None,
        }
    }

    fn rule(&self, builder: &mut Builder<'a>, keyword: &str) -> Option<RuleId> {
        let schema = self.members.get(keyword)?;
        Some(builder.rule_of(self.node.part(schema)))
    }

    fn rules(&self, builder: &mut Builder<'a>, schemas: &'a [Value]) -> Vec<RuleId> {
        schemas
            .iter()
            .map(|schema| builder.rule_of(self.node.part(schema)))
            .collect()
    }

    fn list(&self, keyword: &str) -> Option<&'a [Value]> {
        self.members
            .get(keyword)
            .map_or(Some(&[]), |value| value.as_array().map(Vec::as_slice))
    }

    fn types(&self) -> Option<Types> {
        let Some(value) = self.members.get("type") else {
            return Some(Types::ALL);
        };
        match value {
            Value::Array(names) => names.iter().try_fold(Types::NONE, |types, name| {
                Some(types.with(type_of(name.as_str()?)?))
            }),
            name => type_of(name.as_str()?),
        }
    }

    fn scalars(&self) -> Option<Option<Box<Scalars>>> {
        let boxed = |values: &[Value]| Scalars::new(values).map(|scalars| Some(Box::new(scalars)));
        match (self.members.get("const"), self.members.get("enum")) {
            (None, None) => Some(None),
            (Some(value), None) => boxed(std::slice::from_ref(value)),
            (None, Some(values)) => boxed(values.as_array()?),
            (Some(_), Some(_)) => None,
        }
    }

    fn number(&self) -> Option<Option<Box<NumberRule>>> {
        if !self.has_any(&[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ]) {
            return Some(None);
        }
        let multiple_of = self.count("multipleOf")?;
        if multiple_of.is_some_and(|divisor| divisor == 0 || divisor > LARGEST_DIVISOR) {
            return None;
        }
        Some(Some(Box::new(NumberRule {
            at_least: self.limit("minimum")?,
            at_most: self.limit("maximum")?,
            more_than: self.limit("exclusiveMinimum")?,
            less_than: self.limit("exclusiveMaximum")?,
            multiple_of,
        })))
    }

    fn text(&self) -> Option<Option<Box<TextRule>>> {
        if !self.has_any(&["minLength", "maxLength", "pattern"]) {
            return Some(None);
        }
        let pattern = match self.members.get("pattern") {
            Some(pattern) => Some(Pattern::new(pattern.as_str()?)?),
            None => None,
        };
        Some(Some(Box::new(TextRule {
            shortest: self.count("minLength")?.unwrap_or(0),
            longest: self.count("maxLength")?,
            pattern,
        })))
    }

    fn array(&self, builder: &mut Builder<'a>) -> Option<Option<Box<ArrayRule>>> {
        if !self.has_any(&[
            "minItems",
            "maxItems",
            "uniqueItems",
            "items",
            "prefixItems",
            "contains",
        ]) {
            return Some(None);
        }
        let (first, others) = self.items(builder)?;
        Some(Some(Box::new(ArrayRule {
            fewest: self.count("minItems")?.unwrap_or(0),
            most: self.count("maxItems")?,
            unique: self.members.get("uniqueItems") == Some(&Value::Bool(true)),
            first,
            others,
            contains: self.contains(builder)?,
        })))
    }

    /// Returns the rules for the first items, and that for the others.
    fn items(&self, builder: &mut Builder<'a>) -> Option<(Vec<RuleId>, Option<RuleId>)> {
        if !self.is_before(Draft::Draft202012) {
            let first = self.list("prefixItems")?;
            // What this keyword of the drafts before means here is not clear enough.
            let is_clear = !self.has_any(&["additionalItems"]);
            return is_clear.then(|| (self.rules(builder, first), self.rule(builder, "items")));
        }
        match self.members.get("items") {
            Some(Value::Array(first)) => {
                Some((self.rules(builder, first), self.rule(builder, "additionalItems")))
            }
            _ => Some((Vec::new(), self.rule(builder, "items"))),
        }
    }

    fn contains(&self, builder: &mut Builder<'a>) -> Option<Option<Contains>> {
        let Some(rule) = self.rule(builder, "contains") else {
            return Some(None);
        };
        let (fewest, most) = if self.is_before(Draft::Draft201909) {
            (1, None)
        } else {
            (
                self.count("minContains")?.unwrap_or(1),
                self.count("maxContains")?,
            )
        };
        Some(Some(Contains { rule, fewest, most }))
    }

    fn object(&self, builder: &mut Builder<'a>) -> Option<Option<Box<ObjectRule>>> {
        if !self.has_any(&OF_OBJECTS) {
            return Some(None);
        }
        let (names, properties) = self.properties(builder)?;
        let required = properties.iter().filter(|property| property.required).count();
        let needed = properties.iter().take(MOST_WALKED).rev();
        let needed = needed.fold(0, |needed, property| needed << 1 | u64::from(property.required));
        let (patterns, naming) = (self.patterns(builder)?, self.rule(builder, "propertyNames"));
        Some(Some(Box::new(ObjectRule {
            fewest: self.count("minProperties")?.unwrap_or(0),
            most: self.count("maxProperties")?,
            names,
            required: u32::try_from(required).ok()?,
            needed,
            begins: AtomicU8::new(0),
            properties,
            plain: patterns.is_empty() && naming.is_none(),
            patterns,
            others: self.rule(builder, "additionalProperties"),
            naming,
            dependents: self.dependents(builder)?,
        })))
    }

    /// Returns what is known by name: properties, and what is required.
    fn properties(&self, builder: &mut Builder<'a>) -> Option<(Names, Box<[Property]>)> {
        let nothing = Map::new();
        let declared = match self.members.get("properties") {
            Some(declared) => declared.as_object()?,
            None => &nothing,
        };
        let mut required = texts(self.list("required")?)?;
        required.sort_unstable();
        required.dedup();
        let mut names: Vec<&str> = declared.keys().map(String::as_str).collect();
        names.extend(required.iter().filter(|name| !declared.contains_key(**name)));
        let property = |(name, next): (&&str, u8)| {
            let is_required = required.binary_search(name).is_ok();
            Property::new(name, is_required, next)
        };
        // What comes behind the first few is all that is ever guessed.
        let next = (1..u8::MAX).chain(std::iter::repeat(0));
        let mut properties: Box<[Property]> = names.iter().zip(next).map(property).collect();
        let schemas = self.members.get("properties").and_then(Value::as_object);
        for (property, schema) in properties
            .iter_mut()
            .zip(schemas.into_iter().flat_map(Map::values))
        {
            property.rule = Some(builder.rule_of(self.node.part(schema)));
        }
        Some((Names::new(names)?, properties))
    }

    fn patterns(&self, builder: &mut Builder<'a>) -> Option<Box<[(Pattern, RuleId)]>> {
        let Some(patterns) = self.members.get("patternProperties") else {
            return Some(Box::default());
        };
        let rule = |(pattern, schema): (&String, &'a Value)| {
            Some((Pattern::new(pattern)?, builder.rule_of(self.node.part(schema))))
        };
        patterns.as_object()?.iter().map(rule).collect()
    }

    fn dependents(&self, builder: &mut Builder<'a>) -> Option<Box<[Dependent]>> {
        let mut dependents = Vec::new();
        for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
            let Some(declared) = self.members.get(keyword) else {
                continue;
            };
            if keyword != "dependencies" && self.is_before(Draft::Draft201909) {
                continue;
            }
            for (name, value) in declared.as_object()? {
                let (required, rule) = match value {
                    Value::Array(required) => {
                        let required = texts(required)?;
                        (required.into_iter().map(Box::from).collect(), None)
                    }
                    schema => (Vec::new(), Some(builder.rule_of(self.node.part(schema)))),
                };
                let name = name.as_str().into();
                dependents.push(Dependent { name, required, rule });
            }
        }
        Some(dependents.into())
    }

    fn in_place(&self, builder: &mut Builder<'a>, reference: Option<RuleId>) -> Option<Option<Box<InPlace>>> {
        let conditional = self.has_any(&["if"]) && !self.is_before(Draft::Draft7);
        if reference.is_none() && !conditional && !self.has_any(&["allOf", "anyOf", "oneOf", "not"]) {
            return Some(None);
        }
        let mut all: Vec<RuleId> = reference.into_iter().collect();
        all.extend(self.rules(builder, self.list("allOf")?));
        let mut choices = |keyword| -> Option<Vec<Vec<RuleId>>> {
            let rules = self.rules(builder, self.list(keyword)?);
            Some([rules].into_iter().filter(|rules| !rules.is_empty()).collect())
        };
        let (any, one) = (choices("anyOf")?, choices("oneOf")?);
        let condition = match self.rule(builder, "if") {
            Some(holds) if conditional => Some(Condition {
                holds,
                then: self.rule(builder, "then"),
                otherwise: self.rule(builder, "else"),
            }),
            _ => None,
        };
        let not = self.rule(builder, "not");
        Some(Some(Box::new(InPlace {
            all,
            any,
            one,
            not,
            condition,
        })))
    }
}

impl Rule {
    /// Returns about how many bytes the rule holds.
    fn bytes(&self) -> usize {
        let demands = &self.demands;
        let pattern = demands.text().and_then(|text| text.pattern.as_ref());
        let scalars = demands.scalars().map_or(0, Scalars::bytes);
        let array = demands.array().map_or(0, |array| array.first.len());
        let object = demands.object().map_or(0, ObjectRule::bytes);
        let in_place = demands.in_place().map_or(0, |in_place| {
            let choices = in_place.any.iter().chain(&in_place.one).map(Vec::len);
            in_place.all.len() + choices.sum::<usize>()
        });
        PER_RULE
            + pattern.map_or(0, Pattern::bytes)
            + scalars
            + object
            + (array + in_place) * size_of::<RuleId>()
    }
}

impl ObjectRule {
    fn bytes(&self) -> usize {
        let text = |text: &str| text.len() + size_of::<Dependent>();
        let dependents = self.dependents.iter().map(|dependent| {
            let required = dependent.required.iter().map(|name| text(name));
            text(&dependent.name) + required.sum::<usize>()
        });
        let patterns = self.patterns.iter();
        let patterns = patterns.map(|(pattern, _)| pattern.bytes() + size_of::<(Pattern, RuleId)>());
        self.names.bytes()
            + self.properties.len() * size_of::<Property>()
            + patterns.sum::<usize>()
            + dependents.sum::<usize>()
    }
}

fn type_of(name: &str) -> Option<Types> {
    Some(match name {
        "null" => Types::NULL,
        "boolean" => Types::BOOLEAN,
        "number" => Types::NUMBER.with(Types::INTEGER),
        "integer" => Types::INTEGER,
        "string" => Types::STRING,
        "array" => Types::ARRAY,
        "object" => Types::OBJECT,
        _ => return None,
    })
}

fn texts(values: &[Value]) -> Option<Vec<&str>> {
    values.iter().map(Value::as_str).collect()
}

/// Keywords that are left to the general validator, in whatever draft they stand.
const ALWAYS_OTHERS: [&str; 5] = [
    "$dynamicRef",
    "$recursiveRef",
    "$vocabulary",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords that are asserted in drafts 6 and 7, and only describe later.
const ASSERTED: [&str; 3] = ["format", "contentEncoding", "contentMediaType"];
const OF_OBJECTS: [&str; 10] = [
    "minProperties",
    "maxProperties",
    "properties",
    "required",
    "patternProperties",
    "additionalProperties",
    "propertyNames",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
];
/// Divisors up to here divide exactly in the general validator, too.
const LARGEST_DIVISOR: u64 = 1 << 53;
/// Bytes of a rule with all its parts.
const PER_RULE: usize = size_of::<Rule>()
    + size_of::<Scalars>()
    + size_of::<NumberRule>()
    + size_of::<TextRule>()
    + size_of::<ArrayRule>()
    + size_of::<ObjectRule>()
    + size_of::<InPlace>();
