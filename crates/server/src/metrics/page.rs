//! Prometheus' text format 0.0.4: a page of numbers in the making.

use std::fmt::Display;
use std::fmt::Write as _;
use std::time::Duration;

use countersign_core::durations::Distribution;

use crate::operations::{Reading, Sample};

/// A label and its value, which is a word of the program: it needs no escaping.
pub(super) type Label<'a> = (&'a str, &'a str);

/// A page in the making.
pub(super) struct Page(String);

/// What a number is to who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It only grows.
    Counter,
    Gauge,
    Histogram,
}

// === impl Page ===

impl Page {
    pub(super) fn new() -> Self {
        Self(String::new())
    }

    pub(super) fn text(self) -> String {
        self.0
    }

    /// A number of another part.
    pub(super) fn sample(&mut self, sample: &Sample) {
        let Sample {
            name,
            help,
            reading,
        } = sample;
        match reading {
            Reading::Number(value) => {
                self.head(name, help);
                self.line(name, &[], value);
            }
            Reading::Seconds(value) => {
                self.head(name, help);
                self.line(name, &[], seconds(*value));
            }
            Reading::By(label, values) => {
                self.head(name, help);
                for (word, value) in values {
                    self.line(name, &[(label, word)], value);
                }
            }
            Reading::Durations(distribution) => {
                self.head_of(name, help, Kind::Histogram);
                self.distribution(name, &[], distribution);
            }
        }
    }

    /// How long something took, by one label.
    pub(super) fn distributions<'a>(
        &mut self,
        (name, help): (&str, &str),
        label: &str,
        all: impl IntoIterator<Item = (&'a str, Distribution)>,
    ) {
        self.head_of(name, help, Kind::Histogram);
        for (word, distribution) in all {
            self.distribution(name, &[(label, word)], &distribution);
        }
    }

    pub(super) fn head(&mut self, name: &str, help: &str) {
        let kind = if name.ends_with("_total") {
            Kind::Counter
        } else {
            Kind::Gauge
        };
        self.head_of(name, help, kind);
    }

    pub(super) fn line(&mut self, name: &str, labels: &[Label<'_>], value: impl Display) {
        self.write(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            self.write(format_args!("{before}{label}=\"{text}\""));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        self.write(format_args!("{end} {value}\n"));
    }

    fn head_of(&mut self, name: &str, help: &str, kind: Kind) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.write(format_args!("# HELP {name} {help}\n"));
        self.write(format_args!("# TYPE {name} {kind}\n"));
    }

    fn distribution(&mut self, name: &str, labels: &[Label<'_>], of: &Distribution) {
        let bucket = format!("{name}_bucket");
        for (bound, count) in &of.within {
            let bound = seconds(*bound).to_string();
            let labels: Vec<_> = labels.iter().copied().chain([("le", &*bound)]).collect();
            self.line(&bucket, &labels, count);
        }
        let labels_of_all: Vec<_> = labels.iter().copied().chain([("le", "+Inf")]).collect();
        self.line(&bucket, &labels_of_all, of.count);
        self.line(&format!("{name}_sum"), labels, seconds(of.sum));
        self.line(&format!("{name}_count"), labels, of.count);
    }

    fn write(&mut self, text: impl Display) {
        write!(self.0, "{text}").expect("a text takes every text");
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
