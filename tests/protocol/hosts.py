"""Several hosts in one server: each shows its own certificate, on both ports (RFC 6066 §3, RFC 6120 §5, XEP-0368)."""

import dataclasses
import os
import signal
import ssl

import _path  # noqa: F401
from harness import Town, run, sealed, story, with_id
from harness.certificates import make_certificate
from harness.device import Account
from harness.scram import Scram
from harness.stream import Stream

OTHER = "ambassade.example"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"


class Hosts:
    """A town with two hosts; the second one's key stands in its certificate's file."""

    async def __aenter__(self):
        self.town = Town(name="hosts")
        certificate, key = make_certificate(self.town.folder / "tls", OTHER)
        both = self.town.folder / "tls" / "both.pem"
        Town.write_file(both, certificate.read_text() + key.read_text())
        self.town.options[f'host["{OTHER}"].tls.certificate'] = both
        self.town.options[f'host["{OTHER}"].registration.enabled'] = True
        self.town.write_config()
        await self.town.start()
        return self

    async def __aexit__(self, *_):
        await self.town.close()

    def stream(self, domain):
        stream = Stream(dataclasses.replace(self.town.place, domain=domain))
        self.town.streams.append(stream)
        return stream

    async def shown(self, domain, direct, **how):
        """The names in the certificate that a client sees whose stream is to `domain`."""
        stream = self.stream(domain)
        if direct:
            await stream.connect(stream.place.tls_port)
            await stream.secure(**how)
        else:
            await stream.connect()
            await stream.opens()
            await stream.starts_tls(**how)
        names = [name for kind, name in stream.tls.object.getpeercert()["subjectAltName"]]
        await stream.opens()
        assert stream.attributes["from"] == domain and stream.mechanisms()
        return names


@story("RFC 6066 §3: two hosts, two certificates")
async def each_host_shows_its_own_certificate_on_both_ports(_town):
    async with Hosts() as hosts:
        for direct in (False, True):
            for domain in ("localhost", OTHER):
                for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                    assert await hosts.shown(domain, direct, version=version) == [domain]
                assert await hosts.shown(domain, direct, sni=domain.upper()) == [domain]


@story("RFC 6066 §3: no name, a foreign name")
async def without_a_known_name_the_stream_decides_where_it_can(_town):
    async with Hosts() as hosts:
        for sni in (False, "elsewhere.example"):
            for domain in ("localhost", OTHER):
                assert await hosts.shown(domain, False, sni=sni) == [domain]  # the header's `to` came before TLS
            assert await hosts.shown(OTHER, True, sni=sni) == ["localhost"]  # nothing is known yet: the first host
        assert await hosts.shown(OTHER, False, sni="localhost") == ["localhost"]  # what the client asks for, it gets


@story("RFC 6120 §4.7.1: accounts belong to their host")
async def people_of_two_hosts_write_to_each_other_and_log_in_at_their_own_only(_town):
    async with Hosts() as hosts:
        town = hosts.town
        await town.ctl("user", "add", f"anne@{OTHER}", stdin="sesame anne\n")
        bob = await (await town.account("bob")).device()
        stream = hosts.stream(OTHER)
        await stream.reaches_tls()
        await stream.authenticates("anne", "sesame anne")
        full = await stream.binds("desk")
        assert full == f"anne@{OTHER}/desk"
        await stream.sends("<presence/>")
        await stream.sends(f"<message to='{bob.bare}' id='m1' type='chat'>{sealed()}</message>")
        await bob.receives("message", id="m1", from_=full)
        await bob.sends(f"<message to='{full}' id='m2' type='chat'>{sealed()}</message>")
        await stream.wait_for(with_id("m2"), "the answer")
        try:
            await Account(town, "anne", "sesame anne").device()  # the same name and password at the other host
        except AssertionError as error:
            assert "not-authorized" in str(error), error
        else:
            raise AssertionError("an account of another host logged in")
        # Options of one host only: registration.
        assert stream.features is not None
        for domain, offered in (("localhost", False), (OTHER, True)):
            other = await hosts.stream(domain).reaches_tls()
            assert (other.features.find("{http://jabber.org/features/iq-register}register") is not None) == offered, domain


@story("RFC 6120 §5.4.3.3, §4.9.3.6")
async def after_tls_another_host_may_be_named_and_after_log_in_none(_town):
    async with Hosts() as hosts:
        town = hosts.town
        await town.ctl("user", "add", f"anne@{OTHER}", stdin="sesame anne\n")
        for second in (OTHER, "localhost"):
            stream = hosts.stream(OTHER)
            await stream.connect()
            await stream.opens()  # said in the clear: chooses the certificate, and is forgotten
            await stream.starts_tls()
            await stream.opens(to=second)
            assert stream.attributes["from"] == second, stream.attributes
        stream = await hosts.stream(OTHER).reaches_tls()
        scram = Scram("SCRAM-SHA-256", "anne", "sesame anne")
        await stream.sends(f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-256'>{scram.first()}</auth>")
        final = scram.final((await stream.sasl_answer("challenge")).text)
        await stream.sends(f"<response xmlns='{SASL}'>{final}</response>")
        await stream.sasl_answer("success")
        stream.expects_header()
        await stream.sends(stream.header(to="localhost"))
        await stream.fails_with("host-unknown")


@story("SIGHUP: certificates of several hosts")
async def a_reload_shows_the_new_certificate_of_one_host_and_ends_no_session(_town):
    async with Hosts() as hosts:
        town = hosts.town
        bob = await (await town.account("bob")).device()
        serial = {}
        for domain in ("localhost", OTHER):
            stream = await hosts.stream(domain).reaches_tls()
            serial[domain] = stream.tls.object.getpeercert()["serialNumber"]
        certificate, key = make_certificate(town.folder / "tls", OTHER)
        Town.write_file(town.folder / "tls" / "both.pem", certificate.read_text() + key.read_text())
        os.kill(town.pid, signal.SIGHUP)
        for _ in range(500):  # the signal has no answer; each look is a whole handshake
            stream = await hosts.stream(OTHER).reaches_tls()
            if stream.tls.object.getpeercert()["serialNumber"] != serial[OTHER]:
                break
        else:
            raise AssertionError("the old certificate is still served")
        same = await hosts.stream("localhost").reaches_tls()
        assert same.tls.object.getpeercert()["serialNumber"] == serial["localhost"]
        await bob.asks("<ping xmlns='urn:xmpp:ping'/>")
        # A broken file leaves what is in force.
        Town.write_file(town.folder / "tls" / "both.pem", "nonsense")
        status, out, err = await town.reload()
        assert status != 0 and "both.pem" in out + err, out + err
        again = await hosts.stream(OTHER).reaches_tls()
        assert again.tls.object.getpeercert()["serialNumber"] == stream.tls.object.getpeercert()["serialNumber"]
        await bob.asks("<ping xmlns='urn:xmpp:ping'/>")


run()
