//! Functions of the platform's mathematics.

use std::ops::Mul;

pub fn angle(x: f64, y: f64) -> f64 {
    y.atan2(x)
}

/// A number by its logarithm.
pub struct Log(pub f64);

impl Mul for Log {
    type Output = Log;

    fn mul(self, other: Log) -> Log {
        Log((self.0.ln() + other.0.ln()).exp())
    }
}
