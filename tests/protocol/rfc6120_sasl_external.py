"""RFC 6120 §13.8.4, RFC 4422 appendix A, XEP-0178 §2: log-in with a client's certificate. What is wrong with a card is worth
as much as no card."""

import base64
import datetime
import dataclasses
import hashlib
import ssl

import _path  # noqa: F401
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from harness import NS, StreamClosed, Town, run, story
from harness.cards import DAY, XMPP_ADDR, Authority, email, now, utf8, xmpp
from harness.certificates import make_certificate
from harness.device import Account
from harness.scram import Scram
from harness.stream import Stream

SASL = "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
OTHER = "ambassade.example"
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class Office:
    """A town whose host localhost takes the cards of `ca`. Beside it is a host with nothing but a certificate of its own."""

    def __init__(self, mode="ask", crl=False, other=None, **options):
        self.town = town = Town(name="office")
        self.ca = Authority(town.folder / "tls" / "cards", "cards")
        certificate, key = make_certificate(town.folder / "tls", OTHER)
        town.options |= {f'host["{OTHER}"].tls.certificate': certificate, f'host["{OTHER}"].tls.key': key,
                         'host["localhost"].tls.client_certificates': mode,
                         'host["localhost"].tls.client_ca': self.ca.file}
        if crl:
            town.options['host["localhost"].tls.client_crl'] = self.ca.revokes()
        for name, value in (other or {}).items():
            town.options[f'host["{OTHER}"].{name}'] = value
        town.options |= {name.replace("__", "."): value for name, value in options.items()}
        town.write_config()

    async def __aenter__(self):
        await self.town.start()
        return self

    async def __aexit__(self, *_):
        await self.town.close()

    async def owner(self, name="alice"):
        """An account and the card that names it."""
        account = await self.town.account(name)
        return account, self.ca.card(xmpp(account.bare))

    async def other_account(self, name):
        await self.town.ctl("user", "add", f"{name}@{OTHER}", stdin=f"sesame {name}\n")

    async def secures(self, card=None, domain="localhost", direct=False, source=None, **how):
        """A connection inside TLS, and this card shown to whoever asks."""
        stream = Stream(dataclasses.replace(self.town.place, domain=domain))
        self.town.streams.append(stream)
        await stream.connect(stream.place.tls_port if direct else None, source=source)
        if direct:
            await stream.secure(card=card, **how)
        else:
            await stream.opens()
            await stream.starts_tls(card=card, **how)
        return stream

    async def meets(self, *arguments, **how):
        """The same with the stream's features."""
        stream = await self.secures(*arguments, **how)
        await stream.opens()
        return stream

    async def refuses(self, card, **how):
        """The handshake fails. On TLS 1.3 the client learns of it when it reads."""
        try:
            stream = await self.secures(card, **how)
            await stream.sends(stream.header())
        except (ConnectionError, ssl.SSLError):
            return
        await stream.is_disconnected()
        inside = stream.heard if how.get("direct") else stream.heard.partition(b"<proceed")[2]
        assert b"<stream:" not in inside, inside

    async def offers_no_external(self, card=None, **how):
        """… and does not take it either."""
        stream = await self.meets(card, **how)
        assert "EXTERNAL" not in stream.mechanisms() and "SCRAM-SHA-256" in stream.mechanisms(), stream.mechanisms()
        await external(stream)
        await stream.sasl_fails_with("invalid-mechanism")
        return stream


async def external(stream, authzid=""):
    data = authzid if isinstance(authzid, bytes) else authzid.encode()
    await stream.sends(f"<auth {SASL} mechanism='EXTERNAL'>{base64.b64encode(data).decode() or '='}</auth>")


async def gets_in(stream, account, authzid=""):
    await external(stream, authzid)
    success = await stream.sasl_answer("success")
    assert success.text is None, success.text  # RFC 4422 A.1: no additional data
    await stream.opens()
    full = await stream.binds("desk")
    assert full == f"{account.bare}/desk", full


