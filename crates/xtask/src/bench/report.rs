//! Numbers → a table for people and JSON for programs. Knows targets and verdicts; measures nothing.

use serde_json::{Value, json};

use super::events::Cost;
use super::rows::{Measure, Row, Target};
use super::tool::Tool;

/// The samples of one row: for each tool and measure, one a round.
pub struct Columns {
    /// By tool, then by measure.
    pub tools: Vec<Vec<Vec<f64>>>,
    /// By measure; empty where the floor has no counterpart.
    floor: Vec<Vec<f64>>,
    /// Why a tool has no numbers.
    pub failures: Vec<Option<String>>,
}

impl Columns {
    /// No samples yet.
    pub fn new(tools: &[Tool], measures: usize) -> Columns {
        let empty = vec![Vec::new(); measures];
        Columns { tools: vec![empty.clone(); tools.len()], floor: empty, failures: vec![None; tools.len()] }
    }

    /// One round of a tool.
    pub fn push(&mut self, tool: usize, values: Vec<f64>) {
        add(&mut self.tools[tool], values);
    }

    /// One round of the floor.
    pub fn push_floor(&mut self, values: Vec<f64>) {
        add(&mut self.floor, values);
    }
}

fn add(samples: &mut [Vec<f64>], values: Vec<f64>) {
    for (samples, value) in samples.iter_mut().zip(values) {
        samples.push(value);
    }
}

/// The one in the middle.
fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// The middle of the cheaper half: what disturbs a round only makes it dearer.
pub fn lower_median(costs: &[Cost]) -> Option<Cost> {
    let mut sorted = costs.to_vec();
    sorted.sort_by(|a, b| a.per_event.total_cmp(&b.per_event));
    sorted.get(sorted.len() / 4).copied()
}

/// The whole run.
pub struct Report {
    names: Vec<String>,
    quick: bool,
    lines: Vec<Vec<String>>,
    rows: Vec<Value>,
    notes: Vec<String>,
}

impl Report {
    /// An empty table.
    pub fn new(tools: &[Tool], quick: bool) -> Report {
        let names: Vec<String> = tools.iter().map(|tool| tool.name.clone()).collect();
        let mut head = vec!["row".to_string(), "measure".to_string(), "floor".to_string()];
        head.extend(names.iter().cloned());
        head.extend(names.iter().skip(1).map(|name| format!("÷ {}", name.trim_start_matches("bpftrace "))));
        head.extend(["÷ floor".to_string(), "target".to_string(), "verdict".to_string()]);
        Report { names, quick, lines: vec![head], rows: Vec::new(), notes: Vec::new() }
    }

    /// Takes in one row.
    pub fn add(&mut self, row: &Row, columns: &Columns) {
        for (index, measure) in row.measures.iter().enumerate() {
            let tools: Vec<Option<f64>> = columns.tools.iter().map(|tool| median(&tool[index])).collect();
            let floor = median(&columns.floor[index]);
            let verdict = verdict(measure, &tools, floor);
            self.line(row, measure, &tools, floor, verdict);
            let by_tool = self.names.iter().zip(&columns.tools).map(|(name, tool)| (name.clone(), json!(tool[index])));
            self.rows.push(json!({
                "row": row.name, "measure": measure.name, "unit": measure.unit, "target": target(measure),
                "median": self.names.iter().cloned().zip(tools.iter().map(|value| json!(value))).collect::<serde_json::Map<_, _>>(),
                "samples": by_tool.collect::<serde_json::Map<_, _>>(),
                "floor": floor, "met": verdict,
            }));
        }
        let failed = self.names.iter().zip(&columns.failures).filter_map(|(name, why)| Some((name, why.as_ref()?)));
        self.notes.extend(failed.map(|(name, why)| format!("{} failed at `{}`: {why}", name, row.name)));
    }

    fn line(&mut self, row: &Row, measure: &Measure, tools: &[Option<f64>], floor: Option<f64>, met: Option<bool>) {
        let ours = tools[0];
        let against = |other: Option<f64>| ours.zip(other).filter(|(_, other)| *other > 0.0).map(|(ours, other)| ours / other);
        let mut cells = vec![row.name.to_string(), format!("{} {}", measure.name, measure.unit).trim().to_string(), number(floor)];
        cells.extend(tools.iter().map(|value| number(*value)));
        cells.extend(tools[1..].iter().map(|peer| ratio(against(*peer))));
        cells.push(ratio(against(floor)));
        cells.push(target(measure));
        cells.push(met.map_or("", |met| if met { "met" } else { "MISSED" }).to_string());
        self.lines.push(cells);
    }

    /// For people.
    pub fn table(&self) -> String {
        let columns = self.lines[0].len();
        let width = |column: usize| self.lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for line in &self.lines {
            let cells = line
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| if column < 2 { format!("{cell:<width$}") } else { format!("{cell:>width$}") });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        self.notes.iter().for_each(|note| text.push_str(&format!("note: {note}\n")));
        if self.quick {
            text.push_str("note: --quick: few rounds; an impression, no claim\n");
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> String {
        let report = json!({ "tools": self.names, "quick": self.quick, "rows": self.rows, "notes": self.notes });
        format!("{report:#}\n")
    }
}

/// `None`: there is no target, or not what it needs.
fn verdict(measure: &Measure, tools: &[Option<f64>], floor: Option<f64>) -> Option<bool> {
    let ours = tools[0]?;
    let newest = tools.len().checked_sub(1).filter(|last| *last > 0).and_then(|last| tools[last]);
    match measure.target {
        Target::Peer(part) => newest.map(|peer| ours <= peer * part),
        Target::Floor(times) => floor.map(|floor| ours <= floor * times),
        Target::AtMost(most) => Some(ours <= most),
        Target::None => None,
    }
}

fn target(measure: &Measure) -> String {
    match measure.target {
        Target::Peer(part) if part < 1.0 => format!("≤ 1/{:.0} peer", 1.0 / part),
        Target::Peer(part) => format!("≤ {part:.1} peer"),
        Target::Floor(times) => format!("≤ {times} floor"),
        Target::AtMost(most) => format!("≤ {most:.0}"),
        Target::None => String::new(),
    }
}

fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_string(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

/// Below one as a fraction: `1/20` reads better than `0.05`.
fn ratio(value: Option<f64>) -> String {
    match value {
        None => "-".to_string(),
        Some(value) if value > 0.0 && value < 0.5 => format!("1/{:.1}", 1.0 / value),
        Some(value) => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(target: Target, tools: &[Option<f64>], floor: Option<f64>) -> Option<bool> {
        verdict(&Measure { name: "wall", unit: "ms", target }, tools, floor)
    }

    #[test]
    fn a_verdict_is_against_the_newest_peer() {
        let tools = [Some(10.0), Some(50.0), Some(205.0)];
        assert_eq!(judge(Target::Peer(1.0 / 20.0), &tools, None), Some(true));
        assert_eq!(judge(Target::Peer(1.0 / 21.0), &tools, None), Some(false));
        assert_eq!(judge(Target::Peer(1.0), &tools[..1], None), None);
        assert_eq!(judge(Target::Floor(1.1), &tools, Some(9.0)), Some(false));
        assert_eq!(judge(Target::AtMost(60.0), &[None], None), None);
    }

    #[test]
    fn small_ratios_read_as_fractions() {
        assert_eq!([ratio(Some(0.05)), ratio(Some(0.9)), ratio(None)], ["1/20.0", "0.90", "-"]);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    }
}
