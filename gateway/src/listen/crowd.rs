//! How many connections each address holds.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::timeout};

/// What Nomad tells a caller who has too many.
const REFUSAL: &str = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 81\r\n\
    Connection: close\r\n\r\n\
    Your IP is issuing too many concurrent connections, please rate limit your calls\n";

/// A caller who does not even take the refusal is not waited for; Nomad waits as long.
const REFUSAL_LIMIT: Duration = Duration::from_millis(10);

/// Who is there.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowd {
    /// Any number if 0.
    most: usize,
    here: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    crowd: Crowd,
    address: IpAddr,
}

impl Crowd {
    pub(super) fn of(most: usize) -> Self {
        Self { most, here: Arc::default() }
    }

    /// None when the address holds as many as it may.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Guest> {
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        let count = here.entry(address).or_insert(0);
        if self.most > 0 && *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Guest { crowd: self.clone(), address })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut here = self.crowd.here.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = here.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.address);
            }
        }
    }
}

/// Says why, and closes.
pub(super) async fn refuse(mut stream: TcpStream) {
    let told = async {
        stream.write_all(REFUSAL.as_bytes()).await?;
        stream.shutdown().await
    };
    drop(timeout(REFUSAL_LIMIT, told).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_so_many_and_no_more() {
        let crowd = Crowd::of(2);
        let (one, two): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        let first = crowd.admit(one).unwrap();
        let _second = crowd.admit(one).unwrap();
        assert!(crowd.admit(one).is_none() && crowd.admit(two).is_some());
        drop(first);
        assert!(crowd.admit(one).is_some());
        let crowd = Crowd::default();
        let guests: Vec<_> = (0..1000).filter_map(|_| crowd.admit(one)).collect();
        assert_eq!(guests.len(), 1000);
        drop(guests);
        assert!(crowd.here.lock().unwrap().is_empty());
    }

    #[test]
    fn the_refusal_has_its_length() {
        let (head, body) = REFUSAL.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{}", body.len());
    }
}
