//! Holds a payload against a plan in one walk over its text: what the plan expects is compared with what stands there,
//! and nothing is written down. A value of which a rule has to know more than that is read onto the tape by itself.

use std::sync::atomic::Ordering;

use super::hold::{Holder, is_between, number_fits, text_fits};
use super::{ArrayRule, Doubt, ObjectRule, Property, Rule, RuleId, STEPS, STEPS_PER_VALUE, Types};
use crate::contracts::tape::{Cursor, DEEPEST, Marks, Number, Span, Tape, Unread, word};

/// Walks over one payload.
pub(super) struct Walk<'a> {
    rules: &'a [Rule],
    cursor: Cursor<'a>,
    /// For values that are read by themselves.
    tape: &'a mut Tape,
    /// How much work is still allowed for those.
    steps: usize,
}

/// Why a walk ends before the payload does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The payload does not match.
    Mismatch,
    /// It is no JSON, or the plan does not know.
    Unsure,
    /// It takes more than a walk to find out.
    Elsewhere,
}

impl<'a> Walk<'a> {
    /// Starts before the first byte of a payload. `None` if it is too long.
    pub(super) fn new(rules: &'a [Rule], text: &'a str, tape: &'a mut Tape) -> Option<Self> {
        Some(Walk {
            rules,
            cursor: Cursor::new(text).ok()?,
            tape,
            steps: STEPS,
        })
    }

    /// Holds the whole payload against a rule.
    pub(super) fn document(&mut self, rule: RuleId) -> Result<(), Stop> {
        let first = self.cursor.next_sign();
        self.value(rule, first, DEEPEST)?;
        Ok(self.cursor.expect_end()?)
    }

    /// Holds a value against a rule, whose first byte was taken.
    fn value(&mut self, id: RuleId, first: u8, levels: u32) -> Result<(), Stop> {
        let rule = &self.rules[id as usize];
        if !rule.straight {
            return self.aside(id, first, levels);
        }
        match first {
            b'"' => self.text(rule),
            b'-' | b'0'..=b'9' => self.number(rule, first),
            b'{' => self.object(rule, levels),
            b'[' => self.array(rule, levels),
            b't' => self.literal(rule, b"rue", Some(true)),
            b'f' => self.literal(rule, b"alse", Some(false)),
            b'n' => self.literal(rule, b"ull", None),
            _ => Err(Stop::Unsure),
        }
    }

    /// Holds a value against a rule, if there is one.
    #[inline]
    fn part(&mut self, rule: Option<RuleId>, first: u8, levels: u32) -> Result<(), Stop> {
        match rule {
            Some(rule) => self.value(rule, first, levels),
            None => self.anything(first, levels),
        }
    }

    /// Takes a value that may be anything.
    fn anything(&mut self, first: u8, levels: u32) -> Result<(), Stop> {
        self.tape.read_part(&mut self.cursor, first, levels)?;
        Ok(())
    }

    /// Reads a value onto the tape and holds it against a rule there.
    #[inline(never)]
    fn aside(&mut self, id: RuleId, first: u8, levels: u32) -> Result<(), Stop> {
        let values = self.tape.read_part(&mut self.cursor, first, levels)?;
        self.steps += STEPS_PER_VALUE * values.len();
        let mut holder = Holder::new(self.rules, values, self.steps);
        let holds = holder.holds(id, 0)?;
        self.steps = holder.steps();
        matches(holds)
    }

    fn literal(&mut self, rule: &Rule, rest: &[u8], literal: Option<bool>) -> Result<(), Stop> {
        self.cursor.literal(rest)?;
        let of_type = match literal {
            Some(_) => Types::BOOLEAN,
            None => Types::NULL,
        };
        let scalars = rule.demands.scalars();
        matches(
            rule.types.contains(of_type) && scalars.is_none_or(|scalars| scalars.contain_literal(literal)),
        )
    }

    #[inline]
    fn number(&mut self, rule: &Rule, first: u8) -> Result<(), Stop> {
        let number = self.cursor.number(first)?;
        let of_type = match number {
            Number::Float(_) if !rule.types.contains(Types::NUMBER) && number.is_whole() => Types::INTEGER,
            Number::Float(_) => Types::NUMBER,
            _ => Types::NUMBER.with(Types::INTEGER),
        };
        matches(rule.types.contains(of_type))?;
        if let Some(scalars) = rule.demands.scalars() {
            matches(scalars.contain_number(number))?;
        }
        match rule.demands.number() {
            Some(rule) => matches(number_fits(rule, number)?),
            None => Ok(()),
        }
    }

    #[inline]
    fn text(&mut self, rule: &Rule) -> Result<(), Stop> {
        let span = self.cursor.string()?;
        if !span.is_plain {
            return self.unescaped(rule, span);
        }
        matches(rule.types.contains(Types::STRING))?;
        if rule.demands.are_nothing() {
            return Ok(());
        }
        judge_text(rule, self.cursor.plain(span), || self.cursor.word(span))
    }

    /// Takes a string that was written with escapes.
    #[cold]
    fn unescaped(&mut self, rule: &Rule, span: Span) -> Result<(), Stop> {
        let text = self.cursor.unescaped(span)?;
        matches(rule.types.contains(Types::STRING))?;
        judge_text(rule, &text, || word(text.as_bytes()))
    }

