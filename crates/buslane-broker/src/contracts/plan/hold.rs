//! Holds the values on a tape against the rules of a plan.

use super::{
    ArrayRule, Condition, Contains, Dependent, Doubt, InPlace, NumberRule, ObjectRule, Rule, RuleId,
    TextRule, Types,
};
use crate::contracts::tape::{Entry, Kind, Number, Values, word};

/// Holds one payload against a plan.
pub(super) struct Holder<'a> {
    rules: &'a [Rule],
    values: Values<'a>,
    /// How much work is still allowed, in rules applied, members compared, and the like.
    steps: usize,
}

impl<'a> Holder<'a> {
    /// Makes a holder of what is on a tape.
    pub(super) fn new(rules: &'a [Rule], values: Values<'a>, steps: usize) -> Self {
        Holder { rules, values, steps }
    }

    /// Returns how much work is still allowed.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Tells whether the value at an entry matches a rule.
    pub(super) fn holds(&mut self, rule: RuleId, at: usize) -> Result<bool, Doubt> {
        self.spend(1)?;
        let rule = &self.rules[rule as usize];
        let entry = self.values.entry(at);
        if !is_of(rule.types, entry) {
            return Ok(false);
        }
        if let Some(scalars) = rule.demands.scalars()
            && !scalars.contain(self.values, entry)
        {
            return Ok(false);
        }
        let fits = match entry.kind {
            Kind::Null | Kind::False | Kind::True => true,
            Kind::Unsigned | Kind::Negative | Kind::Float => match rule.demands.number() {
                Some(rule) => number_fits(rule, Number::from_entry(entry))?,
                None => true,
            },
            Kind::String | Kind::Unescaped => match rule.demands.text() {
                Some(rule) => text_fits(rule, self.values.string(entry))?,
                None => true,
            },
            Kind::Array => match rule.demands.array() {
                Some(rule) => self.array_fits(rule, entry, at)?,
                None => true,
            },
            Kind::Object => match rule.demands.object() {
                Some(rule) => self.object_fits(rule, entry, at)?,
                None => true,
            },
        };
        match rule.demands.in_place() {
            Some(in_place) if fits => self.all_fits(in_place, at),
            _ => Ok(fits),
        }
    }

    fn spend(&mut self, steps: usize) -> Result<(), Doubt> {
        self.steps = self.steps.checked_sub(steps).ok_or(Doubt)?;
        Ok(())
    }

    fn array_fits(&mut self, rule: &'a ArrayRule, entry: &Entry, at: usize) -> Result<bool, Doubt> {
        if !is_between(u64::from(entry.length), rule.fewest, rule.most) {
            return Ok(false);
        }
        let mut item = at + 1;
        for index in 0..entry.length as usize {
            let applied = rule.first.get(index).copied().or(rule.others);
            let Some(applied) = applied else { break };
            if !self.holds(applied, item)? {
                return Ok(false);
            }
            item = self.values.behind(item);
        }
        if let Some(contains) = &rule.contains
            && !self.does_contain(contains, entry, at)?
        {
            return Ok(false);
        }
        Ok(!rule.unique || self.are_unique(entry, at)?)
    }

    fn does_contain(&mut self, contains: &Contains, entry: &Entry, at: usize) -> Result<bool, Doubt> {
        let (mut item, mut found) = (at + 1, 0);
        for _ in 0..entry.length {
            found += u64::from(self.holds(contains.rule, item)?);
            item = self.values.behind(item);
        }
        Ok(is_between(found, contains.fewest, contains.most))
    }

