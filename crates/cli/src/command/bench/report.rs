//! What a run has found, for people and for programs.

use serde_json::{Map, Value, json};

use super::metric::Metric;
use super::results::{Figure, OURS, Results, Row, Verdict};
use super::target::Target;
use crate::exit::Failure;
use crate::output::Output;

/// A machine with so many processes that want to run, for each core, is busy:
/// driver and server alone are one each.
const LOAD_MAX: f64 = 1.2;

/// What is said beside the numbers.
#[derive(Debug)]
pub(super) struct Circumstances {
    pub(super) machine: Value,
    /// The version of our server.
    pub(super) version: Option<String>,
    pub(super) cores: usize,
    pub(super) load_before: Option<f64>,
    pub(super) load_after: Option<f64>,
    pub(super) rounds: usize,
    pub(super) users: usize,
    pub(super) events: usize,
}

/// Prints a table.
///
/// # Errors
/// If nobody takes it.
pub(super) fn table(
    results: &Results,
    targets: &[Target],
    circumstances: &Circumstances,
    output: &mut Output,
) -> Result<(), Failure> {
    let peers: Vec<&str> = targets.iter().skip(1).map(Target::name).collect();
    let mut rows = vec![heading(&peers)];
    let mut misses = Vec::new();
    for (row, figures) in results.rows() {
        let mut cells = vec![
            row.metric.card().workload.to_owned(),
            name_of(row),
            row.metric.card().unit.to_owned(),
            figures.get(OURS).map_or_else(none, cell_of),
        ];
        for peer in &peers {
            let figure = figures.get(peer).and_then(Figure::median);
            let ratio = results.comparison(row, peer);
            cells.push(match (figure, ratio) {
                (Some(value), Some(ratio)) => format!("{} ({:.2}x)", short(value), ratio.better),
                (Some(value), None) => short(value),
                (None, _) => none(),
            });
            if let Some(ratio) = ratio.filter(|ratio| ratio.is_met() == Some(false)) {
                misses.push(format!(
                    "{}: {:.2}x as good as {peer}, and {:.2}x was wanted",
                    name_of(row),
                    ratio.better,
                    ratio.wanted.unwrap_or_default()
                ));
            }
        }
        let limits = results.limits(row);
        cells.push(limits.map_or_else(none, |limits| short(limits.must)));
        cells.push(limits.map_or_else(none, |limits| short(limits.goal)));
        let verdict = results.verdict(row);
        cells.push(verdict.map_or("", Verdict::word).to_owned());
        rows.push(cells);
    }
    lines(&rows, output)?;
    output.line("")?;
    if !peers.is_empty() {
        output.line("In parentheses beside a peer's number: how many times better ours is.")?;
    }
    for miss in misses {
        output.line(&miss)?;
    }
    output.line(&circumstances.sentence(targets))
}

/// The same as one object.
pub(super) fn object(
    results: &Results,
    targets: &[Target],
    circumstances: &Circumstances,
) -> Value {
    let servers: Vec<Value> = targets
        .iter()
        .map(|target| {
            json!({
                "name": target.name(),
                "url": target.socket_url(),
                "pid": target.process.map(|process| process.pid()),
            })
        })
        .collect();
    let rows: Vec<Value> = results
        .rows()
        .map(|(row, figures)| {
            let figures: Map<String, Value> = figures
                .iter()
                .map(|(server, figure)| {
                    let comparison = results.comparison(row, server).filter(|_| *server != OURS);
                    let (least, most) = figure.spread().unwrap_or_default();
                    let figure = json!({
                        "median": figure.median(),
                        "least": least,
                        "most": most,
                        "rounds": figure.rounds,
                        "ours_is_better": comparison.map(|comparison| comparison.better),
                        "wanted": comparison.and_then(|comparison| comparison.wanted),
                    });
                    ((*server).to_owned(), figure)
                })
                .collect();
            let card = row.metric.card();
            let limits = results.limits(row);
            json!({
                "workload": card.workload,
                "name": card.name,
                "unit": card.unit,
                "size": row.size,
                "servers": figures,
                "must": limits.map(|limits| limits.must),
                "goal": limits.map(|limits| limits.goal),
                "verdict": results.verdict(row).map(Verdict::word),
            })
        })
        .collect();
    json!({
        "driver_version": env!("CARGO_PKG_VERSION"),
        "server_version": circumstances.version,
        "machine": circumstances.machine,
        "load": {"before": circumstances.load_before, "after": circumstances.load_after},
        "busy": circumstances.is_busy(),
        "rounds": circumstances.rounds,
        "users": circumstances.users,
        "events": circumstances.events,
        "servers": servers,
        "results": rows,
    })
}

