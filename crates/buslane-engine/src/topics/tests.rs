//! The whole table beside a plain list of subscriptions, and what its owner relies on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use super::*;
use crate::test_random::Random;

/// A table with what each subscriber holds of it.
struct Table {
    topics: Topics,
    held: BTreeMap<u64, Held>,
}

impl Table {
    fn new(limit: usize) -> Table {
        Table {
            topics: Topics::new(HashState::with_seed(1), limit),
            held: BTreeMap::new(),
        }
    }

    fn insert(&mut self, subscriber: u64, filter: &Filter<'_>, shared: Option<&Name>, key: u64) -> Inserted {
        let held = self.held.entry(subscriber).or_default();
        self.topics.insert(held, subscriber, filter, shared, key)
    }

    fn remove(&mut self, subscriber: u64, id: SubscriptionId) -> Option<u64> {
        let held = self.held.entry(subscriber).or_default();
        self.topics.remove(held, subscriber, id)
    }
}

impl Deref for Table {
    type Target = Topics;

    fn deref(&self) -> &Topics {
        &self.topics
    }
}

impl DerefMut for Table {
    fn deref_mut(&mut self) -> &mut Topics {
        &mut self.topics
    }
}

fn table() -> Table {
    Table::new(10_000)
}

fn filter(text: &str) -> Filter<'_> {
    Filter::parse(text).unwrap()
}

fn topic(text: &str) -> Topic<'_> {
    Topic::parse(text).unwrap()
}

fn clients(topics: &mut Table, text: &str) -> Vec<(u64, u64)> {
    let matches = topics.matches(&topic(text)).unwrap();
    matches
        .clients()
        .iter()
        .map(|found| (found.subscriber, found.key))
        .collect()
}

fn members(topics: &mut Table, text: &str, times: usize) -> Vec<u64> {
    let chosen = |topics: &mut Table| {
        let group = topics.matches(&topic(text)).unwrap().groups().next().unwrap();
        group.choose(|_| true).unwrap().subscriber
    };
    (0..times).map(|_| chosen(topics)).collect()
}

#[test]
fn a_subscriber_is_found_once_by_its_smallest_key() {
    let mut topics = table();
    topics.insert(2, &filter("a/+"), None, 30);
    topics.insert(1, &filter("a/b"), None, 20);
    topics.insert(1, &filter("#"), None, 10);
    assert_eq!(clients(&mut topics, "a/b"), [(1, 10), (2, 30)]);
}

#[test]
fn subscribing_again_gives_the_subscription_its_new_key() {
    let mut topics = table();
    let first = topics.insert(1, &filter("a"), None, 10);
    assert_eq!(clients(&mut topics, "a"), [(1, 10)]);
    let again = topics.insert(1, &filter("a"), None, 11);
    assert_eq!(
        (again.id, first.replaced, again.replaced, topics.len()),
        (first.id, None, Some(10), 1)
    );
    assert_eq!(clients(&mut topics, "a"), [(1, 11)]);
}

#[test]
fn a_subscription_is_removed_by_its_subscriber_only_and_once() {
    let mut topics = table();
    let id = topics.insert(1, &filter("a/#"), None, 10).id;
    assert_eq!(topics.remove(2, id), None);
    assert_eq!((topics.remove(1, id), topics.remove(1, id)), (Some(10), None));
    assert_eq!(clients(&mut topics, "a"), []);
}

#[test]
fn the_broker_s_topics_are_hidden_from_leading_wildcards() {
    let mut topics = table();
    topics.insert(1, &filter("#"), None, 1);
    topics.insert(2, &filter("+/x"), None, 2);
    topics.insert(3, &filter("$bus/+"), None, 3);
    topics.insert(4, &filter("$bus/x"), None, 4);
    assert_eq!(clients(&mut topics, "$bus/x"), [(3, 3), (4, 4)]);
    assert_eq!(clients(&mut topics, "bus/x"), [(1, 1), (2, 2)]);
}

#[test]
fn members_of_a_group_take_turns_in_the_order_they_came() {
    let mut topics = table();
    let name = Name::parse("workers").unwrap();
    let ids: Vec<_> = (1..=3)
        .map(|member| topics.insert(member, &filter("job/+"), Some(&name), member).id)
        .collect();
    assert_eq!(members(&mut topics, "job/1", 4), [1, 2, 3, 1]);
    topics.remove(2, ids[1]);
    assert_eq!(members(&mut topics, "job/1", 2), [3, 1]);
    topics.insert(4, &filter("job/+"), Some(&name), 4);
    assert_eq!(members(&mut topics, "job/2", 3), [3, 1, 4]);
    assert_eq!(clients(&mut topics, "job/1"), []);
}

