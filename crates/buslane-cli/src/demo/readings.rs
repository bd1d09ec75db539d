//! What the machine is doing, as the operating system says. Knows nothing of the bus.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// How busy the processors are.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Cpu {
    /// Share of the time since the last reading in which they worked, of all together.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) percent: f64,
    /// How many there are.
    #[schemars(range(min = 1))]
    pub(crate) cores: usize,
}

/// How full the memory is.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Memory {
    /// Share that is in use.
    #[schemars(range(min = 0, max = 100))]
    pub(crate) percent: f64,
    /// What is in use.
    pub(crate) used_bytes: u64,
    /// What there is.
    pub(crate) total_bytes: u64,
}

/// How many programs wanted to run, on average.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Load {
    /// Over the last minute.
    #[schemars(range(min = 0))]
    pub(crate) one: f64,
    /// Over five.
    #[schemars(range(min = 0))]
    pub(crate) five: f64,
    /// Over fifteen.
    #[schemars(range(min = 0))]
    pub(crate) fifteen: f64,
}

/// What the machine is doing.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Readings {
    /// Its processors.
    pub(crate) cpu: Cpu,
    /// Its memory.
    pub(crate) memory: Memory,
    /// Its queue; all zero on systems that do not count.
    pub(crate) load: Load,
}

/// Reads what the machine is doing.
#[derive(Debug)]
pub(crate) struct Machine {
    system: System,
}

impl Machine {
    /// How long it takes after the first look until a share of busy time means something.
    pub(crate) const SETTLING: Duration = sysinfo::MINIMUM_CPU_UPDATE_INTERVAL;

    /// Takes a first look, from which the next reading counts.
    pub(crate) fn new() -> Machine {
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_cpu_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Machine {
            system: System::new_with_specifics(wanted),
        }
    }

    /// Returns the host's name, as far as it can be one level of a topic.
    pub(crate) fn host_name() -> String {
        let allowed = |character: &char| character.is_alphanumeric() || "_-.".contains(*character);
        let name: String = System::host_name()
            .unwrap_or_default()
            .chars()
            .filter(allowed)
            .take(LONGEST_NAME)
            .collect();
        if name.is_empty() {
            "localhost".to_owned()
        } else {
            name
        }
    }

    /// Reads what it is doing now.
    pub(crate) fn read(&mut self) -> Readings {
        self.system.refresh_cpu_usage();
        self.system
            .refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let (used, total) = (self.system.used_memory(), self.system.total_memory());
        let load = System::load_average();
        Readings {
            cpu: Cpu {
                percent: percent(self.system.global_cpu_usage().into()),
                cores: self.system.cpus().len().max(1),
            },
            memory: Memory {
                percent: percent(used as f64 / total.max(1) as f64 * 100.0),
                used_bytes: used,
                total_bytes: total,
            },
            load: Load {
                one: load.one,
                five: load.five,
                fifteen: load.fifteen,
            },
        }
    }
}

/// Rounds a share to one decimal, within its bounds.
fn percent(share: f64) -> f64 {
    // Without a time to divide by, the system's figure is no number.
    let share = if share.is_finite() { share } else { 0.0 };
    (share.clamp(0.0, 100.0) * 10.0).round() / 10.0
}

/// Characters of the host's name that stand in a topic.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_of_this_machine() {
        let readings = Machine::new().read();
        assert!(readings.memory.total_bytes > 0 && readings.memory.used_bytes <= readings.memory.total_bytes);
        assert!(readings.cpu.cores >= 1 && (0.0..=100.0).contains(&readings.cpu.percent));
    }

    #[test]
    fn a_host_name_is_one_level_of_a_topic() {
        let topic = format!("host/{}/cpu", Machine::host_name());
        assert_eq!(
            buslane_protocol::Topic::parse(topic.as_str()).unwrap().as_str(),
            topic
        );
        assert_eq!(topic.split('/').count(), 3);
    }

    #[test]
    fn shares_have_one_decimal_and_bounds() {
        assert_eq!(percent(f64::NAN), 0.0);
        assert_eq!(
            (percent(12.345), percent(100.04), percent(-1.0)),
            (12.3, 100.0, 0.0)
        );
    }
}
