//! The node's numbers, as Prometheus reads them (its text format 0.0.4).
//!
//! A registry of our own: every label here is a word of the program, known
//! before the first request, so each number is one atomic in a table. A facade
//! would take any text for a label, and hold its numbers once per process
//! instead of once per node.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use countersign_core::error::Code;
use countersign_core::tally::Tally;
use http::{Method, StatusCode};

use crate::call::Call;
use crate::operations::Sample;

/// Classes of status: 1xx to 5xx.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Requests and refusals so far.
#[derive(Debug)]
pub(crate) struct Requests {
    routes: HashMap<&'static str, Vec<Row>>,
    /// Requests that no route answered.
    elsewhere: Row,
    refusals: Vec<(Code, AtomicU64)>,
}

#[derive(Debug)]
struct Row {
    method: Method,
    by_class: [AtomicU64; CLASSES.len()],
}

/// A page of numbers in the making.
struct Page(String);

// === impl Requests ===

impl Requests {
    pub(crate) fn new(calls: &[Call]) -> Self {
        let mut routes: HashMap<&'static str, Vec<Row>> = HashMap::new();
        for call in calls {
            let rows = routes.entry(call.template).or_default();
            rows.push(Row::new(call.method.clone()));
        }
        Self {
            routes,
            elsewhere: Row::new(Method::GET),
            refusals: Code::ALL
                .iter()
                .map(|code| (*code, AtomicU64::new(0)))
                .collect(),
        }
    }

    /// Counts an answer. A method that its route does not have counts as one
    /// that no route has: whoever invents methods makes no rows.
    pub(crate) fn answered(&self, route: Option<&str>, method: &Method, status: StatusCode) {
        // A HEAD is answered by the route's GET.
        let method = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let rows = route.and_then(|route| self.routes.get(route));
        let row = rows.and_then(|rows| rows.iter().find(|row| row.method == *method));
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = row.unwrap_or(&self.elsewhere).by_class.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, code: Code) {
        if let Some((_, count)) = self.refusals.iter().find(|(known, _)| *known == code) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Everything that is known, as text.
    pub(crate) fn page(&self, tally: &Tally, samples: &[Sample]) -> String {
        let mut page = Page(String::new());
        page.head(
            "requests_total",
            "Requests by route, method and class of status.",
        );
        let mut templates: Vec<_> = self.routes.iter().collect();
        templates.sort_by_key(|(template, _)| **template);
        for (template, rows) in templates {
            for row in rows {
                row.write(template, row.method.as_str(), &mut page);
            }
        }
        self.elsewhere.write("none", "any", &mut page);
        page.head("refusals_total", "Refused requests by code.");
        for (code, count) in &self.refusals {
            let count = count.load(Ordering::Relaxed);
            page.line("refusals_total", &[("code", code.as_str())], count);
        }
        page.head(
            "logins_total",
            "Logins by dialect and outcome: what came of it, or the code.",
        );
        for ((dialect, outcome), count) in tally.logins() {
            let labels = [("dialect", dialect), ("outcome", outcome)];
            page.line("logins_total", &labels, count);
        }
        page.head("sessions_ended_total", "Sessions that ended, by reason.");
        for (reason, count) in tally.sessions_ended() {
            page.line("sessions_ended_total", &[("reason", reason)], count);
        }
        page.head(
            "janitor_removed_total",
            "Rows that nothing needed any more and that were removed, by kind.",
        );
        for (kind, count) in tally.all_removed() {
            page.line("janitor_removed_total", &[("kind", kind)], count);
        }
        page.head(
            "janitor_last_run_seconds",
            "When the janitor last came through a run, in seconds since 1970.",
        );
        let last_run = tally.cleaned_at().seconds().max(0).unsigned_abs();
        page.line("janitor_last_run_seconds", &[], last_run);
        for sample in samples {
            page.head(sample.name, sample.help);
            page.line(sample.name, &[], sample.value);
        }
        page.0
    }
}

// === impl Row ===

impl Row {
    fn new(method: Method) -> Self {
        Self {
            method,
            by_class: Default::default(),
        }
    }

    fn write(&self, route: &str, method: &str, page: &mut Page) {
        for (class, count) in CLASSES.iter().zip(&self.by_class) {
            let count = count.load(Ordering::Relaxed);
            // A line that says nothing yet is left out: there are hundreds.
            if count > 0 {
                let labels = [("route", route), ("method", method), ("status", class)];
                page.line("requests_total", &labels, count);
            }
        }
    }
}

// === impl Page ===

impl Page {
    fn head(&mut self, name: &str, help: &str) {
        let kind = if name.ends_with("_total") {
            "counter"
        } else {
            "gauge"
        };
        self.write(format_args!("# HELP countersign_{name} {help}\n"));
        self.write(format_args!("# TYPE countersign_{name} {kind}\n"));
    }

    /// The labels' values are words of the program, and need no escaping.
    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.write(format_args!("countersign_{name}"));
        for (place, (label, text)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            self.write(format_args!("{before}{label}=\"{text}\""));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        self.write(format_args!("{end} {value}\n"));
    }

    fn write(&mut self, text: impl Display) {
        write!(self.0, "{text}").expect("a text takes every text");
    }
}
