"""A private CA and host certificates, by the openssl command."""

import subprocess
from pathlib import Path

_EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def _openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_ca(folder, name="Valise test CA", days=365):
    """Writes ca.pem and ca.key into `folder`; returns the path of ca.pem."""
    folder = Path(folder)
    _openssl("req", "-x509", *_EC, "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem"),
             "-days", str(days), "-subj", f"/CN={name}")
    (folder / "ca.key").chmod(0o600)
    return folder / "ca.pem"


def make_certificate(folder, domain, days=365):
    """Writes DOMAIN.pem and DOMAIN.key, signed by the folder's CA; returns both paths. `domain`: or an IPv4 address."""
    folder = Path(folder)
    certificate, key, request = (folder / f"{domain}.{end}" for end in ("pem", "key", "csr"))
    _openssl("req", *_EC, "-keyout", str(key), "-out", str(request), "-subj", f"/CN={domain}",
             "-addext", f"subjectAltName={'IP' if domain.replace('.', '').isdigit() else 'DNS'}:{domain}")
    _openssl("x509", "-req", "-in", str(request), "-copy_extensions", "copy", "-days", str(days),
             "-CA", str(folder / "ca.pem"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial",
             "-out", str(certificate))
    key.chmod(0o600)
    request.unlink()
    return certificate, key
