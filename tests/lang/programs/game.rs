//! A game of several players in turns, each with a clock: who does not move in time loses a turn, who misses two is out, and a
//! computer moves for empty seats.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Player {
    X,
    O,
}

impl Player {
    fn other(self) -> Self {
        match self {
            Player::X => Player::O,
            Player::O => Player::X,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Board([Option<Player>; 9]);

impl Board {
    const LINES: [[usize; 3]; 8] =
        [[0, 1, 2], [3, 4, 5], [6, 7, 8], [0, 3, 6], [1, 4, 7], [2, 5, 8], [0, 4, 8], [2, 4, 6]];

    fn winner(&self) -> Option<Player> {
        Self::LINES.iter().find_map(|&[a, b, c]| match (self.0[a], self.0[b], self.0[c]) {
            (Some(p), Some(q), Some(r)) if p == q && q == r => Some(p),
            _ => None,
        })
    }

    fn free(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter(|(_, cell)| cell.is_none()).map(|(n, _)| n)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Over {
    Won { by: Player, moves: u32 },
    Drawn,
    GivenUp { by: Player },
    Left { by: Player },
}

const MOVE: Update<(Player, usize), Board> = Update::new("move");
const GIVE_UP: Signal<Player> = Signal::new("give-up");

#[activity]
async fn computer_move(board: &Board, player: Player) -> Result<usize, String> {
    let completes = |cell: &usize| {
        let mut next = board.clone();
        next.0[*cell] = Some(player);
        next.winner().is_some()
    };
    board.free().find(completes).or_else(|| board.free().next()).ok_or_else(|| "the board is full".to_owned())
}

#[activity]
async fn remind_player(player: Player, turn: u32) {
    println!("{player:?}, it is your turn {turn}");
}

/// The cell of one turn. `None` if the time is over.
#[workflow]
async fn human_move(board: Board, player: Player, turn: u32) -> Result<Option<(usize, Reply<Board>)>, Cancelled> {
    let mut reminded = false;
    loop {
        match MOVE.recv().timeout(minutes(if reminded { 1 } else { 4 })).await {
            Ok(((by, _), reply)) if by != player => reply.reject("it is not your turn"),
            Ok(((_, cell), reply)) => match board.0.get(cell) {
                Some(None) => return Ok(Some((cell, reply))),
                Some(Some(by)) => reply.reject(format!("{by:?} is there")),
                None => reply.reject(format!("there is no cell {cell}")),
            },
            Err(WaitError::TimedOut) if !reminded => {
                remind_player(player, turn).await.ok();
                reminded = true;
            }
            Err(WaitError::TimedOut) => return Ok(None),
            Err(WaitError::Cancelled) => return Err(Cancelled),
        }
    }
}

#[workflow]
async fn play(computer: Option<Player>) -> Result<Over, WorkflowError> {
    let mut board = Board([None; 9]);
    let mut missed = [0_u8; 2];
    let mut player = Player::X;
    let over = 'game: {
        for turn in 1.. {
            let cell = if computer == Some(player) {
                let cell = computer_move(&board, player).await?;
                board.0[cell] = Some(player);
                Some(cell)
            } else {
                match human_move(board.clone(), player, turn).await? {
                    Some((cell, reply)) => {
                        board.0[cell] = Some(player);
                        reply.send(board.clone());
                        Some(cell)
                    }
                    None => None,
                }
            };
            match cell {
                Some(_) if board.winner() == Some(player) => break 'game Over::Won { by: player, moves: turn },
                Some(_) if board.free().next().is_none() => break 'game Over::Drawn,
                Some(_) => missed[player as usize] = 0,
                None => missed[player as usize] += 1,
            }
            if missed[player as usize] == 2 {
                break 'game Over::Left { by: player };
            }
            set_status(&board);
            player = player.other();
        }
        Over::Drawn
    };
    Ok(over)
}

#[workflow]
async fn game(computer: Option<Player>) -> Result<Over, WorkflowError> {
    select! {
        over = play(computer) => over,
        by = GIVE_UP.recv() => Ok(Over::GivenUp { by: by? }),
    }
}

#[test]
fn people_play() {
    let run = || Differential::new(|| game(None));
    let moves = [
        (Player::X, 4),
        (Player::O, 4),
        (Player::X, 0),
        (Player::O, 9),
        (Player::O, 3),
        (Player::X, 0),
        (Player::O, 5),
        (Player::X, 8),
    ];
    let won = moves.into_iter().fold(run(), |run, m| run.update(&MOVE, m)).run();
    assert_eq!(won.outcome, json!({ "ok": { "Won": { "by": "X", "moves": 5 } } }));
    let answers: Vec<_> = won.operations.iter().filter(|o| o.starts_with("reject")).map(|o| o.as_str()).collect();
    assert_eq!(
        answers,
        ["reject move 1: X is there", "reject move 2: it is not your turn", "reject move 3: there is no cell 9",]
    );
    let drawn = [0, 1, 2, 4, 3, 5, 7, 6, 8].into_iter().zip([Player::X, Player::O].into_iter().cycle());
    let drawn = drawn.fold(run(), |run, (cell, player)| run.update(&MOVE, (player, cell))).run();
    assert_eq!(drawn.outcome, json!({ "ok": "Drawn" }));
}

#[test]
fn people_stay_away() {
    let away = agree(|| game(None));
    assert_eq!(away.outcome, json!({ "ok": { "Left": { "by": "X" } } }));
    assert_eq!(asked(&away).matches("remind_player").count(), 3);
    let given_up = Differential::new(|| game(None)).signal(&GIVE_UP, Player::O).run();
    assert_eq!(given_up.outcome, json!({ "ok": { "GivenUp": { "by": "O" } } }));
    let robot = [3, 4, 8]
        .into_iter()
        .fold(Differential::new(|| game(Some(Player::X))), |run, c| run.update(&MOVE, (Player::O, c)));
    assert_eq!(robot.run().outcome, json!({ "ok": { "Won": { "by": "X", "moves": 5 } } }));
}

#[workflow_runtime::test(crashes = "every")]
async fn a_game_is_given_up_at_night(t: Test) {
    let run = t.start("g", game(Some(Player::X))).await;
    t.advance(minutes(9)).await;
    run.signal(&GIVE_UP, Player::O).await;
    assert_eq!(run.result().await.expect("an end"), Over::GivenUp { by: Player::O });
    t.calls(computer_move).assert_called_times(2);
}
