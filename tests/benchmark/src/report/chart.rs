//! A picture of what a history costs: the time to go on after a kill, and a step, against the number of steps before.

use super::{Figure, Peers};
use crate::Failure;
use std::{collections::BTreeMap, fmt::Write as _, path::Path};

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
const COLOURS: [&str; 5] = ["#0b5fa5", "#b3401e", "#3c7d3c", "#7a4fa0", "#7f7f7f"];

/// Points of one engine, by the length of the history.
type Curve = (String, BTreeMap<u64, f64>);

/// Draws both curves from the JSON lines of a run, beside the figures of other engines.
pub(crate) fn draw(measured: &Path, picture: &Path) -> Result<(), Failure> {
    let lines = std::fs::read_to_string(measured)?;
    let ours: Vec<Figure> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let peers = Peers::measured()?;
    let mut all = vec![("this engine".to_owned(), ours)];
    all.extend(peers.peers.into_iter().map(|p| (p.name, p.figures)));
    let recovery = curves(&all, |f| (f.metric == "recover_ms").then(|| length(&f.workload)).flatten());
    let cost = curves(&all, |f| {
        length(&f.workload).and_then(|_| f.metric.strip_prefix("us_per_step_at_")?.parse::<u64>().ok())
    });
    if recovery.is_empty() || cost.is_empty() {
        return Err(format!("{} holds no figures of w3", measured.display()).into());
    }
    let mut svg = String::new();
    let (width, height) = (2.0 * (WIDTH + LEFT) + 40.0, TOP + HEIGHT + 70.0 + 18.0 * all.len() as f64);
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="12">"#
    )?;
    writeln!(svg, r#"<rect width="{width}" height="{height}" fill="white"/>"#)?;
    panel(&mut svg, 0.0, "killed while it waits: ms to go on", &recovery, &all)?;
    panel(&mut svg, WIDTH + LEFT + 20.0, "one more step: microseconds", &cost, &all)?;
    for (n, (name, _)) in all.iter().enumerate() {
        let y = TOP + HEIGHT + 60.0 + 18.0 * n as f64;
        let colour = COLOURS[n % COLOURS.len()];
        writeln!(svg, r#"<rect x="{LEFT}" y="{}" width="12" height="12" fill="{colour}"/>"#, y - 10.0)?;
        writeln!(svg, r#"<text x="{}" y="{y}">{name}</text>"#, LEFT + 20.0)?;
    }
    writeln!(svg, "</svg>")?;
    std::fs::write(picture, svg)?;
    Ok(())
}

/// The length of the history in the name of a workload.
fn length(workload: &str) -> Option<u64> {
    workload.strip_prefix("w3-")?.parse().ok()
}

fn curves(all: &[(String, Vec<Figure>)], at: impl Fn(&Figure) -> Option<u64>) -> Vec<Curve> {
    let curve = |(name, figures): &(String, Vec<Figure>)| {
        let points: BTreeMap<u64, f64> = figures.iter().filter_map(|f| Some((at(f)?, f.value))).collect();
        (!points.is_empty()).then(|| (name.clone(), points))
    };
    all.iter().filter_map(curve).collect()
}

/// The power of ten at or below, and at or above.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    let (low, high) = (low.max(1e-3).log10().floor(), high.max(1e-3).log10().ceil());
    (low, if high > low { high } else { low + 1.0 })
}

/// One diagram with logarithmic axes.
fn panel(
    svg: &mut String,
    x0: f64,
    title: &str,
    curves: &[Curve],
    all: &[(String, Vec<Figure>)],
) -> Result<(), Failure> {
    let points = || curves.iter().flat_map(|(_, points)| points.iter());
    let (x_low, x_high) = decades(points().map(|(n, _)| *n as f64));
    let (y_low, y_high) = decades(points().map(|(_, v)| *v));
    let x = |n: f64| x0 + LEFT + (n.log10() - x_low) / (x_high - x_low) * WIDTH;
    let y = |v: f64| TOP + HEIGHT - (v.max(1e-3).log10() - y_low) / (y_high - y_low) * HEIGHT;
    writeln!(svg, r#"<text x="{}" y="20" font-weight="bold">{title}</text>"#, x0 + LEFT)?;
    for decade in (x_low as i32)..=(x_high as i32) {
        let at = x(10f64.powi(decade));
        writeln!(svg, r##"<path d="M{at:.1} {TOP}V{:.1}" stroke="#ddd"/>"##, TOP + HEIGHT)?;
        writeln!(
            svg,
            r#"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            TOP + HEIGHT + 18.0,
            10f64.powi(decade)
        )?;
    }
    for decade in (y_low as i32)..=(y_high as i32) {
        let at = y(10f64.powi(decade));
        writeln!(svg, r##"<path d="M{:.1} {at:.1}H{:.1}" stroke="#ddd"/>"##, x0 + LEFT, x0 + LEFT + WIDTH)?;
        writeln!(
            svg,
            r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            x0 + LEFT - 8.0,
            at + 4.0,
            10f64.powi(decade)
        )?;
    }
    let (middle, below) = (x0 + LEFT + WIDTH / 2.0, TOP + HEIGHT + 36.0);
    writeln!(svg, r#"<text x="{middle:.1}" y="{below:.1}" text-anchor="middle">steps in the history</text>"#)?;
    for (name, points) in curves {
        let n = all.iter().position(|(other, _)| other == name).unwrap_or(0);
        let colour = COLOURS[n % COLOURS.len()];
        let line: Vec<String> = points.iter().map(|(n, v)| format!("{:.1},{:.1}", x(*n as f64), y(*v))).collect();
        writeln!(svg, r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#, line.join(" "))?;
        for point in line {
            let (x, y) = point.split_once(',').unwrap_or_default();
            writeln!(svg, r#"<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>"#)?;
        }
    }
    Ok(())
}
