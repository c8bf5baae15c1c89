//! A sign-up in steps: the e-mail address is verified by a code, the profile is filled in by updates, and who stays away for
//! too long is reminded and forgotten.

use crate::asked;
use serde::{Deserialize, Serialize};
use serde_json::json;
use workflow_runtime::{
    engine::UpdateError,
    prelude::*,
    testing::{TestEngine, differential::Differential},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Step {
    Verify { code: u32 },
    Resend,
    Profile { name: String, birth_year: Option<i16> },
    Finish,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Profile {
    email: String,
    name: Option<String>,
    birth_year: Option<i16>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum SignedUp {
    Member { id: u64, profile: Profile },
    Unverified { sent: u32 },
    Incomplete(Profile),
}

const STEP: Update<Step, String> = Update::new("signup-step");

#[activity]
async fn reserve_address(email: &str) -> Result<(), String> {
    if email.contains('@') { Ok(()) } else { Err(format!("{email} is no address")) }
}

#[activity]
async fn release_address(email: String) -> Result<(), String> {
    println!("{email} is free");
    Ok(())
}

#[activity(retry)]
async fn send_code(email: &str, code: u32) -> Result<(), String> {
    println!("{email}: {code}");
    Ok(())
}

#[activity]
async fn create_member(profile: &Profile) -> Result<u64, String> {
    match profile {
        Profile { name: Some(name), .. } if name == "admin" => Err("this name is taken".to_owned()),
        Profile { email, .. } => Ok(email.len() as u64),
    }
}

fn code_of(email: &str, sent: u32) -> u32 {
    1000 + email.len() as u32 + sent
}

/// True once the address is verified; false if nobody verifies it.
#[workflow]
async fn verify_address(email: String) -> Result<(bool, u32), WorkflowError> {
    const MOST_TRIES: u32 = 3;
    const MOST_MAILS: u32 = 2;

    let mut sent = 0;
    'mail: while sent < MOST_MAILS {
        let expected = code_of(&email, sent);
        send_code(&email, expected).await?;
        sent += 1;
        let mut tries = 0;
        while tries < MOST_TRIES {
            let Ok((step, reply)) = STEP.recv().timeout(hours(24)).await else {
                continue 'mail;
            };
            match step {
                Step::Verify { code } if code == expected => {
                    reply.send("verified".to_owned());
                    return Ok((true, sent));
                }
                Step::Verify { .. } => {
                    tries += 1;
                    reply.reject(format!("wrong, {} left", MOST_TRIES - tries));
                }
                Step::Resend if sent < MOST_MAILS => {
                    reply.send("sent again".to_owned());
                    continue 'mail;
                }
                step => reply.reject(format!("{step:?} is not possible now")),
            }
        }
    }
    Ok((false, sent))
}

#[workflow]
async fn signup(email: String) -> Result<SignedUp, WorkflowError> {
    saga::on_failure(release_address(email.clone()));
    reserve_address(&email).await?;
    let (verified, sent) = verify_address(email.clone()).await?;
    if !verified {
        release_address(email).await?;
        saga::commit();
        return Ok(SignedUp::Unverified { sent });
    }

    let mut profile = Profile { email, ..Profile::default() };
    let mut reminded = false;
    loop {
        let (step, reply) = match STEP.recv().timeout(days(7)).await {
            Ok(request) => request,
            Err(WaitError::TimedOut) if !reminded => {
                send_code(&profile.email, 0).await?;
                reminded = true;
                continue;
            }
            Err(WaitError::TimedOut) => return Ok(SignedUp::Incomplete(profile)),
            Err(e) => return Err(e.into()),
        };
        match (step, &profile.name) {
            (Step::Profile { birth_year: Some(year), .. }, _) if year > 2010 => reply.reject("too young"),
            (Step::Profile { name, birth_year }, _) => {
                let answer = format!("hello {name}");
                profile = Profile { name: Some(name), birth_year: birth_year.or(profile.birth_year), ..profile };
                reply.send(answer);
            }
            (Step::Finish, Some(name)) => match create_member(&profile).await {
                Ok(id) => {
                    reply.send(format!("welcome {name}"));
                    return Ok(SignedUp::Member { id, profile });
                }
                Err(e) => reply.reject(e.to_string()),
            },
            (Step::Finish, None) => reply.reject("the name is missing"),
            (Step::Verify { .. } | Step::Resend, _) => reply.send("nothing to verify".to_owned()),
        }
    }
}

fn profile(name: &str, birth_year: Option<i16>) -> Step {
    Step::Profile { name: name.to_owned(), birth_year }
}

const EMAIL: &str = "a@b.c";

#[test]
fn someone_signs_up() {
    let steps = [
        Step::Verify { code: 1 },
        Step::Finish,
        Step::Resend,
        Step::Verify { code: code_of(EMAIL, 1) },
        Step::Finish,
        profile("kid", Some(2015)),
        profile("admin", Some(1990)),
        Step::Finish,
        profile("Ada", None),
        Step::Resend,
        Step::Finish,
    ];
    let run = Differential::new(|| signup(EMAIL.to_owned()));
    let agreed = steps.into_iter().fold(run, |run, step| run.update(&STEP, step)).run();
    let member = json!({ "id": 5, "profile": { "email": EMAIL, "name": "Ada", "birth_year": 1990 } });
    assert_eq!(agreed.outcome, json!({ "ok": { "Member": member } }));
    let answers: Vec<_> = agreed.operations.iter().filter(|o| o.contains("signup-step ")).collect();
    assert!(answers.iter().any(|a| a.contains("wrong, 2 left")), "{answers:?}");
    assert!(answers.last().is_some_and(|a| a.contains("welcome Ada")), "{answers:?}");
}

#[test]
fn someone_stays_away() {
    let never = Differential::new(|| signup(EMAIL.to_owned())).run();
    assert_eq!(never.outcome, json!({ "ok": { "Unverified": { "sent": 2 } } }));
    assert_eq!(asked(&never), "reserve_address send_code signal send_code signal release_address");
    let once = Differential::new(|| signup(EMAIL.to_owned()));
    let once = once.update(&STEP, Step::Verify { code: code_of(EMAIL, 0) }).run();
    assert_eq!(once.outcome["ok"]["Incomplete"]["email"], EMAIL);
    let bad = Differential::new(|| signup("nobody".to_owned())).run();
    assert_eq!(asked(&bad), "reserve_address release_address");
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_is_answered() -> Result<(), Box<dyn std::error::Error>> {
    let engine = TestEngine::builder().manual().build().await?;
    let run = engine.start("s", signup(EMAIL.to_owned())).await?;
    let wrong = run.update(&STEP, Step::Verify { code: 7 }).await;
    assert!(matches!(wrong, Err(UpdateError::Rejected { reason, .. }) if reason == "wrong, 2 left"));
    let engine = engine.restart().await?;
    let run = engine.run(signup, "s");
    assert_eq!(run.update(&STEP, Step::Verify { code: code_of(EMAIL, 0) }).await?, "verified");
    assert_eq!(run.update(&STEP, profile("Ada", None)).await?, "hello Ada");
    assert_eq!(run.update(&STEP, Step::Finish).await?, "welcome Ada");
    assert!(matches!(run.result().await?, SignedUp::Member { id: 5, .. }));
    Ok(())
}