async def fails_and_closes(stream, condition):
    await stream.sasl_fails_with(condition)
    await stream.wait_for(lambda event: isinstance(event, StreamClosed), "</stream:stream>")
    await stream.is_disconnected()


@story("RFC 6120 §13.8.4, XEP-0178 §2")
async def a_card_opens_its_account_on_both_ports_and_both_versions(_town):
    async with Office() as office:
        alice, card = await office.owner()
        for direct in (False, True):
            for version in VERSIONS:
                stream = await office.meets(card, direct=direct, version=version)
                assert stream.mechanisms()[0] == "EXTERNAL" and "SCRAM-SHA-256" in stream.mechanisms()
                await gets_in(stream, alice)
        [*_, record] = await office.town.records(kind="login", from_=alice.bare)
        assert record["mechanism"] == "EXTERNAL", record


# RFC 6120 §13.7.1.4: three ways to write one object identifier, and its DER.
NOTATIONS = ("id-on-xmppAddr", "1.3.6.1.5.5.7.8.5", "urn:oid:1.3.6.1.5.5.7.8.5")
XMPP_ADDR_DER = bytes.fromhex("06082b06010505070805")


@story("RFC 6120 §13.7.1.4")
async def an_xmpp_address_counts_in_whichever_notation_it_was_written_and_its_neighbours_do_not(_town):
    async with Office() as office:
        alice, own = await office.owner()
        for card in (own, *(office.ca.card_of_openssl(notation, alice.bare) for notation in NOTATIONS)):
            names = x509.load_pem_x509_certificate(card.read_bytes()).extensions.get_extension_for_class(x509.SubjectAlternativeName)
            assert XMPP_ADDR_DER in names.value.public_bytes(), card
            await gets_in(await office.meets(card), alice)
        for near in ("1.3.6.1.5.5.7.8.4", "1.3.6.1.5.5.7.8.5.1", "1.3.6.1.5.5.7.8", "1.3.6.1.5.5.7.9.5"):
            await office.offers_no_external(office.ca.card_of_openssl(near, alice.bare))


@story("RFC 4422 A.1, RFC 6120 §6.4.2")
async def an_empty_challenge_asks_for_what_was_not_said_at_once(_town):
    async with Office() as office:
        alice, card = await office.owner()
        for answer in ("", "=", base64.b64encode(alice.bare.encode()).decode()):
            stream = await office.meets(card)
            await stream.sends(f"<auth {SASL} mechanism='EXTERNAL'/>")
            assert not (await stream.sasl_answer("challenge")).text
            await stream.sends(f"<response {SASL}>{answer}</response>")
            await stream.sasl_answer("success")
        stream = await office.meets(card)
        await stream.sends(f"<auth {SASL} mechanism='EXTERNAL'/>")
        await stream.sasl_answer("challenge")
        await stream.sends(f"<abort {SASL}/>")
        await stream.sasl_fails_with("aborted")
        await gets_in(stream, alice)


@story("XEP-0178 §2, RFC 6120 §6.3.4")
async def without_a_valid_card_external_is_not_there(_town):
    async with Office() as office:
        alice, _ = await office.owner()
        name, ca = xmpp(alice.bare), office.ca
        stranger = Authority(office.town.folder / "tls" / "strangers", "cards")  # of the same name, with another key
        missing = Authority(office.town.folder / "tls" / "middle", "middle", issuer=stranger)
        ia5 = x509.OtherName(XMPP_ADDR, b"\x16" + utf8(alice.bare)[1:])
        nul = x509.OtherName(XMPP_ADDR, utf8(alice.bare + "\0.evil.example"))
        elsewhere = x509.OtherName(ObjectIdentifier("1.3.6.1.5.5.7.8.7"), utf8(alice.bare))
        for why, card in {
                "none": None, "another authority": stranger.card(name), "no way to the authority": missing.card(name),
                "expired": ca.card(name, begins=now() - 9 * DAY, ends=now() - DAY),
                "not yet valid": ca.card(name, begins=now() + DAY),
                "of a server": ca.card(name, usage=ExtendedKeyUsageOID.SERVER_AUTH),
                "no name": ca.card(), "another domain": ca.card(xmpp("alice@elsewhere.example")),
                "another host": ca.card(xmpp(f"alice@{OTHER}")), "a resource": ca.card(xmpp(alice.bare + "/desk")),
                "no person": ca.card(xmpp("localhost")), "no address": ca.card(xmpp("a b@@localhost")),
                "a NUL": ca.card(nul), "IA5String": ca.card(ia5), "another kind of name": ca.card(elsewhere),
                "a mail address": ca.card(email(alice.bare)), "a DNS name": ca.card(x509.DNSName(alice.bare)),
                "too many names": ca.card(name, *[x509.DNSName(f"n{i}.example") for i in range(64)])}.items():
            for version in VERSIONS:
                try:
                    stream = await office.offers_no_external(card, version=version)
                except AssertionError as error:
                    raise AssertionError(f"{why}, {version.name}") from error
        await stream.authenticates(alice.name, alice.password)  # and the password still opens
        assert (await stream.binds()).startswith(alice.bare)


