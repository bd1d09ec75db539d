//! The client's state machine between a program that does anything and a broker that says anything: true answers to what
//! was asked, answers to what never was, and bytes that are no message. Whatever happens, nothing ends twice, and in the
//! end everything has ended.

mod broker;
mod program;

use std::time::Duration;

use buslane_protocol::{Framing, Instant};
use buslane_session::{Action, Config, Event, Session, State};

use crate::choices::Choices;
use broker::Broker;
use program::Program;

/// Takes a script: first how the session is configured, then one step after another.
pub(crate) fn run(input: &[u8]) {
    let mut script = Script::new(input);
    for _ in 0..STEPS {
        if script.choices.is_over() {
            break;
        }
        script.step();
    }
    script.finish();
}

/// A few scripts: connected in each framing, then walks through all bytes.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let script = |seed: u32| {
        let opening = [seed as u8, 0, DIAL, SAY, 0, 0, 0];
        let walk = (0..SCRIPT).map(|place| (place.wrapping_mul(5 + 2 * seed) ^ place >> 3).to_le_bytes()[0]);
        opening.into_iter().chain(walk).collect()
    };
    (0..SCRIPTS).map(script).collect()
}

struct Script<'a> {
    choices: Choices<'a>,
    session: Session,
    now: Instant,
    framing: Framing,
    broker: Broker,
    program: Program,
}

impl<'a> Script<'a> {
    fn new(input: &'a [u8]) -> Self {
        let mut choices = Choices::new(input);
        let framing = *choices.among(&FRAMINGS);
        let kind = choices.byte();
        let now = Instant::from_micros(1);
        let config = Config {
            framing,
            seed: 7,
            unix_ms_at_zero: 1_700_000_000_000,
            offline_bytes: if kind & 1 == 0 { 1_000 } else { 1 << 20 },
            frame_bytes: if kind & 2 == 0 { 64 << 10 } else { 300 },
            ..Config::default()
        };
        Script {
            choices,
            session: Session::new(config, now),
            now,
            framing,
            broker: Broker::new(framing),
            program: Program::default(),
        }
    }

    fn step(&mut self) {
        match self.choices.byte() % COUNT {
            DIAL => {
                self.session.handle_connected(self.now);
                self.broker.begin();
                if self.framing == Framing::Binary {
                    let answer = self.broker.preamble(&mut self.choices);
                    self.session.handle_bytes(self.now, &answer);
                }
            }
            CUT => self.session.handle_disconnected(self.now, "the input says so"),
            PASS => {
                let time = Duration::from_millis(u64::from(self.choices.number()));
                self.pass(time);
            }
            ASK..SAY => self.program.act(&mut self.session, self.now, &mut self.choices),
            _ => self.say(),
        }
        self.drain();
    }

    /// Lets the broker say something, whole or in two pieces.
    fn say(&mut self) {
        let bytes = self.broker.say(&mut self.choices);
        if matches!(self.framing, Framing::WebSocketText | Framing::WebSocketBinary) {
            return self.session.handle_message(self.now, &bytes);
        }
        let cut = self.choices.below(bytes.len() + 1);
        self.session.handle_bytes(self.now, &bytes[..cut]);
        self.drain();
        self.session.handle_bytes(self.now, &bytes[cut..]);
    }

    /// Takes everything out of the session, as a driver does.
    fn drain(&mut self) {
        while let Some(event) = self.session.poll_event() {
            self.program.learn(&event);
            if let Event::Disconnected { retry_at, .. } = event {
                assert!(retry_at >= self.now, "the next attempt is not before the last");
            }
        }
        while let Some(action) = self.session.poll_action() {
            if matches!(action, Action::Close { .. }) {
                self.broker.begin();
            }
        }
        while let Some(transmit) = self.session.poll_transmit() {
            transmit.messages().for_each(|bytes| self.broker.hear(bytes));
            self.session.recycle(transmit);
        }
        assert!(
            self.session.poll_event().is_none(),
            "what was taken out makes nothing happen"
        );
    }

    /// Lets time pass, stopping whenever the session asks to.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..MOST_STOPS {
            let Some(due) = self.session.poll_timeout().filter(|due| *due <= end) else {
                break;
            };
            self.now = self.now.max(due);
            self.session.handle_timeout(self.now);
            self.drain();
            assert!(
                self.session.poll_timeout().is_none_or(|next| next > self.now),
                "what is due is not done"
            );
        }
        self.now = end;
        self.session.handle_timeout(end);
    }

    /// Closes the session: everything that has not ended ends now.
    fn finish(mut self) {
        self.drain();
        self.session.close(self.now);
        self.drain();
        assert_eq!(self.session.state(), State::Ended);
        assert_eq!(
            self.session.poll_timeout(),
            None,
            "an ended session waits for nothing"
        );
        self.program.assert_ended();
    }
}

const FRAMINGS: [Framing; 4] = [
    Framing::Binary,
    Framing::JsonLines,
    Framing::WebSocketBinary,
    Framing::WebSocketText,
];

const DIAL: u8 = 0;
const CUT: u8 = 1;
const PASS: u8 = 2;
const ASK: u8 = 3;
const SAY: u8 = 11;
const COUNT: u8 = 24;

/// Steps of the longest script.
const STEPS: usize = 300;
/// How often time stops on its way at the most. A broker may ask for a ping each millisecond.
const MOST_STOPS: usize = 100;
const SCRIPTS: u32 = 32;
const SCRIPT: u32 = 400;