    fn array(&mut self, rule: &'a Rule, levels: u32) -> Result<(), Stop> {
        matches(rule.types.contains(Types::ARRAY) && rule.demands.scalars().is_none())?;
        let Some(array) = rule.demands.array() else {
            return self.anything(b'[', levels);
        };
        let levels = levels.checked_sub(1).ok_or(Stop::Unsure)?;
        let mut sign = self.cursor.next_sign();
        let mut items = 0;
        if sign != b']' {
            loop {
                self.part(array.rule_of(items), sign, levels)?;
                items += 1;
                match self.cursor.next_sign() {
                    b',' => sign = self.cursor.next_sign(),
                    b']' => break,
                    _ => return Err(Stop::Unsure),
                }
            }
        }
        matches(is_between(items as u64, array.fewest, array.most))
    }

    fn object(&mut self, rule: &'a Rule, levels: u32) -> Result<(), Stop> {
        matches(rule.types.contains(Types::OBJECT) && rule.demands.scalars().is_none())?;
        let Some(object) = rule.demands.object() else {
            return self.anything(b'{', levels);
        };
        let levels = levels.checked_sub(1).ok_or(Stop::Unsure)?;
        let mut members = Members::new(object);
        if self.cursor.takes(b'}') {
            return members.finish();
        }
        loop {
            let rule = members.take_name(&mut self.cursor)?;
            let first = self.cursor.next_sign();
            self.part(rule, first, levels)?;
            match self.cursor.next_sign() {
                b',' => {}
                b'}' => return members.finish(),
                _ => return Err(Stop::Unsure),
            }
        }
    }
}

/// The members of an object that is being walked over.
struct Members<'a> {
    rule: &'a ObjectRule,
    count: u64,
    /// The properties that came, one bit each.
    seen: u64,
    /// The names of all others.
    others: Marks,
    /// The property that came last.
    last: Option<&'a Property>,
    /// The one that came behind it in the last object.
    guess: u8,
}

impl<'a> Members<'a> {
    fn new(rule: &'a ObjectRule) -> Self {
        Members {
            rule,
            count: 0,
            seen: 0,
            others: Marks::default(),
            last: None,
            guess: rule.begins.load(Ordering::Relaxed),
        }
    }

    /// Takes the name of a member and the colon, and returns the rule for the value.
    #[inline]
    fn take_name(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<RuleId>, Stop> {
        self.count += 1;
        let (rule, guess) = (self.rule, self.guess);
        match rule.properties.get(guess as usize) {
            Some(property) if property.takes(cursor, || rule.names.text(guess as usize)) => {
                self.came(guess, property)
            }
            _ => self.take_other(cursor),
        }
    }

    /// Takes a name that was not guessed.
    #[inline(never)]
    fn take_other(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<RuleId>, Stop> {
        if cursor.next_sign() != b'"' {
            return Err(Stop::Unsure);
        }
        let span = cursor.string()?;
        if !span.is_plain {
            return Err(Stop::Elsewhere);
        }
        if cursor.next_sign() != b':' {
            return Err(Stop::Unsure);
        }
        let (word, text) = (cursor.word(span), cursor.plain(span));
        let Some(found) = self.rule.names.find(word, text.len(), || text) else {
            self.others.add(word);
            return match self.others.may_hold_twins {
                true => Err(Stop::Elsewhere),
                false => Ok(self.rule.others),
            };
        };
        // There are few enough: see `ObjectRule::is_straight`.
        let number = found as u8;
        match self.last {
            Some(last) => last.lead_to(number),
            None => self.rule.begins.store(number, Ordering::Relaxed),
        }
        self.came(number, &self.rule.properties[found])
    }

    #[inline]
    fn came(&mut self, number: u8, property: &'a Property) -> Result<Option<RuleId>, Stop> {
        let bit = 1 << (number & 63);
        if self.seen & bit != 0 {
            // Twice the same name.
            return Err(Stop::Unsure);
        }
        self.seen |= bit;
        self.last = Some(property);
        self.guess = property.next();
        Ok(property.rule.or(self.rule.others))
    }

    fn finish(&self) -> Result<(), Stop> {
        let needed = self.rule.needed;
        matches(self.seen & needed == needed && is_between(self.count, self.rule.fewest, self.rule.most))
    }
}

impl ArrayRule {
    /// Returns the rule for an item.
    fn rule_of(&self, index: usize) -> Option<RuleId> {
        self.first.get(index).copied().or(self.others)
    }
}

impl From<Unread> for Stop {
    fn from(_: Unread) -> Self {
        Stop::Unsure
    }
}

impl From<Doubt> for Stop {
    fn from(_: Doubt) -> Self {
        Stop::Unsure
    }
}

#[inline]
fn matches(holds: bool) -> Result<(), Stop> {
    if holds { Ok(()) } else { Err(Stop::Mismatch) }
}

#[inline]
fn judge_text(rule: &Rule, text: &str, word: impl Fn() -> u64) -> Result<(), Stop> {
    if let Some(scalars) = rule.demands.scalars() {
        matches(scalars.contain_text(word(), text))?;
    }
    match rule.demands.text() {
        Some(rule) => matches(text_fits(rule, text)?),
        None => Ok(()),
    }
}
