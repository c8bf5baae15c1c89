//! Arithmetic, parsing and formatting with jiff, and the time of the step.

use crate::desk;
use jiff::{
    Span, Timestamp, ToSpan, Unit, Zoned,
    civil::{Date, DateTime, Weekday, date},
    tz::TimeZone,
};
use workflow_runtime::prelude::*;

pub mod trial_end {
    use super::*;

    #[workflow]
    pub async fn trial_end(days: i64) -> Result<String, WorkflowError> {
        let end = now().checked_add(jiff::SignedDuration::from_hours(24 * days))?;
        sleep_until(end).await?;
        Ok(end.to_string())
    }
}

pub mod patience {
    use super::*;

    #[workflow]
    pub async fn patience(limit: i64) -> Result<u32, WorkflowError> {
        let began = now();
        let mut asked = 0;
        while now().duration_since(began).as_secs() < limit {
            asked += 1;
            if desk::ask("ready?").await? == "yes" {
                break;
            }
            sleep(minutes(1)).await?;
        }
        Ok(asked)
    }
}

pub mod in_new_york {
    use super::*;

    #[workflow]
    pub async fn in_new_york(at: Timestamp) -> Result<String, WorkflowError> {
        let zoned = at.to_zoned(TimeZone::fixed(jiff::tz::offset(-5))).checked_add(1.month().hours(2))?;
        desk::store("at", &zoned.to_string()).await?;
        Ok(zoned.timestamp().to_string())
    }
}

pub mod monthly {
    use super::*;

    #[workflow]
    pub async fn monthly(from: Date) -> Result<Vec<Date>, WorkflowError> {
        let mut firsts = vec![];
        for day in from.series(1.month()).take(12).collect::<Vec<_>>() {
            firsts.push(day.first_of_month());
            desk::store("month", &day.strftime("%B %Y").to_string()).await?;
        }
        Ok(firsts)
    }
}

pub mod rounded {
    use super::*;

    #[workflow]
    pub async fn rounded(worked: Vec<(DateTime, DateTime)>) -> Result<i64, WorkflowError> {
        let mut minutes = 0;
        for (from, to) in worked {
            let span: Span = (to - from).round(Unit::Minute)?;
            minutes += span.get_hours() as i64 * 60 + span.get_minutes();
            desk::store("worked", &format!("{span:#}")).await?;
        }
        Ok(minutes)
    }
}

pub mod payday {
    use super::*;

    fn friday(day: Date) -> Result<Date, jiff::Error> {
        if day.weekday() == Weekday::Friday { Ok(day) } else { day.nth_weekday(-1, Weekday::Friday) }
    }

    #[workflow]
    pub async fn payday(year: i16) -> Result<Vec<Date>, WorkflowError> {
        let mut days = vec![];
        for month in 1..=12 {
            days.push(friday(date(year, month, 1).last_of_month())?);
        }
        desk::store("paydays", &days.len().to_string()).await?;
        Ok(days)
    }
}

pub mod parsed_zone {
    use super::*;

    #[workflow]
    pub async fn parsed_zone(text: String) -> Result<bool, WorkflowError> {
        let zoned: Zoned = Zoned::strptime("%Y-%m-%d %H:%M %z", &text)?;
        desk::store("zoned", &zoned.date().to_string()).await?;
        Ok(zoned.date() < date(2025, 1, 1) && zoned.hour() > 12)
    }
}

pub mod since_last_year {
    use super::*;

    #[workflow]
    pub async fn since_last_year(started: Timestamp) -> Result<i32, WorkflowError> {
        let at = now();
        desk::ask("may I").await?;
        let span = started.until((Unit::Hour, at))?;
        Ok(span.get_hours())
    }
}