    /// Tells whether all items are different. Only few scalars are compared here.
    fn are_unique(&mut self, entry: &Entry, at: usize) -> Result<bool, Doubt> {
        let count = entry.length as usize;
        if count > MOST_UNIQUE || self.values.behind(at) != at + 1 + count {
            return Err(Doubt);
        }
        self.spend(count * count)?;
        let items = at + 1..at + 1 + count;
        for one in items.clone() {
            for two in one + 1..items.end {
                if self.are_equal(one, two)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Tells whether two scalars are equal.
    fn are_equal(&self, one: usize, two: usize) -> Result<bool, Doubt> {
        let (one, two) = (self.values.entry(one), self.values.entry(two));
        if one.kind.is_number() && two.kind.is_number() {
            return Ok(Number::from_entry(one) == Number::from_entry(two));
        }
        if one.kind.is_string() && two.kind.is_string() {
            return Ok(one.word == two.word && self.values.string(one) == self.values.string(two));
        }
        match one.kind {
            // Empty ones, since what is inside would have been counted.
            Kind::Array | Kind::Object => Err(Doubt),
            kind => Ok(kind == two.kind),
        }
    }

    fn object_fits(&mut self, rule: &'a ObjectRule, entry: &Entry, at: usize) -> Result<bool, Doubt> {
        if !is_between(u64::from(entry.length), rule.fewest, rule.most) {
            return Ok(false);
        }
        let mut required = 0;
        let mut name = at + 1;
        for _ in 0..entry.length {
            let text = self.values.entry(name);
            let known = rule
                .names
                .find(text.word, text.length as usize, || self.values.string(text));
            let property = known.map(|index| &rule.properties[index]);
            let mut covered = false;
            if let Some(property) = property {
                required += u32::from(property.required);
                if let Some(rule) = property.rule {
                    covered = true;
                    if !self.holds(rule, name + 1)? {
                        return Ok(false);
                    }
                }
            }
            let is_done = covered && rule.plain;
            if !is_done && !self.member_fits(rule, covered, name)? {
                return Ok(false);
            }
            name = self.values.behind(name + 1);
        }
        Ok(required == rule.required && self.dependents_fit(&rule.dependents, entry, at)?)
    }

    /// Tells whether a member fits, whose name stands at an entry, as far as its name alone does not decide.
    fn member_fits(&mut self, rule: &'a ObjectRule, mut covered: bool, name: usize) -> Result<bool, Doubt> {
        for (pattern, inner) in &rule.patterns {
            self.spend(1)?;
            if pattern.matches(self.values.string(self.values.entry(name)))? {
                covered = true;
                if !self.holds(*inner, name + 1)? {
                    return Ok(false);
                }
            }
        }
        if let Some(others) = rule.others
            && !covered
            && !self.holds(others, name + 1)?
        {
            return Ok(false);
        }
        match rule.naming {
            Some(naming) => self.holds(naming, name),
            None => Ok(true),
        }
    }

    fn dependents_fit(
        &mut self,
        dependents: &'a [Dependent],
        entry: &Entry,
        at: usize,
    ) -> Result<bool, Doubt> {
        for dependent in dependents {
            if !self.has_member(entry, at, &dependent.name)? {
                continue;
            }
            for name in &dependent.required {
                if !self.has_member(entry, at, name)? {
                    return Ok(false);
                }
            }
            if let Some(rule) = dependent.rule
                && !self.holds(rule, at)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has_member(&mut self, entry: &Entry, at: usize, name: &str) -> Result<bool, Doubt> {
        self.spend(1 + entry.length as usize)?;
        let wanted = word(name.as_bytes());
        let mut member = at + 1;
        for _ in 0..entry.length {
            let text = self.values.entry(member);
            if text.word == wanted && self.values.string(text) == name {
                return Ok(true);
            }
            member = self.values.behind(member + 1);
        }
        Ok(false)
    }

    /// Tells whether a value fits all that is applied to the value itself.
    fn all_fits(&mut self, rule: &'a InPlace, at: usize) -> Result<bool, Doubt> {
        for inner in &rule.all {
            if !self.holds(*inner, at)? {
                return Ok(false);
            }
        }
        for choices in &rule.any {
            if self.fitting(choices, at, 1)? == 0 {
                return Ok(false);
            }
        }
        for choices in &rule.one {
            if self.fitting(choices, at, 2)? != 1 {
                return Ok(false);
            }
        }
        if let Some(inner) = rule.not
            && self.holds(inner, at)?
        {
            return Ok(false);
        }
        match &rule.condition {
            Some(condition) => self.condition_fits(condition, at),
            None => Ok(true),
        }
    }

    /// Counts which of some rules hold, up to a number that is enough.
    fn fitting(&mut self, choices: &[RuleId], at: usize, enough: usize) -> Result<usize, Doubt> {
        let mut fitting = 0;
        for choice in choices {
            fitting += usize::from(self.holds(*choice, at)?);
            if fitting == enough {
                break;
            }
        }
        Ok(fitting)
    }

    fn condition_fits(&mut self, condition: &Condition, at: usize) -> Result<bool, Doubt> {
        let follows = match self.holds(condition.holds, at)? {
            true => condition.then,
            false => condition.otherwise,
        };
        match follows {
            Some(rule) => self.holds(rule, at),
            None => Ok(true),
        }
    }
}

fn is_of(types: Types, entry: &Entry) -> bool {
    if types == Types::ALL {
        return true;
    }
    match entry.kind {
        Kind::Null => types.contains(Types::NULL),
        Kind::False | Kind::True => types.contains(Types::BOOLEAN),
        Kind::Unsigned | Kind::Negative => types.contains(Types::NUMBER.with(Types::INTEGER)),
        Kind::Float => {
            types.contains(Types::NUMBER)
                || types.contains(Types::INTEGER) && Number::from_entry(entry).is_whole()
        }
        Kind::String | Kind::Unescaped => types.contains(Types::STRING),
        Kind::Array => types.contains(Types::ARRAY),
        Kind::Object => types.contains(Types::OBJECT),
    }
}

/// Tells whether a number fits.
pub(super) fn number_fits(rule: &NumberRule, number: Number) -> Result<bool, Doubt> {
    let in_range = rule.at_least.is_none_or(|limit| number >= limit)
        && rule.at_most.is_none_or(|limit| number <= limit)
        && rule.more_than.is_none_or(|limit| number > limit)
        && rule.less_than.is_none_or(|limit| number < limit);
    if !in_range {
        return Ok(false);
    }
    match (rule.multiple_of, number) {
        (None, _) => Ok(true),
        (Some(divisor), Number::Unsigned(number)) => Ok(number % divisor == 0),
        (Some(divisor), Number::Negative(number)) => Ok(number.unsigned_abs() % divisor == 0),
        (Some(_), Number::Float(_)) => Err(Doubt),
    }
}

/// Tells whether a text fits.
pub(super) fn text_fits(rule: &TextRule, text: &str) -> Result<bool, Doubt> {
    if rule.shortest > 0 || rule.longest.is_some() {
        // A character has one byte at least and four at most.
        let bytes = text.len() as u64;
        let plain = bytes / 4 >= rule.shortest && rule.longest.is_none_or(|longest| bytes <= longest);
        if !plain && !is_between(text.chars().count() as u64, rule.shortest, rule.longest) {
            return Ok(false);
        }
    }
    match &rule.pattern {
        Some(pattern) => pattern.matches(text),
        None => Ok(true),
    }
}

/// Tells whether a number is between two others.
pub(super) fn is_between(count: u64, fewest: u64, most: Option<u64>) -> bool {
    count >= fewest && most.is_none_or(|most| count <= most)
}

/// Items that are compared each with each.
const MOST_UNIQUE: usize = 32;