#[test]
fn a_member_that_is_passed_over_is_not_asked_twice() {
    let mut topics = table();
    let name = Name::parse("workers").unwrap();
    for member in 1..=3 {
        topics.insert(member, &filter("job"), Some(&name), member);
    }
    let group = topics.matches(&topic("job")).unwrap().groups().next().unwrap();
    let mut asked = Vec::new();
    let refused = group.choose(|member| {
        asked.push(member.subscriber);
        false
    });
    assert_eq!(refused, None);
    assert_eq!(asked, [1, 2, 3]);
    assert_eq!(group.choose(|member| member.subscriber == 2).unwrap().key, 2);
    assert_eq!(group.choose(|_| true).unwrap().key, 3);
    assert_eq!(
        (group.name(), group.filter(), group.label()),
        (&name, filter("job"), "workers/job")
    );
}

#[test]
fn groups_of_other_names_and_filters_each_give_a_member() {
    let mut topics = table();
    let names = ["one", "two"].map(|name| Name::parse(name).unwrap());
    for (member, (name, text)) in [(0, "a/b"), (1, "a/b"), (0, "a/+"), (1, "#")]
        .into_iter()
        .enumerate()
    {
        topics.insert(member as u64, &filter(text), Some(&names[name]), 7);
    }
    let matches = topics.matches(&topic("a/b")).unwrap();
    let labels: BTreeSet<&str> = matches.groups().map(|group| group.label()).collect();
    assert_eq!(labels, BTreeSet::from(["one/a/b", "two/a/b", "one/a/+", "two/#"]));
}

#[test]
fn a_topic_with_too_many_nodes_is_refused_until_it_has_fewer() {
    let mut topics = Table::new(5);
    let ids: Vec<_> = ["a/b/c/d", "+/b/c/d", "a/+/c/d", "+/+/c/d"]
        .map(|text| topics.insert(1, &filter(text), None, 1).id)
        .into();
    assert_eq!(
        topics.matches(&topic("a/b/c/d")).err(),
        Some(TooManyMatches { limit: 5 })
    );
    assert_eq!(
        topics.matches(&topic("a/b/c/d")).err(),
        Some(TooManyMatches { limit: 5 })
    );
    for id in &ids[1..] {
        topics.remove(1, *id);
    }
    assert_eq!(clients(&mut topics, "a/b/c/d"), [(1, 1)]);
}

#[test]
fn an_empty_table_accounts_for_nothing_but_answers() {
    let mut topics = table();
    let name = Name::parse("group").unwrap();
    let shared = [None, Some(&name)];
    let ids: Vec<_> = [
        "a/b/c",
        "a/+/c",
        "#",
        "a/b",
        "a/a level whose text is not kept in place/b",
    ]
    .into_iter()
    .flat_map(|text| shared.map(|shared| topics.insert(1, &filter(text), shared, 1).id))
    .collect();
    assert!(topics.bytes() > 500);
    for id in ids {
        topics.remove(1, id);
    }
    assert_eq!((topics.len(), topics.bytes()), (0, 0));
}

#[test]
fn a_subscription_takes_about_the_bytes_that_the_module_tells() {
    for (pattern, most) in [
        ("fleet/N/+/state", 260),
        ("fleet/N/state", 220),
        ("fleet/+/state", 60),
    ] {
        let mut topics = table();
        for number in 0..20_000 {
            let text = pattern.replace('N', &number.to_string());
            topics.insert(number, &filter(&text), None, number);
        }
        let each = topics.bytes() / topics.len();
        assert!((most * 2 / 3..most).contains(&each), "{pattern}: {each}");
    }
}

#[test]
fn a_subscriber_holds_what_it_did_not_let_go() {
    let mut topics = table();
    let ids: Vec<_> = (0..5)
        .map(|number| topics.insert(1, &filter(&format!("t/{number}")), None, number).id)
        .collect();
    topics.insert(2, &filter("t/0"), None, 7);
    topics.insert(1, &filter("t/0"), None, 8);
    for (id, left) in [(2, 4), (4, 3), (0, 2)] {
        topics.remove(1, ids[id]);
        assert_eq!(topics.held[&1].len(), left);
    }
    let mut rest = BTreeSet::new();
    while let Some(id) = topics.first_of(&topics.held[&1]) {
        rest.insert(topics.remove(1, id));
    }
    assert_eq!(rest, BTreeSet::from([Some(1), Some(3)]));
    assert!(topics.held[&1].is_empty());
    assert_eq!((topics.held[&2].len(), topics.len()), (1, 1));
}

