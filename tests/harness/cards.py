"""Smart cards as far as a server sees them: an authority, certificates with addresses in them, revocation lists."""

import datetime
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

XMPP_ADDR = ObjectIdentifier("1.3.6.1.5.5.7.8.5")  # id-on-xmppAddr, RFC 6120 §13.7.1.4
DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def utf8(text):
    """DER of a UTF8String of up to 65,535 bytes."""
    data = text.encode() if isinstance(text, str) else text
    size = bytes([len(data)]) if len(data) < 128 else b"\x82" + len(data).to_bytes(2, "big")
    return b"\x0c" + size + data


def xmpp(address):
    return x509.OtherName(XMPP_ADDR, utf8(address))


def email(address):
    return x509.RFC822Name(address)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    def __init__(self, folder, name, issuer=None):
        self.folder, self.name, self.issuer = Path(folder), name, issuer
        self.folder.mkdir(exist_ok=True)
        self._count = 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._certificate(issuer or self, _name(name), self._key, [
            (x509.BasicConstraints(ca=True, path_length=None), True)])
        self.file = self.folder / f"{name}.pem"
        self.file.write_bytes(self.pem())
        self.crl_file = self.folder / f"{name}.crl"

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @staticmethod
    def _certificate(signer, subject, key, extensions, begins=None, ends=None):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(_name(signer.name))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(begins or now() - DAY).not_valid_after(ends or now() + 30 * DAY))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer._key, hashes.SHA256())

    def card(self, *names, usage=ExtendedKeyUsageOID.CLIENT_AUTH, ends=None, begins=None, with_chain=False):
        """A file with a key and its certificate, which holds `names` (see xmpp, email)."""
        self._count += 1
        key = ec.generate_private_key(ec.SECP256R1())
        extensions = [(x509.ExtendedKeyUsage([usage]), False)]
        if names:
            extensions.append((x509.SubjectAlternativeName(names), False))
        certificate = self._certificate(self, _name(f"holder {self._count}"), key, extensions, begins, ends)
        path = self.folder / f"{self.name}-{self._count}.pem"
        path.write_bytes(_pem(key) + certificate.public_bytes(serialization.Encoding.PEM)
                         + (self.pem() if with_chain else b""))
        return path

    def card_of_openssl(self, notation, address):
        """A card that another program made. `notation`: of the kind of name that `address` is, as that program or a URN
        (RFC 6120 §13.7.1.4) writes its object identifier."""
        self._count += 1
        self.folder.joinpath("key").write_bytes(_pem(self._key))
        self.folder.joinpath("names").write_text(
            f"extendedKeyUsage = clientAuth\nsubjectAltName = otherName:{notation.removeprefix('urn:oid:')};UTF8:{address}\n")
        for command in ("req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=holder -keyout holder -out request",
                        f"x509 -req -in request -CA {self.file} -CAkey key -set_serial {self._count} -days 9 -extfile names -out made"):
            subprocess.run(["openssl", *command.split()], cwd=self.folder, check=True, capture_output=True)
        path = self.folder / f"{self.name}-{self._count}.pem"
        path.write_bytes(b"".join(self.folder.joinpath(name).read_bytes() for name in ("holder", "made")))
        return path

    def list(self, *revoked, ends=None):
        """PEM of a revocation list with these cards on it, until `ends`."""
        builder = (x509.CertificateRevocationListBuilder().issuer_name(_name(self.name))
                   .last_update(now() - 2 * DAY).next_update(ends or now() + DAY))
        for card in revoked:
            serial = x509.load_pem_x509_certificate(card.read_bytes()).serial_number
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now() - DAY).build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def revokes(self, *cards, ends=None):
        """Writes the list into crl_file."""
        self.crl_file.write_bytes(self.list(*cards, ends=ends))
        return self.crl_file
