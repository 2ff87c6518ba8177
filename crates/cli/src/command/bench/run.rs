//! A run: what is set up, who takes turns, and what is said at the end.

use std::path::Path;

use super::fill::{self, History};
use super::machine;
use super::metric::Metric;
use super::report::{self, Circumstances};
use super::results::{OURS, Results};
use super::sinch::Door;
use super::stage::Stage;
use super::target::Target;
use super::workload::{
    Number, Scene, fan_out, login, message, own_user, page, revocation, sinch, start,
};
use super::{Arguments, Workload};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::ready::Ready;
use crate::system::System;

/// Every workload of a server that runs, in the order in which they run.
const WORKLOADS: [Workload; 8] = [
    Workload::W1,
    Workload::W2,
    Workload::W4,
    Workload::W5,
    Workload::W6,
    Workload::W8,
    Workload::Nexmo,
    Workload::Sinch,
];

/// Everything that is there before the first round.
struct Bench<'a> {
    arguments: &'a Arguments,
    stage: Stage,
    /// Ours first.
    targets: Vec<Target>,
    /// Ours, as the clients of another system find it.
    nexmo: Target,
    sinch: Door,
    tokens: Vec<String>,
    history: Option<History>,
    users: usize,
    results: Results,
}

/// Measures, round by round, and tells.
///
/// # Errors
/// If an argument is wrong, a server is not reached, or the run is invalid.
pub(super) async fn run(
    arguments: &Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if arguments.only == [Workload::W7] {
        return starts(arguments, system, output).await;
    }
    let file = match &arguments.dev {
        Some(file) => file.clone(),
        None => system.data_home()?.join("countersign/dev/dev.json"),
    };
    let dev = read(&file)?;
    machine::allow_sockets(arguments.sockets_needed())?;
    let load_before = machine::load();
    let mut bench = Bench::set(arguments, system, &dev, output).await?;
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    for round in 1..=arguments.rounds {
        output.note(&format!("round {round} of {}", arguments.rounds));
        bench.round(round, folder, output).await?;
    }
    let circumstances = Circumstances {
        machine: machine::describe(),
        version: bench.stage.server_version().await?,
        cores: machine::cores(),
        load_before,
        load_after: machine::load(),
        rounds: arguments.rounds,
        users: bench.users,
        events: bench.history.as_ref().map_or(0, History::events),
    };
    tell(
        arguments,
        &bench.results,
        &bench.targets,
        &circumstances,
        output,
    )
}

/// Measures servers that are started for it, and tells.
async fn starts(
    arguments: &Arguments,
    system: System,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let load_before = machine::load();
    let results = start::run(arguments.rounds, system, output).await?;
    let circumstances = Circumstances {
        machine: machine::describe(),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        cores: machine::cores(),
        load_before,
        load_after: machine::load(),
        rounds: arguments.rounds,
        users: 1,
        events: 0,
    };
    tell(arguments, &results, &[], &circumstances, output)
}

fn tell(
    arguments: &Arguments,
    results: &Results,
    targets: &[Target],
    circumstances: &Circumstances,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if arguments.json {
        let object = report::object(results, targets, circumstances);
        output.line(&object.to_string())?;
    } else {
        report::table(results, targets, circumstances, output)?;
    }
    Ok(Exit::Done)
}

// === impl Bench ===

impl<'a> Bench<'a> {
    async fn set(
        arguments: &'a Arguments,
        system: System,
        dev: &Ready,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let ours = Target::ours(&dev.url, arguments.pid)?;
        let nexmo = Target::nexmo(&dev.doors.nexmo, arguments.pid)?;
        let sinch = Door::of(dev, system)?;
        let mut targets = vec![ours];
        for beside in &arguments.beside {
            let peer = Target::peer(beside)?;
            if targets.iter().any(|target| target.name() == peer.name()) {
                let name = peer.name();
                return Err(Failure::usage(format!("--beside names {name} twice")));
            }
            targets.push(peer);
        }
        let tokens = match &arguments.tokens {
            Some(file) => lines_of(file)?,
            None => Vec::new(),
        };
        let stage = Stage::set(system, dev, &targets[0].authority).await?;
        let users = arguments.users_needed();
        output.note(&format!(
            "{users} users are made, as far as they are not there"
        ));
        let made = fill::users(&stage, users).await?;
        output.note(&format!("{made} users were new"));
        let mut history = None;
        if arguments.measures(Workload::W6) {
            output.note(&format!("{} events likewise", arguments.events));
            history = Some(fill::history(&stage, &targets[0], arguments.events).await?);
        }
        Ok(Self {
            arguments,
            stage,
            targets,
            nexmo,
            sinch,
            tokens,
            history,
            users,
            results: Results::default(),
        })
    }

