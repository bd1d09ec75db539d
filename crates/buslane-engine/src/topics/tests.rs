//! The table against a linear scan with [`Filter::matches`].

use super::*;
use crate::entropy::Entropy;

fn table() -> Topics {
    Topics::new(Entropy::new([3; 32]).hash_state(), 10_000)
}

fn filter(text: &str) -> Filter<'static> {
    Filter::parse(text.to_owned()).unwrap()
}

fn found(topics: &mut Topics, topic: &str) -> Vec<(u64, u64)> {
    let topic = Topic::parse(topic).unwrap();
    let matches = topics.matches(&topic).unwrap();
    matches.clients().iter().map(|found| (found.subscriber, found.key)).collect()
}

#[test]
fn a_subscriber_is_found_once_under_its_smallest_key() {
    let mut topics = table();
    topics.insert(1, &filter("a/#"), None, 30);
    topics.insert(1, &filter("a/b"), None, 20);
    topics.insert(2, &filter("+/b"), None, 10);
    assert_eq!(found(&mut topics, "a/b"), [(2, 10), (1, 20)]);
    assert_eq!(found(&mut topics, "a"), [(1, 30)]);
    assert_eq!(found(&mut topics, "b/b"), [(2, 10)]);
}

#[test]
fn a_change_is_seen_by_the_next_publish_to_a_topic_found_before() {
    let mut topics = table();
    assert_eq!(found(&mut topics, "a/b"), []);
    let exact = topics.insert(1, &filter("a/b"), None, 1).id;
    assert_eq!(found(&mut topics, "a/b"), [(1, 1)]);
    let wild = topics.insert(2, &filter("a/+"), None, 2).id;
    assert_eq!(found(&mut topics, "a/b"), [(1, 1), (2, 2)]);
    assert_eq!(topics.remove(1, exact), Some(1));
    assert_eq!(topics.remove(2, wild), Some(2));
    assert_eq!(found(&mut topics, "a/b"), []);
}

#[test]
fn the_same_subscription_gets_another_key() {
    let mut topics = table();
    let first = topics.insert(1, &filter("a"), None, 1);
    let second = topics.insert(1, &filter("a"), None, 5);
    assert_eq!((first.replaced, second.replaced, first.id), (None, Some(1), second.id));
    assert_eq!((topics.len(), found(&mut topics, "a")), (1, vec![(1, 5)]));
}

#[test]
fn only_its_own_subscriber_removes_a_subscription() {
    let mut topics = table();
    let id = topics.insert(1, &filter("a"), None, 1).id;
    assert_eq!(topics.remove(2, id), None);
    assert_eq!(topics.remove(1, id), Some(1));
    assert_eq!(topics.remove(1, id), None);
}

#[test]
fn members_of_a_shared_subscription_take_turns() {
    let mut topics = table();
    let name = Name::parse("workers").unwrap();
    for subscriber in 1..=3 {
        topics.insert(subscriber, &filter("jobs/+"), Some(&name), subscriber);
    }
    let topic = Topic::parse("jobs/one").unwrap();
    let mut turns = Vec::new();
    for _ in 0..6 {
        let matches = topics.matches(&topic).unwrap();
        assert_eq!(matches.clients(), []);
        let group = matches.groups().next().unwrap();
        assert_eq!((group.name().as_str(), group.filter().as_str()), ("workers", "jobs/+"));
        turns.push(group.choose(|member| member.subscriber != 2).unwrap().subscriber);
    }
    assert_eq!(turns, [1, 3, 1, 3, 1, 3]);
}

#[test]
fn an_emptied_table_holds_nothing() {
    let mut topics = table();
    let name = Name::parse("workers").unwrap();
    let texts = ["a/b/c", "a/+/c", "#", "a/b", "x/#"];
    let ids: Vec<_> = texts
        .iter()
        .zip(1..)
        .flat_map(|(text, key)| {
            [(1, topics.insert(1, &filter(text), None, key).id), (2, topics.insert(2, &filter(text), Some(&name), key).id)]
        })
        .collect();
    for (subscriber, id) in ids {
        assert!(topics.remove(subscriber, id).is_some());
    }
    let (nodes, cached) = (topics.trie.bytes(), topics.cache.bytes());
    assert_eq!((topics.len(), topics.places.len(), topics.bytes()), (0, 0, nodes + cached));
    assert_eq!(topics.trie.held(), 0);
}

#[test]
fn too_many_branches_are_refused() {
    let mut topics = Topics::new(Entropy::new([3; 32]).hash_state(), 4);
    for text in ["a/a/a", "+/a/a", "a/+/a", "+/+/a"] {
        topics.insert(1, &filter(text), None, 1);
    }
    let topic = Topic::parse("a/a/a").unwrap();
    assert_eq!(topics.matches(&topic).err(), Some(TooManyMatches { limit: 4 }));
    assert_eq!(found(&mut topics, "b"), []);
}

#[test]
fn random_tables_agree_with_a_linear_scan() {
    for seed in 1..200u64 {
        random_table(seed);
    }
}

fn random_table(seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut below = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut topics = table();
    let mut model: Vec<(u64, String, u64, SubscriptionId)> = Vec::new();
    for step in 0..120 {
        let depth = 1 + below(4);
        let words = if below(3) == 0 { ["a", "b", "$c", "a"] } else { ["a", "b", "+", "#"] };
        let mut levels: Vec<&str> = (0..depth).map(|_| words[below(4) as usize]).collect();
        if let Some(end) = levels.iter().position(|level| *level == "#") {
            levels.truncate(end + 1);
        }
        let text = levels.join("/");
        let subscriber = below(4);
        match below(3) {
            0 if !model.is_empty() => {
                let (subscriber, _, key, id) = model.swap_remove(below(model.len() as u64) as usize);
                assert_eq!(topics.remove(subscriber, id), Some(key), "seed {seed}");
            }
            1 => {
                let inserted = topics.insert(subscriber, &filter(&text), None, step);
                model.retain(|(owner, known, ..)| (*owner, known) != (subscriber, &text));
                model.push((subscriber, text, step, inserted.id));
            }
            _ => {
                let text = text.replace(['+', '#'], "a");
                let topic = Topic::parse(text.as_str()).unwrap();
                let mut expected: Vec<(u64, u64)> = Vec::new();
                for owner in 0..4 {
                    let mine = model.iter().filter(|(known, text, ..)| *known == owner && filter(text).matches(&topic));
                    expected.extend(mine.map(|(owner, _, key, _)| (*key, *owner)).min());
                }
                expected.sort_unstable();
                let expected: Vec<_> = expected.into_iter().map(|(key, owner)| (owner, key)).collect();
                assert_eq!(found(&mut topics, &text), expected, "seed {seed}, topic {text}");
            }
        }
    }
}
