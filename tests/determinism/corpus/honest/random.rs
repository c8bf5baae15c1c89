//! Generators with a seed that is an argument, or comes from the run.

use crate::desk;
use rand::{
    Rng, RngCore, SeedableRng,
    distr::{Alphanumeric, Uniform, weighted::WeightedIndex},
    prelude::Distribution,
    rngs::{SmallRng, StdRng},
    seq::{IndexedRandom, SliceRandom},
};
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};
use workflow_runtime::prelude::*;

pub mod shuffled_playlist {
    use super::*;

    #[workflow]
    pub async fn shuffled_playlist(mut songs: Vec<String>, seed: u64) -> Result<Vec<String>, WorkflowError> {
        let mut rng = StdRng::seed_from_u64(seed);
        songs.shuffle(&mut rng);
        for song in &songs {
            desk::ask(song).await?;
        }
        Ok(songs)
    }
}

pub mod lottery {
    use super::*;

    #[workflow]
    pub async fn lottery(tickets: Vec<u32>) -> Result<u32, WorkflowError> {
        sleep(days(7)).await?;
        let mut rng = ChaCha20Rng::seed_from_u64(random::<u64>());
        let winner = tickets.choose(&mut rng).copied().unwrap_or_default();
        desk::mail("winner@example.com", &winner.to_string()).await?;
        Ok(winner)
    }
}

pub mod generator_across_awaits {
    use super::*;

    #[workflow]
    pub async fn generator_across_awaits(seed: [u8; 32], rounds: u32) -> Result<u32, WorkflowError> {
        let mut rng = ChaCha8Rng::from_seed(seed);
        let mut sum = 0;
        for _ in 0..rounds {
            sum += rng.random_range(1..=6u32);
            sleep(seconds(1)).await?;
        }
        Ok(sum)
    }
}

pub mod jitter {
    use super::*;

    fn backoff(attempt: u32, rng: &mut impl Rng) -> u64 {
        (100u64 << attempt.min(10)) + rng.random_range(0..100)
    }

    #[workflow]
    pub async fn jitter(question: String) -> Result<String, WorkflowError> {
        for attempt in 0..8 {
            if let Ok(answer) = desk::ask(&question).await {
                return Ok(answer);
            }
            let mut rng = SmallRng::seed_from_u64(u64::from(attempt));
            sleep(millis(backoff(attempt, &mut rng))).await?;
        }
        Ok("nobody answers".to_owned())
    }
}

pub mod coupon_codes {
    use super::*;

    #[workflow]
    pub async fn coupon_codes(n: usize, seed: u64) -> Result<Vec<String>, WorkflowError> {
        let mut rng = StdRng::seed_from_u64(seed);
        let codes: Vec<String> =
            (0..n).map(|_| (&mut rng).sample_iter(&Alphanumeric).take(8).map(char::from).collect()).collect();
        for code in &codes {
            desk::store("coupon", code).await?;
        }
        Ok(codes)
    }
}

pub mod weighted_reviewers {
    use super::*;

    #[workflow]
    pub async fn weighted_reviewers(names: Vec<String>, weights: Vec<u32>) -> Result<String, WorkflowError> {
        let index = WeightedIndex::new(&weights)?;
        let name = names[index.sample(&mut StdRng::seed_from_u64(weights.len() as u64))].clone();
        desk::mail(&name, "please review").await?;
        Ok(name)
    }
}

pub mod monte_carlo {
    use super::*;

    #[workflow]
    pub async fn monte_carlo(draws: u32) -> Result<f64, WorkflowError> {
        let uniform = Uniform::new(0.0f64, 1.0)?;
        let mut rng = ChaCha8Rng::seed_from_u64(42);
        let mut inside = 0u32;
        for _ in 0..draws {
            let (x, y) = (uniform.sample(&mut rng), uniform.sample(&mut rng));
            inside += u32::from(x * x + y * y <= 1.0);
        }
        desk::store("pi", &inside.to_string()).await?;
        Ok(4.0 * f64::from(inside) / f64::from(draws))
    }
}

pub mod own_generator {
    use super::*;

    pub struct SplitMix(u64);

    impl RngCore for SplitMix {
        fn next_u32(&mut self) -> u32 {
            (self.next_u64() >> 32) as u32
        }

        fn next_u64(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z ^ (z >> 27)
        }

        fn fill_bytes(&mut self, to: &mut [u8]) {
            to.iter_mut().for_each(|b| *b = self.next_u64() as u8);
        }
    }

    #[workflow]
    pub async fn own_generator(n: u32) -> Result<bool, WorkflowError> {
        let heads = SplitMix(u64::from(n)).random_bool(0.5);
        desk::ask(if heads { "heads" } else { "tails" }).await?;
        Ok(heads)
    }
}

pub mod of_the_run {
    use super::*;

    #[workflow]
    pub async fn of_the_run(names: Vec<String>) -> Result<(String, String), WorkflowError> {
        let first = names[random::<u32>() as usize % names.len()].clone();
        desk::mail(&first, "it is you").await?;
        Ok((first, uuid().to_string()))
    }
}
