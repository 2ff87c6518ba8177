//! A network that a test can cut: everything goes through it, and nothing once
//! it is down.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A way to a node.
pub(crate) struct Network {
    pub(crate) url: String,
    state: Arc<State>,
}

struct State {
    to: SocketAddr,
    is_up: AtomicBool,
    /// Changes whenever what goes through is to be cut.
    cuts: watch::Sender<u64>,
    /// Answers that get lost from now on: the question still arrives.
    answers_to_lose: AtomicUsize,
}

// === impl Network ===

impl Network {
    pub(crate) async fn to(node: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            to: node,
            is_up: AtomicBool::new(true),
            cuts: watch::Sender::new(0),
            answers_to_lose: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&shared).pass(client));
            }
        });
        Self { url, state }
    }

    /// Cuts what goes through, and lets nothing more through.
    pub(crate) fn down(&self) {
        self.state.is_up.store(false, Ordering::SeqCst);
        self.cut();
    }

    pub(crate) fn up(&self) {
        self.state.is_up.store(true, Ordering::SeqCst);
    }

    /// Cuts what goes through; the next attempt gets through.
    pub(crate) fn cut(&self) {
        self.state.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Lets the node have the next question, and loses its answer.
    pub(crate) fn lose_an_answer(&self) {
        self.cut();
        self.state.answers_to_lose.store(1, Ordering::SeqCst);
    }
}

// === impl State ===

impl State {
    async fn pass(self: Arc<Self>, mut client: TcpStream) {
        if !self.is_up.load(Ordering::SeqCst) {
            return;
        }
        let mut cuts = self.cuts.subscribe();
        let Ok(mut node) = TcpStream::connect(self.to).await else {
            return;
        };
        client.set_nodelay(true).unwrap();
        node.set_nodelay(true).unwrap();
        let lose = self
            .answers_to_lose
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        let passed = async {
            if lose {
                lose_answer(&mut client, &mut node).await;
            } else {
                // A broken connection is what this is for.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut node).await;
            }
        };
        tokio::select! {
            () = passed => {}
            _ = cuts.changed() => {}
        }
    }
}

/// The question goes on; when the answer begins, everything breaks.
async fn lose_answer(client: &mut TcpStream, node: &mut TcpStream) {
    let (mut question, mut answer) = (vec![0; 16 * 1024], [0; 1]);
    loop {
        tokio::select! {
            read = client.read(&mut question) => match read {
                Ok(length) if length > 0 => node.write_all(&question[..length]).await.unwrap(),
                Ok(_) | Err(_) => return,
            },
            _ = node.read(&mut answer) => return,
        }
    }
}