@story("RFC 6120 §13.7.2.2: hostile certificates")
async def huge_certificates_are_not_read(_town):
    async with Office() as office:
        alice, card = await office.owner()
        huge = office.ca.card(xmpp(alice.bare), *[x509.DNSName("n" * 60 + f"{i}.example") for i in range(600)])
        for version in VERSIONS:
            await office.refuses(huge, version=version)
        await gets_in(await office.meets(card), alice)


@story("XEP-0178 §2, RFC 6120 §6.3.8")
async def an_authzid_is_the_address_in_the_card_or_invalid(_town):
    async with Office() as office:
        alice, card = await office.owner()
        bob = await office.town.account("bob")
        for authzid in ("", alice.bare, alice.bare.upper()):
            await gets_in(await office.meets(card), alice, authzid)
        for wrong in (bob.bare, "localhost", f"{alice.bare}/desk", f"{alice.name}@{OTHER}", alice.name, "@", "x" * 4000, b"\xff"):
            stream = await office.meets(card)
            await external(stream, wrong)
            await fails_and_closes(stream, "invalid-authzid")
        stream = await office.meets(card)
        await external(stream, f"{alice.bare}\0{bob.bare}")
        await fails_and_closes(stream, "malformed-request")
        for broken in ("%%%", "=AAA"):
            stream = await office.meets(card)
            await stream.sends(f"<auth {SASL} mechanism='EXTERNAL'>{broken}</auth>")
            await stream.sasl_fails_with("incorrect-encoding")


@story("XEP-0178 §2, 10 b and 11 b")
async def a_card_with_several_addresses_has_to_say_which(_town):
    async with Office() as office:
        alice, bob = await office.town.account("alice"), await office.town.account("bob")
        carol = await office.town.account("carol")
        await office.other_account("alice")
        several = office.ca.card(xmpp(alice.bare), xmpp(bob.bare), xmpp("stranger@elsewhere.example"))
        hosts = office.ca.card(xmpp(alice.bare), xmpp(f"alice@{OTHER}"))
        for card in (several, hosts):
            stream = await office.meets(card)
            assert "EXTERNAL" in stream.mechanisms()
            await external(stream)
            await fails_and_closes(stream, "invalid-authzid")
            await gets_in(await office.meets(card), alice, alice.bare)
        await gets_in(await office.meets(several), bob, bob.bare)
        for card, wrong in ((several, carol.bare), (several, "stranger@elsewhere.example"), (hosts, f"alice@{OTHER}")):
            stream = await office.meets(card)
            await external(stream, wrong)
            await fails_and_closes(stream, "invalid-authzid")
        same = office.ca.card(xmpp(alice.bare), xmpp(alice.bare.upper()), xmpp("stranger@elsewhere.example"))
        await gets_in(await office.meets(same), alice)  # one address of this server


