//! Everything in the engine that must not be guessable, from one seed: instance ids, resume secrets, hash seeds. Reads
//! no random source of its own, so that a run can be repeated.

use buslane_protocol::Id;
use foldhash::fast::FixedState;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// How the engine's hash maps hash.
///
/// foldhash, with a 64-bit starting value from the engine's seed. Its other constants are known, but they hold bytes that
/// no name, id, topic or filter can (control characters, or no UTF-8), so that no text cancels them out.
pub(crate) type HashState = FixedState;

/// A generator (ChaCha with 12 rounds, a stream cipher) that gives the same bytes for the same seed.
#[derive(Debug)]
pub(crate) struct Entropy(ChaCha12Rng);

impl Entropy {
    /// Makes the generator of a seed.
    pub(crate) fn new(seed: [u8; 32]) -> Entropy {
        Entropy(ChaCha12Rng::from_seed(seed))
    }

    /// Returns the next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Makes a UUIDv7 (RFC 9562) of the time given, in milliseconds since 1970.
    pub(crate) fn uuid_v7(&mut self, unix_ms: u64) -> Id {
        let mut random = [0; 10];
        self.0.fill_bytes(&mut random);
        Id::uuid_v7(unix_ms, random)
    }

    /// Makes a secret: 128 bits as 32 characters of `0-9 a-f`.
    pub(crate) fn secret(&mut self) -> String {
        let bits = u128::from(self.bits()) << 64 | u128::from(self.bits());
        format!("{bits:032x}")
    }

    /// Makes the hash function of one map.
    pub(crate) fn hash_state(&mut self) -> HashState {
        FixedState::with_seed(self.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::BuildHasher;

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let mut runs = [Entropy::new([7; 32]), Entropy::new([7; 32])].map(|mut entropy| {
            let ids = (entropy.uuid_v7(1), entropy.secret());
            (ids, entropy.hash_state().hash_one("a/b"))
        });
        let [first, second] = &mut runs;
        assert_eq!(first, second);
        assert_ne!(Entropy::new([8; 32]).secret(), Entropy::new([7; 32]).secret());
    }

    #[test]
    fn secrets_are_32_hex_characters_and_never_repeat() {
        let mut entropy = Entropy::new([1; 32]);
        let secrets: std::collections::BTreeSet<String> = (0..1000).map(|_| entropy.secret()).collect();
        assert_eq!(secrets.len(), 1000);
        assert!(secrets.iter().all(|secret| secret.len() == 32));
        assert!(
            secrets
                .iter()
                .all(|secret| secret.bytes().all(|byte| byte.is_ascii_hexdigit()))
        );
    }

    #[test]
    fn ids_are_uuids_of_version_7_that_sort_by_time() {
        let mut entropy = Entropy::new([1; 32]);
        let (early, late) = (entropy.uuid_v7(1_000), entropy.uuid_v7(2_000));
        assert_eq!(early.as_str().as_bytes()[14], b'7');
        assert!(early.as_str() < late.as_str());
    }
}