// === impl Circumstances ===

impl Circumstances {
    /// Whether others were at work, before the run or during it.
    fn is_busy(&self) -> bool {
        let loads = [self.load_before, self.load_after];
        let cores = self.cores as f64;
        loads
            .into_iter()
            .flatten()
            .any(|load| load > LOAD_MAX * cores)
    }

    fn sentence(&self, targets: &[Target]) -> String {
        let load = |load: Option<f64>| load.map_or_else(none, |load| format!("{load:.2}"));
        let mut sentence = format!(
            "{} cores, {} rounds, {} users, {} events in the store; load {} before, {} after.",
            self.cores,
            self.rounds,
            self.users,
            self.events,
            load(self.load_before),
            load(self.load_after),
        );
        if self.is_busy() {
            sentence.push_str(" The machine had other work: measure again when it is quiet.");
        }
        for target in targets.iter().filter(|target| target.process.is_none()) {
            sentence.push_str(&format!(
                " The process of {} is not to be seen from here: no CPU time and no memory of it.",
                target.name()
            ));
        }
        sentence
    }
}

fn heading(peers: &[&str]) -> Vec<String> {
    ["", "what", "unit", "ours (least to most)"]
        .iter()
        .chain(peers)
        .chain(&["must", "goal", ""])
        .map(|word| (*word).to_owned())
        .collect()
}

fn name_of(row: Row) -> String {
    let name = row.metric.card().name;
    let noun = match row.metric {
        Metric::Page | Metric::PageP50 | Metric::PageP99 => "events",
        Metric::FanOut | Metric::FanOutLastP50 | Metric::FanOutLastMax => "members",
        Metric::SinchIdle
        | Metric::SinchMessage
        | Metric::SinchMessagesInASecond
        | Metric::SinchMessageP50
        | Metric::SinchMessageP99 => "clients",
        Metric::FirstLogin
        | Metric::Login
        | Metric::LoginsInASecond
        | Metric::LoginP50
        | Metric::LoginP99
        | Metric::OwnUserSeen
        | Metric::OwnUserFirst
        | Metric::Idle
        | Metric::Message
        | Metric::MessagesInASecond
        | Metric::MessageP50
        | Metric::MessageP99
        | Metric::Start
        | Metric::IdleServer
        | Metric::Program
        | Metric::ClosedP50
        | Metric::ClosedP99
        | Metric::ClosedMax
        | Metric::RevokedMax
        | Metric::CloseCpu
        | Metric::NexmoLogin
        | Metric::NexmoLoginsInASecond
        | Metric::NexmoLoginP50
        | Metric::NexmoLoginP99
        | Metric::NexmoIdle
        | Metric::DiskP50
        | Metric::DiskP99 => "sockets",
    };
    match row.size {
        Some(size) => format!("{name}, {size} {noun}"),
        None => name.to_owned(),
    }
}

fn cell_of(figure: &Figure) -> String {
    let median = figure.median().map_or_else(none, short);
    match figure.spread() {
        Some((least, most)) if figure.rounds.len() > 1 => {
            format!("{median} ({} to {})", short(least), short(most))
        }
        Some(_) | None => median,
    }
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn none() -> String {
    "-".to_owned()
}

fn lines(rows: &[Vec<String>], output: &mut Output) -> Result<(), Failure> {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        output.line(line.join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_digits_that_count() {
        for (value, expected) in [
            (12_345.6, "12346"),
            (123.4, "123"),
            (12.34, "12.3"),
            (1.234, "1.23"),
            (0.1234, "0.123"),
            (0.0, "0.000"),
        ] {
            assert_eq!(short(value), expected);
        }
    }

    #[test]
    fn a_busy_machine_is_said() {
        let circumstances = |before, after| Circumstances {
            machine: Value::Null,
            version: None,
            cores: 2,
            load_before: before,
            load_after: after,
            rounds: 1,
            users: 0,
            events: 0,
        };
        assert!(!circumstances(Some(0.5), Some(2.0)).is_busy());
        assert!(circumstances(Some(3.0), Some(2.0)).is_busy());
        assert!(circumstances(Some(0.5), Some(3.0)).is_busy());
        assert!(!circumstances(None, None).is_busy());
        let sentence = circumstances(Some(3.0), None).sentence(&[]);
        assert!(sentence.contains("other work"), "{sentence}");
    }
}