    /// Each workload at each server, before the next.
    async fn round(
        &mut self,
        round: usize,
        folder: &Path,
        output: &mut Output,
    ) -> Result<(), Failure> {
        for workload in WORKLOADS {
            if !self.arguments.measures(workload) {
                continue;
            }
            for target in 0..self.targets.len() {
                let name = self.targets[target].name();
                // As close as can be to what is held to it: a disk has moods.
                if workload == Workload::W4 {
                    self.measure_disk(folder)?;
                }
                let numbers = self
                    .turn(round, workload, target)
                    .await
                    .map_err(|failure| {
                        let workload = workload.word();
                        Failure {
                            sentence: format!("{workload} at {name}: {}", failure.sentence),
                            ..failure
                        }
                    })?;
                if !numbers.is_empty() {
                    output.note(&format!("{} at {name} done", workload.word()));
                }
                for number in numbers {
                    let Number {
                        metric,
                        size,
                        value,
                    } = number;
                    if self.counts(metric, round) {
                        self.results.add_of_size(name, metric, size, value);
                    }
                }
            }
        }
        Ok(())
    }

    /// A server keeps memory that sockets of before have had, and later ones find it.
    fn counts(&self, metric: Metric, round: usize) -> bool {
        if metric == Metric::NexmoIdle {
            return round == 1 && self.arguments.only == [Workload::Nexmo];
        }
        !matches!(metric, Metric::Idle | Metric::SinchIdle) || round == 1
    }

    async fn turn(
        &self,
        round: usize,
        workload: Workload,
        target: usize,
    ) -> Result<Vec<Number>, Failure> {
        let arguments = self.arguments;
        let is_ours = target == 0;
        let scene = Scene {
            stage: &self.stage,
            target: if is_ours && workload == Workload::Nexmo {
                &self.nexmo
            } else {
                &self.targets[target]
            },
            tokens: &self.tokens,
            users: self.users,
        };
        let duration = arguments.duration();
        let logs_known_in = matches!(workload, Workload::W1 | Workload::Nexmo);
        if is_ours && round == 1 && logs_known_in {
            let steps = arguments.steps.last().copied().unwrap_or_default();
            self.stage.make_known(&scene.some_users(steps)).await?;
        }
        match workload {
            Workload::W1 => {
                let mut numbers = login::known(scene, &arguments.steps).await?;
                numbers.extend(login::new(scene, round, arguments.logins).await?);
                Ok(numbers)
            }
            Workload::W2 => own_user::run(scene, arguments.logins, duration).await,
            Workload::W4 => message::run(scene, arguments.pairs, duration).await,
            Workload::W5 => fan_out::run(scene, arguments.members).await,
            Workload::W6 => match &self.history {
                Some(history) if is_ours => page::run(scene, history, duration).await,
                Some(_) | None => Ok(Vec::new()),
            },
            Workload::W8 => revocation::run(scene, arguments.sockets).await,
            Workload::Nexmo => login::at_nexmo(scene, &arguments.steps).await,
            Workload::Sinch if is_ours => {
                sinch::run(scene, &self.sinch, arguments.clients, duration).await
            }
            // Its servers are others.
            Workload::W7 | Workload::Sinch => Ok(Vec::new()),
        }
    }

    /// What durable numbers are to be read beside.
    fn measure_disk(&mut self, folder: &Path) -> Result<(), Failure> {
        let latencies = machine::disk(folder)?;
        for (metric, share) in [(Metric::DiskP50, 0.5), (Metric::DiskP99, 0.99)] {
            self.results.add(OURS, metric, latencies.quantile_ms(share));
        }
        Ok(())
    }
}

// === impl Workload ===

impl Workload {
    fn word(self) -> &'static str {
        match self {
            Self::W1 => "W1",
            Self::W2 => "W2",
            Self::W4 => "W4",
            Self::W5 => "W5",
            Self::W6 => "W6",
            Self::W7 => "W7",
            Self::W8 => "W8",
            Self::Nexmo => "nexmo",
            Self::Sinch => "sinch",
        }
    }
}

fn read(file: &Path) -> Result<Ready, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", file.display()))
            .hint("start `countersign dev`, and name its dev.json with --dev")
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "{} is no ready line of `countersign dev`: {error}",
            file.display()
        ))
    })
}

fn lines_of(file: &Path) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))?;
    Ok(text.lines().map(str::to_owned).collect())
}
