//! The numbers of a run: for each metric, size and server one a round.

use std::collections::BTreeMap;

use super::metric::{Bar, Card, Metric};

/// Ours, by its place among the servers.
pub(super) const OURS: &str = "countersign";

/// What a number is of: the metric, and the size of what it was measured with,
/// where there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) metric: Metric,
    pub(super) size: Option<usize>,
}

/// Everything that was measured.
#[derive(Debug, Default)]
pub(super) struct Results {
    figures: BTreeMap<Row, BTreeMap<&'static str, Figure>>,
}

/// The same thing measured once a round.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figure {
    pub(super) rounds: Vec<f64>,
}

/// Whether a number is what was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Better than the goal.
    Goal,
    /// Not quite the goal, and good enough.
    Must,
    /// Not good enough.
    Missed,
}

/// The limits that a number is held to, in its own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limits {
    pub(super) must: f64,
    pub(super) goal: f64,
}

/// A comparison that a server's number is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Comparison {
    /// How many times better than the peer's ours is.
    pub(super) better: f64,
    /// How many times better it is to be, if anything is wanted.
    pub(super) wanted: Option<f64>,
}

// === impl Results ===

impl Results {
    /// Notes a number.
    pub(super) fn add(&mut self, server: &'static str, metric: Metric, value: f64) {
        self.add_of_size(server, metric, None, value);
    }

    /// Notes a number that was measured with something of this size.
    pub(super) fn add_of_size(
        &mut self,
        server: &'static str,
        metric: Metric,
        size: Option<usize>,
        value: f64,
    ) {
        let row = self.figures.entry(Row { metric, size }).or_default();
        row.entry(server).or_default().rounds.push(value);
    }

    /// Every row, with each server's figure.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Row, &BTreeMap<&'static str, Figure>)> {
        self.figures.iter().map(|(row, figures)| (*row, figures))
    }

    /// The limits of ours in this row.
    pub(super) fn limits(&self, row: Row) -> Option<Limits> {
        let (unit, must, goal) = match row.metric.card().bar? {
            Bar::Plain { must, goal } => (1.0, must, goal),
            Bar::TimesDisk { must, goal } => (self.disk_ms()?, must, goal),
        };
        Some(Limits {
            must: unit * must,
            goal: unit * goal,
        })
    }

    /// Whether ours is what was wanted.
    pub(super) fn verdict(&self, row: Row) -> Option<Verdict> {
        let ours = self.figures.get(&row)?.get(OURS)?.median()?;
        let limits = self.limits(row)?;
        Some(if ours <= limits.goal {
            Verdict::Goal
        } else if ours <= limits.must {
            Verdict::Must
        } else {
            Verdict::Missed
        })
    }

    /// How ours compares with a peer's.
    pub(super) fn comparison(&self, row: Row, peer: &str) -> Option<Comparison> {
        let figures = self.figures.get(&row)?;
        let (ours, theirs) = (figures.get(OURS)?.median()?, figures.get(peer)?.median()?);
        if ours <= 0.0 || theirs <= 0.0 {
            return None;
        }
        let card = row.metric.card();
        let better = if card.grows {
            ours / theirs
        } else {
            theirs / ours
        };
        Some(Comparison {
            better,
            wanted: card.wanted_beside(peer),
        })
    }

    fn disk_ms(&self) -> Option<f64> {
        let row = Row {
            metric: Metric::DiskP50,
            size: None,
        };
        self.figures.get(&row)?.get(OURS)?.median()
    }
}

// === impl Figure ===

impl Figure {
    /// The middle one; of an even number the mean of the two in the middle.
    pub(super) fn median(&self) -> Option<f64> {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let above = sorted.get(sorted.len() / 2)?;
        let below = sorted.get((sorted.len() - 1) / 2)?;
        Some((above + below) / 2.0)
    }

