//! Arithmetic, parsing and formatting with chrono: billing periods, due dates, ages.

use crate::desk;
use chrono::{
    DateTime, Datelike, Duration, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
    Weekday,
};
use workflow_runtime::prelude::*;

pub mod invoice_due {
    use super::*;

    #[workflow]
    pub async fn invoice_due(issued: DateTime<Utc>, days: i64) -> Result<String, WorkflowError> {
        let due = issued + Duration::days(days);
        desk::store("due", &due.to_rfc3339()).await?;
        Ok(due.format("%Y-%m-%d").to_string())
    }
}

pub mod billing_periods {
    use super::*;

    #[workflow]
    pub async fn billing_periods(first: NaiveDate, months: u32) -> Result<Vec<NaiveDate>, WorkflowError> {
        let mut ends = vec![];
        let mut from = first;
        for month in 1..=months {
            let to = first.checked_add_months(Months::new(month)).unwrap_or(first);
            desk::store("period", &format!("{from} to {to}, {} days", (to - from).num_days())).await?;
            ends.push(to);
            from = to;
        }
        Ok(ends)
    }
}

pub mod business_days {
    use super::*;

    fn next(day: NaiveDate) -> NaiveDate {
        let mut day = day;
        loop {
            day += TimeDelta::days(1);
            if !matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
                return day;
            }
        }
    }

    #[workflow]
    pub async fn business_days(from: NaiveDate, n: u32) -> Result<NaiveDate, WorkflowError> {
        let mut day = from;
        for _ in 0..n {
            day = next(day);
            sleep(days(1)).await?;
        }
        Ok(day)
    }
}

pub mod age_check {
    use super::*;

    #[workflow]
    pub async fn age_check(born: NaiveDate, on: NaiveDate) -> Result<bool, WorkflowError> {
        let age = on.years_since(born).unwrap_or(0);
        if age < 18 {
            desk::mail("desk@example.com", &format!("{age} is too young")).await?;
        }
        Ok(age >= 18)
    }
}

pub mod parse_a_report {
    use super::*;

    #[workflow]
    pub async fn parse_a_report(rows: Vec<String>) -> Result<i64, WorkflowError> {
        let mut seconds = 0;
        for row in rows {
            let Some((from, to)) = row.split_once(';') else { continue };
            let from = NaiveDateTime::parse_from_str(from, "%Y-%m-%d %H:%M:%S")?;
            let to = NaiveDateTime::parse_from_str(to, "%Y-%m-%d %H:%M:%S")?;
            seconds += to.signed_duration_since(from).num_seconds();
            desk::store("row", &seconds.to_string()).await?;
        }
        Ok(seconds)
    }
}

pub mod of_the_engine {
    use super::*;

    /// The time of the step, as chrono has it.
    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(now().as_second(), 0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    #[workflow]
    pub async fn of_the_engine(limit: i64) -> Result<bool, WorkflowError> {
        let began = at();
        desk::ask("how long").await?;
        Ok((at() - began).num_seconds() > limit)
    }
}

pub mod opening_hours {
    use super::*;

    #[workflow]
    pub async fn opening_hours(visits: Vec<DateTime<Utc>>) -> Result<usize, WorkflowError> {
        let open = NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default();
        let close = NaiveTime::from_hms_opt(17, 30, 0).unwrap_or_default();
        let inside = visits.iter().filter(|v| (open..close).contains(&v.time()) && v.minute() < 30).count();
        desk::store("visits", &inside.to_string()).await?;
        Ok(inside)
    }
}

pub mod zone_of_the_customer {
    use super::*;
    use chrono::FixedOffset;

    #[workflow]
    pub async fn zone_of_the_customer(at: DateTime<Utc>, hours_east: i32) -> Result<String, WorkflowError> {
        let zone = FixedOffset::east_opt(hours_east * 3_600).unwrap_or(FixedOffset::east_opt(0).expect("zero"));
        let local = at.with_timezone(&zone);
        desk::mail("ann@example.com", &local.to_rfc2822()).await?;
        Ok(local.format("%A, %d %B %Y %H:%M %z").to_string())
    }
}

pub mod quarter {
    use super::*;

    #[workflow]
    pub async fn quarter(year: i32, quarter: u32) -> Result<(NaiveDate, NaiveDate), WorkflowError> {
        let first =
            NaiveDate::from_ymd_opt(year, quarter * 3 - 2, 1).ok_or_else(|| WorkflowError::msg("no such quarter"))?;
        let last = (first + Months::new(3)).pred_opt().ok_or_else(|| WorkflowError::msg("the end of time"))?;
        desk::store("quarter", &format!("{}/{}", first.iso_week().week(), last.ordinal())).await?;
        Ok((first, last))
    }
}

pub mod expiry_in_a_struct {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub struct Licence {
        holder: String,
        until: DateTime<Utc>,
    }

    impl Licence {
        fn elapsed(&self, at: DateTime<Utc>) -> bool {
            self.until < at
        }
    }

    #[workflow]
    pub async fn expiry_in_a_struct(licence: Licence) -> Result<String, WorkflowError> {
        let epoch = Utc.with_ymd_and_hms(2024, 2, 29, 12, 0, 0).single().unwrap_or_default();
        while !licence.elapsed(epoch) {
            sleep(weeks(1)).await?;
            if desk::count(&licence.holder).await? > 3 {
                break;
            }
        }
        Ok(licence.holder)
    }
}