#[test]
fn subscribing_and_unsubscribing_cost_the_same_however_many_there_are() {
    let cost = |count: u64| {
        let mut topics = table();
        let texts: Vec<String> = (0..count)
            .flat_map(|number| {
                [
                    format!("t/{number}"),
                    format!("t/{number}/+"),
                    format!("+/{number}/#"),
                ]
            })
            .collect();
        let insert = |topics: &mut Table, text: &String| topics.insert(1, &filter(text), None, 7).id;
        let ids: Vec<_> = texts.iter().map(|text| insert(&mut topics, text)).collect();
        let mut most = 0;
        // One that came early, one that came late, one that came in between.
        for place in [0, texts.len() / 2, texts.len() - 1] {
            let before = topics.reads();
            topics.remove(1, ids[place]);
            insert(&mut topics, &texts[place]);
            most = most.max(topics.reads() - before);
        }
        most
    };
    let (few, many) = (cost(10), cost(10_000));
    assert!(
        many <= 2 * few,
        "{few} records were read of a few, {many} of many"
    );
}

/// What a random run subscribed to: subscriber, filter and shared name, with id and key.
type Model = BTreeMap<(u64, String, Option<Name>), (SubscriptionId, u64)>;

fn random_text(random: &mut Random, kinds: u64) -> String {
    let levels: Vec<&str> = (0..=random.below(4))
        .map(|_| {
            [
                "a",
                "b",
                "c",
                "$s",
                "a level whose text is not kept in place",
                "+",
                "#",
            ][random.below(kinds) as usize]
        })
        .collect();
    levels.join("/")
}

fn expected(model: &Model, topic: &Topic<'_>) -> (Vec<Match>, BTreeSet<String>) {
    let mut clients: BTreeMap<u64, u64> = BTreeMap::new();
    let mut groups = BTreeSet::new();
    for ((subscriber, text, shared), (_, key)) in model {
        match shared {
            _ if !filter(text).matches(topic) => {}
            Some(name) => drop(groups.insert(format!("{name}/{text}"))),
            None => {
                let smallest = clients.entry(*subscriber).or_insert(*key);
                *smallest = (*smallest).min(*key);
            }
        }
    }
    (
        clients
            .into_iter()
            .map(|(subscriber, key)| Match { subscriber, key })
            .collect(),
        groups,
    )
}

fn change(random: &mut Random, topics: &mut Table, model: &mut Model, serial: u64) {
    let place = random.below(model.len() as u64 * 2) as usize;
    if let Some((known, (id, key))) = model
        .iter()
        .nth(place)
        .map(|(known, entry)| (known.clone(), *entry))
    {
        assert_eq!(
            topics.find(known.0, &filter(&known.1), known.2.as_ref()),
            Some(id)
        );
        assert_eq!(
            (topics.key(id), topics.filter(id).as_str(), topics.shared(id)),
            (key, &*known.1, known.2.as_ref())
        );
        assert_eq!(topics.remove(known.0, id), Some(key));
        model.remove(&known);
        return;
    }
    let text = random_text(random, 7);
    let Ok(parsed) = Filter::parse(text.as_str()) else {
        return;
    };
    let shared = match random.below(6) {
        0 => Some(Name::parse("one").unwrap()),
        1 => Some(Name::parse("two").unwrap()),
        _ => None,
    };
    let (subscriber, key) = (random.below(6), random.below(100) + serial);
    let inserted = topics.insert(subscriber, &parsed, shared.as_ref(), key);
    let before = model.insert((subscriber, text.clone(), shared), (inserted.id, key));
    assert_eq!(inserted.replaced, before.map(|(_, key)| key));
}

#[test]
fn random_runs_agree_with_a_scan_of_all_subscriptions() {
    for seed in 1..=150 {
        let mut random = Random::new(seed);
        let (mut topics, mut model) = (table(), Model::new());
        for serial in 0..200 {
            change(&mut random, &mut topics, &mut model, serial);
            assert_eq!(topics.len(), model.len(), "seed {seed}");
            for _ in 0..4 {
                let text = random_text(&mut random, 5);
                let topic = topic(&text);
                let (clients, groups) = expected(&model, &topic);
                let matches = topics.matches(&topic).unwrap();
                assert_eq!(matches.clients(), clients, "seed {seed}, topic {text}");
                let found: Vec<String> = matches.groups().map(|group| group.label().to_owned()).collect();
                assert_eq!(found.len(), groups.len(), "seed {seed}, topic {text}");
                assert_eq!(
                    found.into_iter().collect::<BTreeSet<_>>(),
                    groups,
                    "seed {seed}, topic {text}"
                );
            }
        }
        for ((subscriber, ..), (id, _)) in model {
            topics.remove(subscriber, id);
        }
        assert_eq!(
            topics.trie.bytes() + topics.subscriptions.bytes() + topics.groups.bytes(),
            0,
            "seed {seed}"
        );
    }
}
