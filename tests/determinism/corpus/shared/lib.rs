//! The crate that workflows call into: what they find here is seen by no macro.

pub mod chance;
pub mod clock;
pub mod geometry;
pub mod globals;
pub mod guarded;
pub mod order;
pub mod places;
pub mod remote;
pub mod settings;
pub mod shop;

/// The sum of one field of a list.
#[macro_export]
macro_rules! sum_of {
    ($list:expr, $field:expr) => {{
        let field = $field;
        $list.iter().map(|line| field(line)).sum::<u64>()
    }};
}

/// Seconds since 1970.
#[macro_export]
macro_rules! unix_seconds {
    () => {
        ::std::time::SystemTime::now().duration_since(::std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
    };
}

/// All entries of a map, with commas.
#[macro_export]
macro_rules! listed {
    ($map:expr) => {
        $map.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
    };
}

/// Says it to whoever reads the standard output.
#[macro_export]
macro_rules! announce {
    ($text:expr) => {
        println!("announced: {}", $text)
    };
}

/// A function that counts its calls.
#[macro_export]
macro_rules! counter {
    ($name:ident) => {
        pub fn $name() -> u64 {
            static CALLS: ::std::sync::atomic::AtomicU64 = ::std::sync::atomic::AtomicU64::new(0);
            CALLS.fetch_add(1, ::std::sync::atomic::Ordering::Relaxed)
        }
    };
}

/// A language of its own.
#[macro_export]
macro_rules! script {
    (read => $module:ident @ $function:ident;) => {
        $crate::$module::$function()
    };
}

/// Where it stands.
#[macro_export]
macro_rules! here {
    () => {
        format!("{}:{}", file!(), line!())
    };
}

/// The first of a list that is not empty.
#[macro_export]
macro_rules! first_of {
    ($list:expr) => {
        unsafe { $list.get_unchecked(0) }.clone()
    };
}