@story("XEP-0178 §2, 11 c")
async def a_card_opens_no_account_that_is_not_there_or_not_active(_town):
    async with Office() as office:
        stream = await office.meets(office.ca.card(xmpp("nobody@localhost")))
        await external(stream)
        await fails_and_closes(stream, "not-authorized")
        [record] = await office.town.records(kind="login-failed", from_="nobody@localhost")
        assert record["reason"] == "no-account-or-no-valid-certificate", record
        alice, card = await office.owner()
        await office.town.ctl("user", "disable", alice.bare)
        stream = await office.meets(card)
        await external(stream)
        await stream.sasl_fails_with("account-disabled")
        await office.town.ctl("user", "enable", alice.bare)
        await gets_in(await office.meets(card), alice)
        await office.town.ctl("user", "delete", alice.bare)
        stream = await office.meets(card)
        await external(stream)
        await fails_and_closes(stream, "not-authorized")


@story("RFC 6120 §13.7.2: correlation")
async def whom_a_card_names_is_who_the_header_said(_town):
    async with Office("ask") as office:
        alice, card = await office.owner()
        for claim in (alice.bare, alice.bare.upper(), alice.bare + "/phone"):
            stream = await office.secures(card)
            await stream.opens(**{"from": claim})
            await gets_in(stream, alice)
        for claim in ("bob@localhost", "localhost"):
            stream = await office.secures(card)
            await stream.opens(**{"from": claim})
            await stream.sends(f"<auth {SASL} mechanism='EXTERNAL'>=</auth>")
            await stream.fails_with("invalid-from")
            assert not stream.takes(lambda event: str(getattr(event, "tag", "")).startswith(NS.SASL)), claim


@story("tls.client_certificates = require")
async def where_cards_are_required_nothing_else_opens(_town):
    async with Office("require", registration__enabled=True) as office:
        alice, card = await office.owner()
        for direct in (False, True):
            for version in VERSIONS:
                stream = await office.meets(card, direct=direct, version=version)
                assert stream.mechanisms() == ["EXTERNAL"], stream.mechanisms()
                assert stream.features.find("{http://jabber.org/features/iq-register}register") is None
                await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'>{Scram('SCRAM-SHA-256', 'a', 'b').first()}</auth>")
                await stream.sasl_fails_with("invalid-mechanism")
                await gets_in(stream, alice)
                for bad in (None, office.ca.card(xmpp(alice.bare), begins=now() - 9 * DAY, ends=now() - DAY)):
                    await office.refuses(bad, direct=direct, version=version)
        stream = await office.meets(card)
        await stream.sends("<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>x</username>"
                           "<password>yyyyyyyy</password></query></iq>")
        await stream.fails_with("not-authorized")
        # A valid card of nobody here: the handshake is fine, and there is nothing to offer.
        for useless, how in ((office.ca.card(xmpp("alice@elsewhere.example")), {}), (card, {"sni": OTHER})):
            stream = await office.secures(useless, **how)
            stream.expects_header()
            await stream.sends(stream.header())
            await stream.fails_with("not-authorized")


@story("RFC 6066 §3: each host has its own authorities")
async def a_card_counts_only_for_the_host_that_asked_for_it(_town):
    embassy = Office()
    ca = Authority(embassy.town.folder / "tls" / "embassy", "embassy")
    embassy.town.options |= {f'host["{OTHER}"].tls.client_certificates': "ask", f'host["{OTHER}"].tls.client_ca': ca.file}
    embassy.town.write_config()
    async with embassy as office:
        alice, card = await office.owner()
        await office.other_account("alice")
        theirs = Account(office.town, "alice", "sesame alice")
        theirs.bare = f"alice@{OTHER}"
        await gets_in(await office.meets(ca.card(xmpp(theirs.bare)), domain=OTHER), theirs)
        for direct in (False, True):
            await office.offers_no_external(office.ca.card(xmpp(theirs.bare)), domain=OTHER, direct=direct)
            await office.offers_no_external(ca.card(xmpp(alice.bare)), direct=direct)
            # The handshake was that of the other host, whichever the stream is to.
            await office.offers_no_external(ca.card(xmpp(alice.bare)), direct=direct, sni=OTHER)
            await office.offers_no_external(card, direct=direct, sni=OTHER)
        await gets_in(await office.meets(card, sni=False), alice)  # STARTTLS: the header named the host
    async with Office() as office:
        await office.other_account("bob")
        await office.offers_no_external(office.ca.card(xmpp(f"bob@{OTHER}")), domain=OTHER)  # asks nobody


