//! The node's numbers, as Prometheus reads them (its text format 0.0.4).
//!
//! A registry of our own: every label here is a word of the program, known
//! before the first request, so each number is one atomic in a table. A facade
//! would take any text for a label, and hold its numbers once per process
//! instead of once per node.

mod page;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_core::durations::Durations;
use countersign_core::error::Code;
use countersign_core::tally::Tally;
use http::{Method, StatusCode};

use crate::call::Call;
use crate::door::{Door, EachDoor};
use crate::operations::Sample;
use page::Page;

/// Classes of status: 1xx to 5xx.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Requests and refusals so far.
#[derive(Debug)]
pub(crate) struct Requests {
    routes: HashMap<&'static str, Vec<Row>>,
    /// Requests that no route answered.
    elsewhere: Row,
    refusals: Vec<(Code, AtomicU64)>,
    durations: EachDoor<Durations>,
}

#[derive(Debug)]
struct Row {
    method: Method,
    by_class: [AtomicU64; CLASSES.len()],
}

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
            durations: EachDoor::default(),
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

    /// Notes how long an answer took, its request's body included.
    pub(crate) fn took(&self, door: Door, time: Duration) {
        self.durations.of(door).note(time);
    }

    /// Everything that is known, as text.
    pub(crate) fn page(&self, tally: &Tally, samples: &[Sample]) -> String {
        let mut page = Page::new();
        self.write(&mut page);
        write_tally(tally, &mut page);
        for sample in samples {
            page.sample(sample);
        }
        page.text()
    }

    fn write(&self, page: &mut Page) {
        page.head(
            "countersign_requests_total",
            "Requests by route, method and class of status.",
        );
        let mut templates: Vec<_> = self.routes.iter().collect();
        templates.sort_by_key(|(template, _)| **template);
        for (template, rows) in templates {
            for row in rows {
                row.write(template, row.method.as_str(), page);
            }
        }
        self.elsewhere.write("none", "any", page);
        page.distributions(
            (
                "countersign_request_duration_seconds",
                "From a request's head to its answer, by door; long polls are left out.",
            ),
            "door",
            self.durations
                .all()
                .map(|(door, durations)| (door.as_str(), durations.read())),
        );
        page.head(
            "countersign_refusals_total",
            "Refused requests, and commands over sockets, by code.",
        );
        for (code, count) in &self.refusals {
            let count = count.load(Ordering::Relaxed);
            page.line(
                "countersign_refusals_total",
                &[("code", code.as_str())],
                count,
            );
        }
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
                page.line("countersign_requests_total", &labels, count);
            }
        }
    }
}

/// What was done, by the core's own words.
fn write_tally(tally: &Tally, page: &mut Page) {
    page.head(
        "countersign_logins_total",
        "Logins by dialect and outcome: what came of it, or the code.",
    );
    for ((dialect, outcome), count) in tally.logins() {
        let labels = [("dialect", dialect), ("outcome", outcome)];
        page.line("countersign_logins_total", &labels, count);
    }
    page.head(
        "countersign_sessions_ended_total",
        "Sessions that ended, by reason.",
    );
    for (reason, count) in tally.sessions_ended() {
        page.line(
            "countersign_sessions_ended_total",
            &[("reason", reason)],
            count,
        );
    }
    page.head(
        "countersign_janitor_removed_total",
        "Rows that nothing needed any more and that were removed, by kind.",
    );
    for (kind, count) in tally.all_removed() {
        page.line(
            "countersign_janitor_removed_total",
            &[("kind", kind)],
            count,
        );
    }
    page.head(
        "countersign_janitor_last_run_timestamp_seconds",
        "When the janitor last came through a run, in seconds since 1970.",
    );
    let last_run = tally.cleaned_at().seconds().max(0).unsigned_abs();
    page.line(
        "countersign_janitor_last_run_timestamp_seconds",
        &[],
        last_run,
    );
}
