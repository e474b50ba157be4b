// What a row of the table of what passes is about, for those that no stanza can be built for from the row alone.
#pragma once

#include <map>
#include <string>

#include "../pep/support.hpp"
#include "../pictures.hpp"
#include "base/crypto.hpp"

namespace valise::modules::omemo::examples {

struct Example {
  std::string in;
  std::string out;           // once it passes
  std::string attributes{};  // of the presence
  std::string node{}, id{};  // published items
  bool to_account = true;    // requests
};

// By "name ns" of the row, the second of the same name " 2".
using Examples = std::map<std::string, Example>;

inline Example same(std::string text) { return {.in = text, .out = text}; }

inline const Examples& of_messages() {
  static const Examples all{
      {"body jabber:client",
       {.in = "<body>the merger</body>", .out = "<body>Message chiffré OMEMO / OMEMO-encrypted message</body>"}},
      {"encryption urn:xmpp:eme:0",
       {.in = "<encryption xmlns='urn:xmpp:eme:0' namespace='urn:x' name='the merger'/>",
        .out = "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/>"}},
      {"thread jabber:client", {.in = "<thread parent='the merger'>t1</thread>", .out = "<thread>t1</thread>"}},
      {"fallback urn:xmpp:fallback:0",
       same("<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='33'/></fallback>")},
      {"fallback urn:xmpp:fallback:0 2",
       same("<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:omemo:2'><body/></fallback>")},
      {"x http://jabber.org/protocol/muc#user 2",
       {.in =
            "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='n@a'><reason>the merger</reason></invite></x>",
        .out = "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='n@a'/></x>"}},
      {"x jabber:x:conference",
       {.in =
            "<x xmlns='jabber:x:conference' jid='room@c.example' password='secret' reason='the merger'>the merger</x>",
        .out = "<x xmlns='jabber:x:conference' jid='room@c.example' password='secret'/>"}},
      {"apply-to urn:xmpp:fasten:0",
       same("<apply-to xmlns='urn:xmpp:fasten:0' id='m0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to>")},
      {" urn:xmpp:reactions:0",
       {.in = "<reactions xmlns='urn:xmpp:reactions:0' id='m0' a='the merger'><reaction b='the merger'>👍</reaction> "
              "<reaction>❤️</reaction></reactions>",
        .out = "<reactions xmlns='urn:xmpp:reactions:0' "
               "id='m0'><reaction>👍</reaction><reaction>❤️</reaction></reactions>"}},
      {" urn:xmpp:jingle-message:0", same("<ringing xmlns='urn:xmpp:jingle-message:0' id='c1'/>")},
      {" urn:xmpp:call-message:1", same("<left xmlns='urn:xmpp:call-message:1' id='c1'/>")},
      {"securitylabel urn:xmpp:sec-label:0",
       {.in = "<securitylabel xmlns='urn:xmpp:sec-label:0'> <displaymarking>SECRET</displaymarking><label/>"
              "</securitylabel>",
        .out = "<securitylabel xmlns='urn:xmpp:sec-label:0'><displaymarking fgcolor='black' bgcolor='white'>SECRET"
               "</displaymarking><label/></securitylabel>"}},
      {"subject jabber:client",
       {.in = "<subject xml:lang='fr'>Réunion</subject>", .out = "<subject>Réunion</subject>"}},
      {" jabber:x:oob",
       {.in = "<x xmlns='jabber:x:oob'><url>https://a.example/f.pdf</url><desc>the merger</desc></x>",
        .out = "<x xmlns='jabber:x:oob'><url>https://a.example/f.pdf</url></x>"}},
      {"geoloc http://jabber.org/protocol/geoloc",
       {.in = "<geoloc xmlns='http://jabber.org/protocol/geoloc' xml:lang='fr'><lat>48.8566</lat><lon>-2.35</lon>"
              "<text>the merger</text><accuracy>20</accuracy><timestamp>2026-01-02T03:04:05Z</timestamp></geoloc>",
        .out = "<geoloc "
               "xmlns='http://jabber.org/protocol/geoloc'><accuracy>20</accuracy><lat>48.8566</lat><lon>-2.35</lon>"
               "<timestamp>2026-01-02T03:04:05Z</timestamp></geoloc>"}},
      {"nick http://jabber.org/protocol/nick", same("<nick xmlns='http://jabber.org/protocol/nick'>Roméo</nick>")},
      {"markup urn:xmpp:markup:0",
       {.in = "<markup xmlns='urn:xmpp:markup:0'><span start='9' end='15'><emphasis/><merger/></span>"
              "<list start='0' end='9'><li start='0'/></list>the merger</markup>",
        .out = "<markup xmlns='urn:xmpp:markup:0'><span start='9' end='15'><emphasis/></span>"
               "<list start='0' end='9'><li start='0'/></list></markup>"}},
  };
  return all;
}

inline const Examples& of_presence() {
  static const std::string caps =
      "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' "
      "ver='9VqTMSkgCeNjPkre3AkO3UTE0UY='/>";
  static const Examples all{
      {"show jabber:client", same("<show>away</show>")},
      {"priority jabber:client", same("<priority>-5</priority>")},
      {"c http://jabber.org/protocol/caps", same(caps)},
      {"idle urn:xmpp:idle:1", same("<idle xmlns='urn:xmpp:idle:1' since='2026-11-24T10:00:00.000+01:00'/>")},
      {"query jabber:iq:last",
       {.in = "<query xmlns='jabber:iq:last' seconds='60'>the merger</query>",
        .out = "<query xmlns='jabber:iq:last' seconds='60'/>"}},
      {"x vcard-temp:x:update",
       same("<x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x>")},
      {"nick http://jabber.org/protocol/nick",
       {.in = "<nick xmlns='http://jabber.org/protocol/nick'>Romeo</nick>",
        .out = "<nick xmlns='http://jabber.org/protocol/nick'>Romeo</nick>",
        .attributes = " type='subscribe'"}},
      {"preauth urn:xmpp:pars:0",
       {.in = "<preauth xmlns='urn:xmpp:pars:0' token='a2b-c.D_'>the merger</preauth>",
        .out = "<preauth xmlns='urn:xmpp:pars:0' token='a2b-c.D_'/>",
        .attributes = " type='subscribe'"}},
      {"status jabber:client",
       {.in = "<status xml:lang='fr' a='the merger'>En réunion</status>",
        .out = "<status xml:lang='fr'>En réunion</status>"}},
  };
  return all;
}

inline const Examples& of_requests() {
  static const Examples all{
      {"query http://jabber.org/protocol/disco#info",
       same("<query xmlns='http://jabber.org/protocol/disco#info' node='https://gajim.org#x'/>")},
      {"query http://jabber.org/protocol/disco#items",
       same("<query xmlns='http://jabber.org/protocol/disco#items'><set xmlns='http://jabber.org/protocol/rsm'>"
            "<max>10</max></set></query>")},
      {"pubsub http://jabber.org/protocol/pubsub", same("<pubsub xmlns='http://jabber.org/protocol/pubsub'><items "
                                                        "node='n' max_items='1'><item id='i'/></items></pubsub>")},
      {"pubsub http://jabber.org/protocol/pubsub 2",
       same("<pubsub xmlns='http://jabber.org/protocol/pubsub'><subscribe node='n' jid='romeo@a.example'/></pubsub>")},
      {"query jabber:iq:roster",
       {.in = "<query xmlns='jabber:iq:roster'><item jid='a@b' name='the merger'/></query>",
        .out = "<query xmlns='jabber:iq:roster'/>"}},
  };
  return all;
}

inline const Examples& of_answers() {
  static const Examples all{
      {"error jabber:client",
       {.in = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text "
              "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>the merger</text></error>",
        .out = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"}},
      {"query http://jabber.org/protocol/disco#info",
       {.in = "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='pc' name='Psi+ "
              "1.4'/><feature var='urn:xmpp:ping'/><feature var='the merger'/></query>",
        .out = "<query xmlns='http://jabber.org/protocol/disco#info'><identity category='client' type='pc' name='Psi+ "
               "1.4'/><feature var='urn:xmpp:ping'/></query>"}},
      {"query http://jabber.org/protocol/disco#items",
       same("<query xmlns='http://jabber.org/protocol/disco#items'><item jid='a@b.example' node='n'/></query>")},
      {"query jabber:iq:version",
       {.in = "<query xmlns='jabber:iq:version'><name>Gajim</name><x>the merger</x></query>",
        .out = "<query xmlns='jabber:iq:version'><name>Gajim</name></query>"}},
      {"query jabber:iq:last",
       {.in = "<query xmlns='jabber:iq:last' seconds='903'>the merger</query>",
        .out = "<query xmlns='jabber:iq:last' seconds='903'/>"}},
      {"time urn:xmpp:time",
       {.in = "<time xmlns='urn:xmpp:time'><tzo>+01:00</tzo><utc>2026-01-02T03:04:05Z</utc><x>the merger</x></time>",
        .out = "<time xmlns='urn:xmpp:time'><tzo>+01:00</tzo><utc>2026-01-02T03:04:05Z</utc></time>"}},
      {"ping urn:xmpp:ping",
       {.in = "<ping xmlns='urn:xmpp:ping'>the merger</ping>", .out = "<ping xmlns='urn:xmpp:ping'/>"}},
      {"vCard vcard-temp",
       {.in = "<vCard xmlns='vcard-temp'><NOTE>the merger</NOTE></vCard>", .out = "<vCard xmlns='vcard-temp'/>"}},
  };
  return all;
}

inline Example published(std::string id, std::string in, std::string out) {
  return {.in = std::move(in), .out = std::move(out), .id = std::move(id)};
}

inline const Examples& of_nodes() {
  static const std::string picture = tests::png();
  static const std::string hash = crypto::hex_encode(crypto::digest(crypto::Hash::sha1, picture));
  static const std::string data = "<data xmlns='urn:xmpp:avatar:data'>" + crypto::base64_encode(picture) + "</data>";
  static const std::string info =
      "<metadata xmlns='urn:xmpp:avatar:metadata'><info bytes='12' id='" + hash + "' type='image/png'/></metadata>";
  static const std::string verification =
      "<verification xmlns='eu.siacs.conversations.axolotl'><chain><certificate index='0'>" +
      crypto::base64_encode(pep::testing::certificate()) +
      "</certificate></chain><signature>AAAA</signature></verification>";
  static const Examples all{
      {"eu.siacs.conversations.axolotl.verification:",
       {.in = verification,
        .out = verification,
        .node = "eu.siacs.conversations.axolotl.verification:27183",
        .id = "current"}},
      {"urn:xmpp:avatar:data", published(hash, data, data)},
      {"urn:xmpp:avatar:metadata", published(hash, info, info)},
      {"http://jabber.org/protocol/nick",
       published("current", "<nick xmlns='http://jabber.org/protocol/nick' a='the merger'>Ali</nick>",
                 "<nick xmlns='http://jabber.org/protocol/nick'>Ali</nick>")},
      {"urn:xmpp:bookmarks:1",
       published("room@c.example",
                 "<conference xmlns='urn:xmpp:bookmarks:1' name='Room'><x>the merger</x></conference>",
                 "<conference xmlns='urn:xmpp:bookmarks:1' name='Room'/>")},
      {"storage:bookmarks",
       published("current",
                 "<storage xmlns='storage:bookmarks'><url name='the merger'/><conference jid='r@c'/></storage>",
                 "<storage xmlns='storage:bookmarks'><conference jid='r@c'/></storage>")},
      {"urn:xmpp:mds:displayed:0",
       published("bob@a.example",
                 "<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='me@a.example' "
                 "id='1'/><x>the merger</x></displayed>",
                 "<displayed xmlns='urn:xmpp:mds:displayed:0'><stanza-id xmlns='urn:xmpp:sid:0' by='me@a.example' "
                 "id='1'/></displayed>")},
      {"urn:xmpp:vcard4",
       published("current",
                 "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Alice</text></fn><note><text>the "
                 "merger</text></note></vcard>",
                 "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Alice</text></fn></vcard>")},
      {"http://jabber.org/protocol/mood",
       published("current", "<mood xmlns='http://jabber.org/protocol/mood'><in_awe/><text>the merger</text></mood>",
                 "<mood xmlns='http://jabber.org/protocol/mood'><in_awe/></mood>")},
      {"http://jabber.org/protocol/activity",
       published(
           "current",
           "<activity xmlns='http://jabber.org/protocol/activity'><working><in_a_meeting/><x>the "
           "merger</x></working><text>the merger</text></activity>",
           "<activity xmlns='http://jabber.org/protocol/activity'><working><in_a_meeting/></working></activity>")},
      {"http://jabber.org/protocol/tune",
       published(
           "current",
           "<tune xmlns='http://jabber.org/protocol/tune'><title>Clair de lune</title><length>300</length>"
           "<uri>https://a.example/the-merger</uri></tune>",
           "<tune xmlns='http://jabber.org/protocol/tune'><title>Clair de lune</title><length>300</length></tune>")},
      {"http://jabber.org/protocol/geoloc",
       published("current",
                 "<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>48.8</lat><lon>2</lon><text>the "
                 "merger</text></geoloc>",
                 "<geoloc xmlns='http://jabber.org/protocol/geoloc'><lat>48.8</lat><lon>2</lon></geoloc>")},
  };
  return all;
}

inline const Examples& of_cards() {
  static const std::string photo =
      "<PHOTO><TYPE>image/png</TYPE><BINVAL>" + crypto::base64_encode(tests::png()) + "</BINVAL></PHOTO>";
  static const Examples all{
      {"FN vcard-temp", {.in = "<FN a='the merger'>Alice</FN>", .out = "<FN>Alice</FN>"}},
      {"NICKNAME vcard-temp", same("<NICKNAME>Ali</NICKNAME>")},
      {"TITLE vcard-temp", same("<TITLE>Dr</TITLE>")},
      {"ROLE vcard-temp", same("<ROLE>Clerk</ROLE>")},
      {"N vcard-temp", {.in = "<N><GIVEN>A</GIVEN><X>the merger</X></N>", .out = "<N><GIVEN>A</GIVEN></N>"}},
      {"ORG vcard-temp", same("<ORG><ORGNAME>Post</ORGNAME><ORGUNIT>One</ORGUNIT></ORG>")},
      {"EMAIL vcard-temp",
       {.in = "<EMAIL><WORK>the merger</WORK><USERID>a@b</USERID></EMAIL>",
        .out = "<EMAIL><WORK/><USERID>a@b</USERID></EMAIL>"}},
      {"TEL vcard-temp",
       {.in = "<TEL><HOME/><X>the merger</X><NUMBER>1</NUMBER></TEL>", .out = "<TEL><HOME/><NUMBER>1</NUMBER></TEL>"}},
      {"PHOTO vcard-temp", same(photo)},
      {"fn urn:ietf:params:xml:ns:vcard-4.0",
       {.in = "<fn>the merger<text>Alice</text></fn>", .out = "<fn><text>Alice</text></fn>"}},
      {"n urn:ietf:params:xml:ns:vcard-4.0", same("<n><surname>A</surname><given>B</given></n>")},
      {"nickname urn:ietf:params:xml:ns:vcard-4.0", same("<nickname><text>Ali</text></nickname>")},
      {"title urn:ietf:params:xml:ns:vcard-4.0", same("<title><text>Dr</text></title>")},
      {"role urn:ietf:params:xml:ns:vcard-4.0", same("<role><text>Clerk</text></role>")},
      {"org urn:ietf:params:xml:ns:vcard-4.0", same("<org><text>Ministry</text><text>Post</text></org>")},
      {"email urn:ietf:params:xml:ns:vcard-4.0",
       {.in = "<email><parameters><type><text>work</text><text>the "
              "merger</text></type></parameters><text>a@b</text></email>",
        .out = "<email><parameters><type><text>work</text></type></parameters><text>a@b</text></email>"}},
      {"tel urn:ietf:params:xml:ns:vcard-4.0", same("<tel><uri>tel:+1-555</uri></tel>")},
  };
  return all;
}

inline const Examples& of_private_xml() {
  static const Examples all{
      {"storage storage:bookmarks",
       {.in = "<storage xmlns='storage:bookmarks'><url name='the merger'/><conference jid='r@c'/></storage>",
        .out = "<storage xmlns='storage:bookmarks'><conference jid='r@c'/></storage>"}},
      {"roster roster:delimiter",
       {.in = "<roster xmlns='roster:delimiter' a='the merger'>::</roster>",
        .out = "<roster xmlns='roster:delimiter'>::</roster>"}},
  };
  return all;
}

}  // namespace valise::modules::omemo::examples
