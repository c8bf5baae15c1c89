//! Arithmetic, parsing and formatting with the crate `time`.

use crate::desk;
use time::{
    Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset, Weekday,
    macros::{date, datetime, format_description},
};
use workflow_runtime::prelude::*;

pub mod warranty {
    use super::*;

    #[workflow]
    pub async fn warranty(bought: OffsetDateTime) -> Result<i64, WorkflowError> {
        let until = bought + Duration::days(730);
        desk::store("warranty", &until.unix_timestamp().to_string()).await?;
        Ok((until - bought).whole_hours())
    }
}

pub mod release_train {
    use super::*;

    #[workflow]
    pub async fn release_train(weeks: u8) -> Result<Vec<Date>, WorkflowError> {
        let mut day = date!(2024 - 01 - 01);
        let mut trains = vec![];
        for _ in 0..weeks {
            day += Duration::weeks(6);
            while day.weekday() != Weekday::Thursday {
                day = day.next_day().ok_or_else(|| WorkflowError::msg("the end of time"))?;
            }
            trains.push(day);
            desk::store("train", &day.to_string()).await?;
        }
        Ok(trains)
    }
}

pub mod formatted {
    use super::*;

    #[workflow]
    pub async fn formatted(at: PrimitiveDateTime) -> Result<String, WorkflowError> {
        let form = format_description!("[year]-[month]-[day] [hour]:[minute]");
        let text = at.format(&form)?;
        desk::store("at", &text).await?;
        Ok(text)
    }
}

pub mod parsed {
    use super::*;

    #[workflow]
    pub async fn parsed(rows: Vec<String>) -> Result<u32, WorkflowError> {
        let form = format_description!("[year]-[month]-[day]");
        let mut december = 0;
        for row in &rows {
            let day = Date::parse(row, &form)?;
            december += u32::from(day.month() == Month::December);
        }
        desk::store("december", &december.to_string()).await?;
        Ok(december)
    }
}

pub mod night_shift {
    use super::*;

    #[workflow]
    pub async fn night_shift(began: OffsetDateTime, ended: OffsetDateTime) -> Result<f64, WorkflowError> {
        let east = UtcOffset::from_hms(2, 0, 0)?;
        let (began, ended) = (began.to_offset(east), ended.to_offset(east));
        sleep(seconds(10)).await?;
        let night = began.time() >= Time::from_hms(22, 0, 0)? || ended.time() <= Time::from_hms(6, 0, 0)?;
        Ok((ended - began).as_seconds_f64() * if night { 1.25 } else { 1.0 })
    }
}

pub mod cut_off {
    use super::*;

    #[workflow]
    pub async fn cut_off(orders: Vec<OffsetDateTime>) -> Result<(usize, usize), WorkflowError> {
        let cut = datetime!(2024-03-31 18:00 UTC);
        let (today, later): (Vec<_>, Vec<_>) = orders.into_iter().partition(|o| *o < cut);
        desk::store("today", &today.len().to_string()).await?;
        Ok((today.len(), later.len()))
    }
}
