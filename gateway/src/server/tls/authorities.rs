//! Who may sign certificates.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;

use super::{TlsError, pem};

/// Who may sign agents' certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the three places where Nomad's command line looks")]
pub enum Authorities {
    /// Those in a file; PEM (`NOMAD_CACERT`).
    File(PathBuf),
    /// Those in all files of a folder and of folders in it; PEM (`NOMAD_CAPATH`).
    Folder(PathBuf),
    /// Those that the system trusts, or that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    System,
}

impl Authorities {
    /// Reads them.
    pub(super) fn read(&self) -> Result<RootCertStore, TlsError> {
        match self {
            Self::File(file) => pem::authorities(file),
            Self::Folder(folder) => {
                let files = files(folder)?;
                let mut roots = RootCertStore::empty();
                for file in &files {
                    roots.extend(pem::authorities(file)?.roots);
                }
                if roots.is_empty() {
                    return Err(TlsError::NoCertificate(folder.clone()));
                }
                Ok(roots)
            }
            Self::System => system_roots(),
        }
    }

    /// What they are read from, as it is now.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::File(file) => vec![file.clone()],
            Self::Folder(folder) => files(folder).unwrap_or_default(),
            Self::System => Vec::new(),
        }
    }
}

/// The system's list is not ours to complain about: what cannot be read in it is left out.
fn system_roots() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (_, unusable) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(found = roots.len(), unusable, errors = ?found.errors, "the system's authorities");
    if roots.is_empty() { Err(TlsError::NoSystemAuthority) } else { Ok(roots) }
}

/// All files in a folder and in folders in it, in the order of their names. A link to a file is followed, one to a folder is
/// not: the folder stands beside it where secrets are mounted.
fn files(folder: &Path) -> Result<Vec<PathBuf>, TlsError> {
    let failed = |source| TlsError::Read { file: folder.to_owned(), source };
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if !(kind.is_symlink() && entry.path().is_dir()) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_read_with_all_that_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
            let pem = params.self_signed(&key).unwrap().pem();
            std::fs::write(folder.path().join(name), pem).unwrap();
        };
        let authorities = Authorities::Folder(folder.path().to_owned());
        assert!(matches!(authorities.read(), Err(TlsError::NoCertificate(_))));
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        std::os::unix::fs::symlink("inner", folder.path().join("link")).unwrap();
        write("one.pem");
        write("inner/two.pem");
        assert_eq!((authorities.read().unwrap().len(), authorities.files().len()), (2, 2));
        std::fs::write(folder.path().join("three"), "no certificate").unwrap();
        assert!(
            matches!(authorities.read(), Err(TlsError::NoCertificate(file)) if file.ends_with("three"))
        );
        let missing = Authorities::Folder(folder.path().join("missing"));
        assert!(matches!(missing.read(), Err(TlsError::Read { .. })));
    }
}
