//! An agent: a model decides which tools to call, several at once; what is dangerous a person allows; and the conversation goes on
//! until the model answers, or its budget is used up.

use crate::{agree, asked};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use workflow_runtime::{
    prelude::*,
    testing::{Test, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
enum Message {
    User { text: String },
    Assistant { text: Option<String>, calls: Vec<ToolCall> },
    Tool { call: u32, result: Value },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ToolCall {
    id: u32,
    tool: String,
    input: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Completion {
    text: Option<String>,
    calls: Vec<ToolCall>,
    tokens: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Conversation {
    answer: String,
    tokens: u32,
    turns: usize,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
enum AgentError {
    #[error("the budget of {budget} tokens is used up")]
    Budget { budget: u32, so_far: Vec<Message> },
    #[error("the model has nothing to say")]
    Silent,
    #[error("the model")]
    Model(#[from] ActivityError<String>),
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

const ALLOWED: Signal<(u32, bool)> = Signal::new("allowed");
const STEER: Signal<String> = Signal::new("steer");

fn call(id: u32, tool: &str, input: Value) -> ToolCall {
    ToolCall { id, tool: tool.to_owned(), input }
}

/// A model of few words: what it does follows from what was said.
#[activity(timeout = "2m", retry(attempts = 5, initial = "1s"))]
async fn complete(messages: &[Message]) -> Result<Completion, String> {
    let said = |text: &str| Completion { text: Some(text.to_owned()), calls: vec![], tokens: 10 };
    let calls = |calls| Completion { text: None, calls, tokens: 20 };
    let Some(Message::User { text: asked }) = messages.first() else { return Err("no question".to_owned()) };
    Ok(match (asked.as_str(), messages.last()) {
        ("silent", _) => Completion { text: None, calls: vec![], tokens: 1 },
        ("loop", _) => calls(vec![call(messages.len() as u32, "search", json!("more"))]),
        (_, Some(Message::User { text })) if text == "hello" => said("hi"),
        (_, Some(Message::User { text })) if text.starts_with("delete") => calls(vec![
            call(1, "search", json!(text)),
            call(2, "delete", json!({ "path": "/tmp" })),
            call(3, "guess", json!(null)),
        ]),
        (_, Some(Message::Tool { result, .. })) => said(&format!("done: {result}")),
        (_, last) => said(&format!("I have {last:?}")),
    })
}

#[activity(retry(attempts = 2, initial = "1s"))]
async fn call_tool(tool: &str, input: &Value) -> Result<Value, String> {
    match tool {
        "search" => Ok(json!({ "found": input })),
        "delete" => Ok(json!("deleted")),
        other => Err(format!("no tool {other}")),
    }
}

/// Waits until a person has allowed or refused this call; what is said of other calls is old.
#[workflow]
async fn ask_person(id: u32) -> Result<bool, Cancelled> {
    let deadline = now() + jiff::SignedDuration::from_hours(12);
    loop {
        let answer = select! {
            (about, allowed) = async { ALLOWED.recv().await.unwrap_or((id, false)) } => (about == id).then_some(allowed),
            late = sleep_until(deadline) => {
                late?;
                Some(false)
            }
        };
        if let Some(allowed) = answer {
            return Ok(allowed);
        }
    }
}

#[workflow]
async fn agent(question: String, budget: u32) -> Result<Conversation, AgentError> {
    let mut messages = vec![Message::User { text: question }];
    let mut tokens = 0;
    for turns in 1.. {
        if tokens >= budget {
            return Err(AgentError::Budget { budget, so_far: messages });
        }
        while let Some(text) = STEER.try_recv() {
            messages.push(Message::User { text });
        }
        let Completion { text, calls, tokens: used } = complete(&messages).await?;
        tokens += used;
        messages.push(Message::Assistant { text: text.clone(), calls: calls.clone() });
        match (text, calls.is_empty()) {
            (Some(answer), true) => return Ok(Conversation { answer, tokens, turns }),
            (None, true) => return Err(AgentError::Silent),
            (_, false) => set_status(&format!("turn {turns}: {} calls", calls.len())),
        }

        let (dangerous, harmless): (Vec<_>, Vec<_>) = calls.into_iter().partition(|c| c.tool == "delete");
        let results = join_all(harmless.iter().map(|c| call_tool(&c.tool, &c.input))).await;
        for (call, result) in harmless.iter().zip(results) {
            let result = result.unwrap_or_else(|e| json!({ "error": e.to_string() }));
            messages.push(Message::Tool { call: call.id, result });
        }
        for ToolCall { id, tool, input } in dangerous {
            let result = if ask_person(id).await? { call_tool(&tool, &input).await? } else { json!("not allowed") };
            messages.push(Message::Tool { call: id, result });
        }
    }
    Err(AgentError::Silent)
}

#[test]
fn the_model_answers() {
    let hello = agree(|| agent("hello".to_owned(), 100));
    assert_eq!(hello.outcome, json!({ "ok": { "answer": "hi", "tokens": 10, "turns": 1 } }));
    assert_eq!(agree(|| agent("silent".to_owned(), 100)).outcome, json!({ "err": "Silent" }));
    let looping = agree(|| agent("loop".to_owned(), 60));
    assert_eq!(looping.outcome["err"]["Budget"]["budget"], 60);
    assert_eq!(looping.outcome["err"]["Budget"]["so_far"].as_array().expect("messages").len(), 7);
    let steered = Differential::new(|| agent("x".to_owned(), 60)).signal(&STEER, "hello".to_owned()).run();
    assert_eq!(steered.outcome["ok"]["answer"], "hi");
}

#[test]
fn a_person_allows_what_is_dangerous() {
    let run = || Differential::new(|| agent("delete it".to_owned(), 100));
    let allowed = run().signal(&ALLOWED, (9, false)).signal(&ALLOWED, (2, true)).run();
    assert_eq!(allowed.outcome, json!({ "ok": { "answer": "done: \"deleted\"", "tokens": 30, "turns": 2 } }));
    assert_eq!(asked(&allowed), "complete join_all call_tool call_tool signal timer signal timer call_tool complete");
    let refused = run().signal(&ALLOWED, (2, false)).run();
    assert_eq!(refused.outcome["ok"]["answer"], "done: \"not allowed\"");
    let late = run().run();
    assert_eq!(late.outcome["ok"]["answer"], "done: \"not allowed\"");
}

#[workflow_runtime::test(crashes = "every")]
async fn an_agent_waits_for_its_person(t: Test) {
    let run = t.start("a", agent("delete it".to_owned(), 100)).await;
    t.advance(hours(11)).await;
    run.signal(&ALLOWED, (2, true)).await;
    let conversation = run.result().await.expect("an answer");
    assert_eq!(conversation, Conversation { answer: "done: \"deleted\"".to_owned(), tokens: 30, turns: 2 });
    t.calls(complete).assert_called_times(2);
}