@story("RFC 5280 §6.3: revocation")
async def a_revoked_card_is_refused_from_the_reload_on(_town):
    async with Office(crl=True) as office:
        (alice, card), (bob, stolen) = await office.owner("alice"), await office.owner("bob")
        for account, one in ((alice, card), (bob, stolen)):
            await gets_in(await office.meets(one), account)
        ahead, fine = await office.meets(stolen), await office.meets(card)
        office.ca.revokes(stolen)
        assert (await office.town.reload())[0] == 0
        assert "EXTERNAL" in ahead.mechanisms()
        await external(ahead)
        await fails_and_closes(ahead, "not-authorized")
        await gets_in(fine, alice)
        for version in VERSIONS:
            await office.offers_no_external(stolen, version=version)
            await gets_in(await office.meets(card, version=version), alice)
        # A list that has run out lets nobody in, and says so.
        office.ca.revokes(ends=now() - datetime.timedelta(hours=1))
        assert (await office.town.reload())[0] == 0
        assert "the revocation list of CN=cards has run out" in office.town.log()
        await office.offers_no_external(card)
        # One that is broken or of somebody else's changes nothing, or lets nobody in.
        office.ca.crl_file.write_text("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
        status, out, err = await office.town.reload()
        assert status != 0 and f"{office.ca.crl_file}: a revocation list is damaged" in out + err, (status, out, err)
        other = Authority(office.town.folder / "tls" / "strangers", "others")
        office.ca.crl_file.write_bytes(other.list())
        assert (await office.town.reload())[0] == 0
        assert "CN=cards has no revocation list" in office.town.log()
        await office.offers_no_external(card)
        office.ca.revokes(stolen)
        assert (await office.town.reload())[0] == 0
        await gets_in(await office.meets(card), alice)
        await office.offers_no_external(stolen)


@story("RFC 5280 §6.3: the whole chain")
async def each_intermediate_needs_a_list_too(_town):
    async with Office(crl=True) as office:
        alice, _ = await office.owner()
        middle = Authority(office.town.folder / "tls" / "middle", "middle", issuer=office.ca)
        card = middle.card(xmpp(alice.bare), with_chain=True)
        await office.offers_no_external(card)
        root_list = office.ca.crl_file.read_bytes()
        office.ca.crl_file.write_bytes(root_list + middle.list())
        assert (await office.town.reload())[0] == 0
        await gets_in(await office.meets(card), alice)
        revoked = office.town.folder / "tls" / "revoked.pem"
        revoked.write_bytes(middle.pem())
        office.ca.crl_file.write_bytes(office.ca.list(revoked) + middle.list())
        assert (await office.town.reload())[0] == 0
        await office.offers_no_external(card)
        # The one in the middle alone is trusted, whatever stands above it.
        office.town.options['host["localhost"].tls.client_ca'] = middle.file
        office.ca.crl_file.write_bytes(middle.list())
        office.town.write_config()
        assert (await office.town.reload())[0] == 0
        await gets_in(await office.meets(card), alice)
        await office.offers_no_external(office.ca.card(xmpp(alice.bare)))


@story("RFC 8446 §2.2, RFC 5077: a card is shown in each handshake")
async def no_session_carries_a_card_into_another(_town):
    async with Office(crl=True) as office:
        alice, card = await office.owner()
        await office.other_account("bob")
        for version in VERSIONS:
            plain = await office.meets(domain=OTHER, version=version)
            again = await office.meets(domain=OTHER, session=plain.tls)
            assert again.tls.object.session_reused, "a host without cards resumes"
            first = await office.meets(card, version=version)
            await gets_in(first, alice)
            for session in (first.tls, plain.tls):
                stream = await office.meets(session=session)
                assert not stream.tls.object.session_reused
            without = await office.meets(version=version)
            later = await office.meets(session=without.tls)
            assert not later.tls.object.session_reused and "EXTERNAL" not in later.mechanisms()
            office.ca.revokes(card)
            assert (await office.town.reload())[0] == 0
            stream = await office.meets(session=first.tls)
            assert "EXTERNAL" not in stream.mechanisms()
            office.ca.revokes()
            assert (await office.town.reload())[0] == 0


@story("tls.client_names")
async def a_mail_address_names_the_account_only_where_it_may_and_nothing_better_is_there(_town):
    async with Office() as office:
        alice, bob = await office.town.account("alice"), await office.town.account("bob")
        mail = office.ca.card(email(alice.bare))
        await office.offers_no_external(mail)
        office.town.options['host["localhost"].tls.client_names'] = "email"
        office.town.write_config()
        assert (await office.town.reload())[0] == 0
        await gets_in(await office.meets(mail), alice)
        stream = await office.meets(mail)
        await external(stream, bob.bare)
        await fails_and_closes(stream, "invalid-authzid")
        await gets_in(await office.meets(office.ca.card(email(alice.bare), xmpp(bob.bare))), bob)
        await office.offers_no_external(office.ca.card(email("alice@elsewhere.example")))


@story("docs/security.md §2: guessing")
async def who_guesses_passwords_does_not_hold_back_a_card(_town):
    async with Office() as office:
        alice, card = await office.owner()
        bob = await office.town.account("bob")
        nobody = office.ca.card(xmpp("nobody@localhost"))
        for _ in range(61):  # as many failures as a network may have before it is refused; a card without an account is one
            stream = await office.meets(nobody, source="127.0.0.78")
            await external(stream)
            await fails_and_closes(stream, "not-authorized")
        stream = await office.meets(source="127.0.0.78")
        scram = Scram("SCRAM-SHA-256", bob.name, bob.password)
        await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
        await stream.sends(f"<response {SASL}>{scram.final((await stream.sasl_answer('challenge')).text)}</response>")
        await stream.sasl_fails_with("temporary-auth-failure")
        await gets_in(await office.meets(card, source="127.0.0.78"), alice)


@story("XEP-0474 §5.1")
async def external_is_hashed_into_what_was_offered(_town):
    async with Office() as office:
        alice, card = await office.owner()
        stream = await office.meets(card)
        offered = "\x1e".join(sorted(stream.mechanisms()))
        offered += "\x1f" + "\x1e".join(sorted(e.get("type") for e in stream.features.iter("{urn:xmpp:sasl-cb:0}channel-binding")))
        scram = Scram("SCRAM-SHA-256", alice.name, alice.password)
        await stream.sends(f"<auth {SASL} mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
        await stream.sends(f"<response {SASL}>{scram.final((await stream.sasl_answer('challenge')).text)}</response>")
        await stream.sasl_answer("success")
        assert "EXTERNAL" in offered
        assert scram.downgrade_hash == base64.b64encode(hashlib.sha256(offered.encode()).digest()).decode()


@story("tls.client_ca: the configuration is checked")
async def what_cannot_be_used_is_refused_at_start_and_reload(_town):
    async with Office() as office:
        town, name = office.town, 'host["localhost"].tls.client_ca'
        _, card = await office.owner()
        key_only = town.folder / "tls" / "key"
        key_only.write_bytes(card.read_bytes().split(b"-----BEGIN CERT")[0])
        for value, text in ((None, "trusts nobody"), (town.folder / "gone.pem", "cannot be read"), (key_only, "holds no certificate"),
                            (card, "is not the certificate of an authority")):
            town.options[name] = value
            town.write_config()
            status, out, err = await town.reload()
            assert status != 0 and text in out + err, (text, status, out, err)
        town.options[name] = office.ca.file
        town.options['host["localhost"].tls.client_crl'] = office.ca.file
        town.write_config()
        status, out, err = await town.reload()
        assert status != 0 and "holds no revocation list" in out + err, (status, out, err)


run()