    /// The smallest and the largest.
    pub(super) fn spread(&self) -> Option<(f64, f64)> {
        let smallest = self.rounds.iter().copied().min_by(f64::total_cmp)?;
        let largest = self.rounds.iter().copied().max_by(f64::total_cmp)?;
        Some((smallest, largest))
    }
}

// === impl Verdict ===

impl Verdict {
    /// Its word, in tables and in JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Goal => "goal",
            Self::Must => "must",
            Self::Missed => "missed",
        }
    }
}

// === impl Comparison ===

impl Comparison {
    /// Whether it is as wanted, if anything is.
    pub(super) fn is_met(self) -> Option<bool> {
        self.wanted.map(|wanted| self.better >= wanted)
    }
}

// === impl Card ===

impl Card {
    fn wanted_beside(&self, peer: &str) -> Option<f64> {
        match peer {
            "floor" => self.floor_at_most.map(|at_most| 1.0 / at_most),
            "socketio" => self.socketio_at_least,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(numbers: &[(&'static str, Metric, f64)]) -> Results {
        let mut results = Results::default();
        for (server, metric, value) in numbers {
            results.add(server, *metric, *value);
        }
        results
    }

    fn row(metric: Metric) -> Row {
        Row { metric, size: None }
    }

    #[test]
    fn the_middle_of_the_rounds_counts() {
        let figure = |rounds: &[f64]| Figure {
            rounds: rounds.to_vec(),
        };
        assert_eq!(figure(&[]).median(), None);
        assert_eq!(figure(&[3.0, 1.0, 2.0]).median(), Some(2.0));
        assert_eq!(figure(&[4.0, 1.0]).median(), Some(2.5));
        assert_eq!(figure(&[3.0, 1.0, 2.0]).spread(), Some((1.0, 3.0)));
    }

    #[test]
    fn a_number_is_held_to_its_bar() {
        for (value, expected) in [
            (0.13, Verdict::Goal),
            (0.14, Verdict::Must),
            (0.16, Verdict::Missed),
        ] {
            let results = results(&[(OURS, Metric::Login, value)]);
            assert_eq!(
                results.verdict(row(Metric::Login)),
                Some(expected),
                "{value}"
            );
        }
        let results = results(&[(OURS, Metric::LoginP50, 1.0)]);
        assert_eq!(results.verdict(row(Metric::LoginP50)), None);
    }

    #[test]
    fn a_latency_is_held_to_the_disk_of_the_same_run() {
        let disk = (OURS, Metric::DiskP50, 0.2);
        for (value, expected) in [
            (0.5, Verdict::Goal),
            (0.7, Verdict::Must),
            (0.9, Verdict::Missed),
        ] {
            let results = results(&[disk, (OURS, Metric::MessageP50, value)]);
            let verdict = results.verdict(row(Metric::MessageP50));
            assert_eq!(verdict, Some(expected), "{value}");
        }
        let without = results(&[(OURS, Metric::MessageP50, 0.5)]);
        assert_eq!(without.verdict(row(Metric::MessageP50)), None);
    }

    #[test]
    fn better_is_less_cost_or_more_a_second() {
        let results = results(&[
            (OURS, Metric::Message, 50.0),
            ("floor", Metric::Message, 40.0),
            ("socketio", Metric::Message, 200.0),
            (OURS, Metric::MessagesInASecond, 12_000.0),
            ("socketio", Metric::MessagesInASecond, 3_000.0),
        ]);
        let check = |metric, peer, better: f64, met| {
            let comparison = results.comparison(row(metric), peer).unwrap();
            assert!((comparison.better - better).abs() < 1e-9, "{comparison:?}");
            assert_eq!(comparison.is_met(), Some(met), "{peer}");
        };
        check(Metric::Message, "floor", 0.8, true);
        check(Metric::Message, "socketio", 4.0, true);
        check(Metric::MessagesInASecond, "socketio", 4.0, false);
        assert_eq!(results.comparison(row(Metric::Login), "floor"), None);
    }
}
