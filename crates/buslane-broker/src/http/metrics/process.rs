//! Figures of the broker as a whole, and of its process as far as this system tells them.

use super::{MILLIS_PER_SECOND, Metric, metrics};

/// What the process uses, as the system sees it.
pub(super) struct Usage {
    memory_bytes: u64,
    cpu_seconds: f64,
}

impl Usage {
    /// Asks the system; `None` if it does not tell.
    pub(super) fn look() -> Option<Usage> {
        let id = sysinfo::get_current_pid().ok()?;
        let mut system = sysinfo::System::new();
        let kind = sysinfo::ProcessRefreshKind::nothing().with_memory().with_cpu();
        system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::Some(&[id]), false, kind);
        let process = system.process(id)?;
        Some(Usage {
            memory_bytes: process.memory(),
            cpu_seconds: process.accumulated_cpu_time() as f64 / MILLIS_PER_SECOND,
        })
    }
}

pub(super) const METRICS: &[Metric] = metrics! {
    Gauge "build_info" ["version", "node"] "Always 1; the labels tell the broker's version and its name." =>
        |now, out| out.labelled(&[env!("CARGO_PKG_VERSION"), now.node.as_str()], 1);
    Gauge "start_time_seconds" [] "Unix time of the start." =>
        |now, out| out.value(now.start_time_seconds);
    Gauge "uptime_seconds" [] "Time since the start." =>
        |now, out| out.value(now.uptime_seconds);
    Gauge "draining" [] "1 while the broker finishes what it has and takes nothing new, else 0." =>
        |now, out| out.value(u8::from(now.is_draining));
    Gauge "process_resident_bytes" [] "Memory in use as the system sees it; missing where it does not tell." =>
        |now, out| out.known(now.process.as_ref().map(|usage| usage.memory_bytes));
    Counter "process_cpu_seconds_total" [] "Processor time used; missing where the system does not tell." =>
        |now, out| out.known(now.process.as_ref().map(|usage| usage.cpu_seconds));
};
