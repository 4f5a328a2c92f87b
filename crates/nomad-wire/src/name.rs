//! Names of regions and namespaces: never empty, cheap to clone.

use std::{borrow::Borrow, fmt, sync::Arc};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $default:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name; an empty text means the default, as everywhere in Nomad.
            #[must_use]
            pub fn new(name: &str) -> Self {
                if name.is_empty() { Self::default() } else { Self(name.into()) }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Default for $name {
            #[doc = concat!("`", $default, "`")]
            fn default() -> Self {
                Self($default.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

name! {
    /// A region: the set of servers that share one Raft log. `global` unless configured.
    Region, "global"
}
name! {
    /// A namespace of jobs and allocations. `default` unless configured.
    Namespace, "default"
}
