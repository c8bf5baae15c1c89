//! Constants, statics that cannot change, lookup tables, compile-time values.

use crate::desk;
use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

pub mod postage {
    use super::*;

    const ZONES: &[(&str, u32)] = &[("DE", 399), ("FR", 899), ("US", 1_999)];

    #[workflow]
    pub async fn postage(country: String, parcels: u32) -> Result<u32, WorkflowError> {
        let each = ZONES.iter().find(|(c, _)| *c == country).map_or(2_499, |(_, cents)| *cents);
        desk::store("postage", &each.to_string()).await?;
        Ok(each * parcels)
    }
}

pub mod crc {
    use super::*;

    const fn table() -> [u32; 256] {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let mut c = i as u32;
            let mut k = 0;
            while k < 8 {
                c = if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
                k += 1;
            }
            table[i] = c;
            i += 1;
        }
        table
    }

    static TABLE: [u32; 256] = table();

    fn sum(text: &str) -> u32 {
        !text.bytes().fold(!0u32, |c, b| TABLE[((c ^ u32::from(b)) & 0xff) as usize] ^ (c >> 8))
    }

    #[workflow]
    pub async fn crc(parts: Vec<String>) -> Result<Vec<u32>, WorkflowError> {
        let mut sums = vec![];
        for part in &parts {
            sums.push(sum(&desk::fetch(part).await?));
        }
        Ok(sums)
    }
}

pub mod fee_schedule {
    use super::*;

    pub struct Fee {
        pub from: u64,
        pub percent: u64,
    }

    pub static SCHEDULE: [Fee; 3] =
        [Fee { from: 0, percent: 5 }, Fee { from: 10_000, percent: 3 }, Fee { from: 100_000, percent: 1 }];

    #[workflow]
    pub async fn fee_schedule(sums: Vec<u64>) -> Result<u64, WorkflowError> {
        let mut fees = 0;
        for sum in sums {
            let fee = SCHEDULE.iter().rfind(|f| f.from <= sum).map_or(0, |f| sum * f.percent / 100);
            desk::store("fee", &fee.to_string()).await?;
            fees += fee;
        }
        Ok(fees)
    }
}

pub mod state_table {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    pub enum State {
        Draft,
        Review,
        Live,
        Gone,
    }

    static MOVES: &[(State, &str, State)] = &[
        (State::Draft, "submit", State::Review),
        (State::Review, "accept", State::Live),
        (State::Review, "reject", State::Draft),
        (State::Live, "retire", State::Gone),
    ];

    const COMMAND: Signal<String> = Signal::new("state-table-command");

    #[workflow]
    pub async fn state_table() -> Result<u32, WorkflowError> {
        let (mut state, mut refused) = (State::Draft, 0);
        while state != State::Gone {
            let command = COMMAND.recv().await?;
            match MOVES.iter().find(|(from, c, _)| *from == state && *c == command) {
                Some((_, _, to)) => state = *to,
                None => refused += 1,
            }
            set_status(&state);
        }
        Ok(refused)
    }
}

pub mod of_the_package {
    use super::*;

    const FORMAT: &str = concat!("report", "-", 1, ".", 2);
    const LIMITS: [u32; 2] = [if cfg!(target_pointer_width = "64") { 64 } else { 32 }, u8::MAX as u32];

    #[workflow]
    pub async fn of_the_package(id: u64) -> Result<u32, WorkflowError> {
        desk::store(FORMAT, &id.to_string()).await?;
        Ok(LIMITS[1] - LIMITS[0] / LIMITS[0])
    }
}

pub mod holidays {
    use super::*;

    static HOLIDAYS: [(u8, u8); 4] = [(1, 1), (5, 1), (10, 3), (12, 25)];
    static NAMES: &[&str] = &["new year", "labour day", "unity day", "christmas"];

    #[workflow]
    pub async fn holidays(days: Vec<(u8, u8)>) -> Result<Vec<String>, WorkflowError> {
        let mut found = vec![];
        for day in &days {
            if let Some(at) = HOLIDAYS.iter().position(|h| h == day) {
                desk::mail("all@example.com", NAMES[at]).await?;
                found.push(NAMES[at].to_owned());
            }
        }
        Ok(found)
    }
}

pub mod generic_constants {
    use super::*;

    fn windows<const N: usize>(all: &[i64]) -> Vec<[i64; N]> {
        all.windows(N).filter_map(|w| w.try_into().ok()).collect()
    }

    #[workflow]
    pub async fn generic_constants(samples: Vec<i64>) -> Result<Vec<i64>, WorkflowError> {
        let smooth = windows::<3>(&samples).iter().map(|[a, b, c]| (a + b + c) / 3).collect::<Vec<_>>();
        desk::store("smooth", &smooth.len().to_string()).await?;
        Ok(smooth)
    }
}
