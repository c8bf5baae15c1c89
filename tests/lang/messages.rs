//! Signals that are taken without waiting, and updates: function and machine find the same in the inbox and give the same
//! answers.

use crate::shop::double;
use workflow_runtime::{machine::Ticket, prelude::*, testing::differential::Differential};

const WORD: Signal<String> = Signal::new("word");
const SUM: Update<Vec<u32>, u32> = Update::new("sum");

#[workflow]
async fn looks_now_and_then(rounds: u32) -> Result<Vec<String>, WorkflowError> {
    let mut found = vec![];
    for round in 0..rounds {
        if let Some(word) = WORD.try_recv() {
            found.push(format!("{round} {word}"));
        }
        let waited = WORD.recv().timeout(hours(1)).await;
        while let Some((numbers, reply)) = SUM.try_recv() {
            found.push(format!("{round} {numbers:?}"));
            match numbers.len() {
                0 => reply.reject("nothing"),
                _ => reply.send(numbers.iter().sum()),
            }
        }
        found.push(waited.unwrap_or_else(|e| e.to_string()));
    }
    Ok(found)
}

/// Keeps a reply in a collection over an await, and one in a tuple.
#[workflow]
async fn answers_later(n: usize) -> Result<u32, WorkflowError> {
    let mut open: Vec<(u32, Reply<u32>)> = vec![];
    while open.len() < n {
        let (numbers, reply) = SUM.recv().await?;
        let sum: u32 = numbers.iter().sum();
        let twice = double(sum).await.unwrap_or_default();
        open.push((twice, reply));
    }
    let kept = SUM.recv().timeout(days(1)).await;
    sleep(days(1)).await?;
    let mut total = 0;
    for (twice, reply) in open {
        let Ticket { name, seq, .. } = reply.ticket().clone();
        assert_eq!((name.as_str(), seq < 9), ("sum", true));
        reply.send(twice);
        sleep(seconds(1)).await?;
        total += twice;
    }
    if let Ok((_, reply)) = kept {
        reply.reject("too late");
    }
    Ok(total)
}

#[test]
fn what_is_there_is_found_by_both() {
    let signals = ["a", "b", "c"].map(String::from);
    let mut differential = Differential::new(|| looks_now_and_then(3));
    for word in signals {
        differential = differential.signal(&WORD, word);
    }
    let agreed = differential.update(&SUM, vec![1, 2]).update(&SUM, vec![]).run();
    let found = agreed.outcome["ok"].to_string();
    assert_eq!(found, r#"["0 a","0 [1, 2]","0 []","b","1 c","timed out","timed out"]"#);
    assert_eq!(agreed.operations[agreed.operations.len() - 2..], ["answer sum 0: 3", "reject sum 1: nothing"]);
}

#[test]
fn a_reply_lives_across_awaits() {
    let differential = Differential::new(|| answers_later(2));
    let agreed = differential.update(&SUM, vec![1]).update(&SUM, vec![2]).update(&SUM, vec![3]).run();
    assert_eq!(agreed.outcome["ok"], 6);
    let answers = ["answer sum 0: 2", "answer sum 1: 4", "reject sum 2: too late"];
    assert_eq!(agreed.operations[agreed.operations.len() - 3..], answers);
}
