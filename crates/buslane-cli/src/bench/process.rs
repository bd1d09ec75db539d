//! What the system says about a process: CPU time, resident memory, files it may open.
//!
//! Readings come from `/proc`; where there is none they are absent, and so is every figure made of them.

/// CPU seconds that a server and this process have used so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CpuTimes {
    server: Option<f64>,
    own: Option<f64>,
}

impl CpuTimes {
    /// Reads both.
    pub(crate) fn read(server: Option<u32>) -> CpuTimes {
        CpuTimes {
            server: server.and_then(cpu_seconds),
            own: cpu_seconds(std::process::id()),
        }
    }

    /// Returns what was used from `earlier` to `self`: the server's seconds and this process's.
    pub(crate) fn since(&self, earlier: &CpuTimes) -> Load {
        let difference = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Load {
            server: difference(self.server, earlier.server),
            own: difference(self.own, earlier.own),
        }
    }
}

/// CPU seconds used during a measurement.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// By the server.
    pub(crate) server: Option<f64>,
    /// By this process, the load generator.
    pub(crate) own: Option<f64>,
}

/// Returns the user and system CPU seconds that a process has used.
#[cfg(target_os = "linux")]
fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name in parentheses, may hold anything; utime and stime are the 14th and 15th.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Returns the resident memory of a process, in KiB.
#[cfg(target_os = "linux")]
pub(crate) fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn cpu_seconds(_pid: u32) -> Option<f64> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn resident_kib(_pid: u32) -> Option<u64> {
    None
}

/// Raises the number of files that this process and its children may open to what the system allows, and returns it.
#[cfg(unix)]
pub(crate) fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum.or(limit.current),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    }
}

#[cfg(not(unix))]
pub(crate) fn raise_file_limit() -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory_and_time() {
        let pid = std::process::id();
        assert!(resident_kib(pid).unwrap() > 0);
        let times = CpuTimes::read(Some(pid));
        assert!(times.since(&CpuTimes::default()).server.is_none());
        assert!(CpuTimes::read(Some(pid)).since(&times).server.unwrap() >= 0.0);
    }

    #[test]
    fn a_process_that_is_not_there_has_no_readings() {
        assert_eq!(resident_kib(u32::MAX), None);
        assert_eq!(cpu_seconds(u32::MAX), None);
    }
}
