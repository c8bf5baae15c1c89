//! Money and measures: decimals, integers, floats with what is exact everywhere.

use crate::desk;
use rust_decimal::{
    Decimal, RoundingStrategy,
    prelude::{FromPrimitive, FromStr, ToPrimitive},
};
use serde::{Deserialize, Serialize};
use workflow_runtime::prelude::*;

pub mod value_added_tax {
    use super::*;

    #[workflow]
    pub async fn value_added_tax(id: u64, percent: Decimal) -> Result<Decimal, WorkflowError> {
        let order = desk::order(id).await?;
        let mut net = Decimal::ZERO;
        for line in &order.lines {
            net += Decimal::new(line.cents as i64, 2) * Decimal::from(line.quantity);
        }
        let gross = net
            + (net * percent / Decimal::ONE_HUNDRED).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        desk::store("gross", &gross.to_string()).await?;
        Ok(gross)
    }
}

pub mod instalments {
    use super::*;

    #[workflow]
    pub async fn instalments(sum: Decimal, months: u32) -> Result<Vec<Decimal>, WorkflowError> {
        let each = (sum / Decimal::from(months)).trunc_with_scale(2);
        let mut rest = sum;
        let mut paid = vec![];
        for month in 1..=months {
            let part = if month == months { rest } else { each };
            desk::store("instalment", &part.to_string()).await?;
            rest -= part;
            paid.push(part);
            sleep(days(30)).await?;
        }
        Ok(paid)
    }
}

pub mod compound_interest {
    use super::*;

    #[workflow]
    pub async fn compound_interest(start: String, rate: String, years: u32) -> Result<String, WorkflowError> {
        let mut sum = Decimal::from_str(&start)?;
        let rate = Decimal::from_str(&rate)?;
        for _ in 0..years {
            sum = (sum * (Decimal::ONE + rate)).round_dp(4);
            sleep(days(365)).await?;
        }
        Ok(sum.normalize().to_string())
    }
}

pub mod exchange {
    use super::*;

    #[workflow]
    pub async fn exchange(cents: u64) -> Result<Option<u64>, WorkflowError> {
        let rate = desk::ask("1.0834").await?;
        let rate: Decimal = rate.parse()?;
        if rate.is_zero() {
            return Ok(None);
        }
        let there = Decimal::from_u64(cents).ok_or_else(|| WorkflowError::msg("too much"))? * rate;
        desk::store("rate", &rate.to_string()).await?;
        Ok(there.round().to_u64())
    }
}

pub mod split_the_bill {
    use super::*;

    #[workflow]
    pub async fn split_the_bill(cents: u64, names: Vec<String>) -> Result<Vec<(String, u64)>, WorkflowError> {
        let n = names.len() as u64;
        let mut parts = vec![];
        for (i, name) in names.into_iter().enumerate() {
            let part = cents / n + u64::from((i as u64) < cents % n);
            desk::mail(&name, &format!("you owe {part}")).await?;
            parts.push((name, part));
        }
        Ok(parts)
    }
}

pub mod mean_and_deviation {
    use super::*;

    #[workflow]
    pub async fn mean_and_deviation(samples: Vec<f64>) -> Result<(f64, f64), WorkflowError> {
        desk::store("samples", &samples.len().to_string()).await?;
        let n = samples.len() as f64;
        let mean = samples.iter().sum::<f64>() / n;
        let variance = samples.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / n;
        Ok((mean, variance.sqrt()))
    }
}

pub mod distances {
    use super::*;

    #[derive(Clone, Copy, Serialize, Deserialize)]
    pub struct Point {
        x: f64,
        y: f64,
    }

    impl std::ops::Sub for Point {
        type Output = Point;

        fn sub(self, other: Point) -> Point {
            Point { x: self.x - other.x, y: self.y - other.y }
        }
    }

    #[workflow]
    pub async fn distances(route: Vec<Point>) -> Result<f64, WorkflowError> {
        let mut length = 0.0;
        for pair in route.windows(2) {
            let d = pair[1] - pair[0];
            length += (d.x * d.x + d.y * d.y).sqrt();
            desk::store("so far", &format!("{length:.3}")).await?;
        }
        Ok((length * 1_000.0).round() / 1_000.0)
    }
}

pub mod clamped {
    use super::*;

    #[workflow]
    pub async fn clamped(readings: Vec<f32>) -> Result<u8, WorkflowError> {
        let mut worst = 0.0f32;
        for r in readings {
            let r = r.clamp(0.0, 100.0);
            if r.is_finite() && r.total_cmp(&worst).is_gt() {
                worst = r;
                desk::store("worst", &format!("{worst}")).await?;
            }
        }
        Ok(worst.ceil() as u8 + worst.mul_add(0.5, 1.0).floor().abs().min(2.0) as u8)
    }
}

pub mod basis_points {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    pub struct Points(i64);

    impl std::ops::Mul<Points> for i64 {
        type Output = i64;

        fn mul(self, points: Points) -> i64 {
            self * points.0 / 10_000
        }
    }

    #[workflow]
    pub async fn basis_points(cents: i64, fees: Vec<Points>) -> Result<i64, WorkflowError> {
        let mut left = cents;
        for fee in fees.iter().copied() {
            left -= cents * fee;
            desk::store("fee", &format!("{fee:?}")).await?;
        }
        Ok(left.max(0))
    }
}

pub mod powers {
    use super::*;

    #[workflow]
    pub async fn powers(base: f64, n: i32, m: u32) -> Result<(u64, f64), WorkflowError> {
        sleep(millis(5)).await?;
        let mut power = 1.0;
        for _ in 0..n {
            power *= base;
        }
        Ok((3u64.saturating_pow(m), power.trunc().to_degrees().signum()))
    }
}
