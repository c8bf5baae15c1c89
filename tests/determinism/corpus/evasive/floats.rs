//! Functions whose last digits come from the platform.

use crate::note;
use workflow_runtime::prelude::*;

/// WF013: a method on a literal's type
pub mod float_method {
    use super::*;

    #[workflow]
    pub async fn float_method(x: f64) -> Result<f64, WorkflowError> {
        let y = (x * 2.0).sin();
        note("y").await?;
        Ok(y)
    }
}

/// WF013: a function that is passed on
pub mod float_passed {
    use super::*;

    #[workflow]
    pub async fn float_passed(xs: Vec<f64>) -> Result<f64, WorkflowError> {
        let sum = xs.into_iter().map(f64::exp).sum();
        note("sum").await?;
        Ok(sum)
    }
}

/// WF013: a helper
pub mod float_helper {
    use super::*;

    fn growth(rate: f64, years: f64) -> f64 {
        (1.0 + rate).powf(years)
    }

    #[workflow]
    pub async fn float_helper(rate: f64, years: f64) -> Result<f64, WorkflowError> {
        let y = growth(rate, years);
        note("y").await?;
        Ok(y)
    }
}

/// WF013: another crate
pub mod float_other_crate {
    use super::*;

    #[workflow]
    pub async fn float_other_crate(x: f64, y: f64) -> Result<f64, WorkflowError> {
        let angle = shared::geometry::angle(x, y);
        note("angle").await?;
        Ok(angle)
    }
}

/// WF013: an operator of a helper type
pub mod float_operator {
    use super::*;
    use shared::geometry::Log;

    #[workflow]
    pub async fn float_operator(x: f64, y: f64) -> Result<f64, WorkflowError> {
        let product = (Log(x) * Log(y)).0;
        note("product").await?;
        Ok(product)
    }
}

/// WF013: a function pointer in a table
pub mod float_table {
    use super::*;

    static CURVES: [(&str, fn(f64) -> f64); 3] = [("tanh", f64::tanh), ("root", f64::sqrt), ("cube root", f64::cbrt)];

    #[workflow]
    pub async fn float_table(name: String, x: f64) -> Result<f64, WorkflowError> {
        let y = CURVES.iter().find(|(n, _)| *n == name).map_or(0.0, |(_, f)| f(x));
        note(&name).await?;
        Ok(y)
    }
}

/// WF013: a generic function over a trait
pub mod float_generic {
    use super::*;

    pub trait Curve {
        fn at(&self, x: f32) -> f32;
    }

    pub struct Decay(f32);

    impl Curve for Decay {
        fn at(&self, x: f32) -> f32 {
            (-x / self.0).exp2()
        }
    }

    fn area(curve: &dyn Curve) -> f32 {
        (0..10).map(|x| curve.at(x as f32)).sum()
    }

    #[workflow]
    pub async fn float_generic(half: f32) -> Result<f32, WorkflowError> {
        let area = area(&Decay(half));
        note("area").await?;
        Ok(area)
    }
}

/// WF013: a macro of one's own
pub mod float_macro {
    use super::*;

    macro_rules! decibel {
        ($x:expr) => {
            10.0 * f64::log10($x)
        };
    }

    #[workflow]
    pub async fn float_macro(x: f64) -> Result<f64, WorkflowError> {
        let y = decibel!(x);
        note("y").await?;
        Ok(y)
    }
}

/// WF013: a distance, in a closure
pub mod float_hypot {
    use super::*;

    #[workflow]
    pub async fn float_hypot(points: Vec<(f64, f64)>) -> Result<f64, WorkflowError> {
        let longest = points.iter().map(|(x, y)| x.hypot(*y)).fold(0.0, f64::max);
        note("longest").await?;
        Ok(longest)
    }
}
