// docs/sealed.md 3.7: one <encrypted/>, bent one thing at a time.
#include <gtest/gtest.h>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

template <class Sample, class Bend>
std::string bent(Bend bend) {
  Sample sample;
  bend(sample);
  return verdict(sample.text());
}
#define EXPECT_DIES(Sample, change) EXPECT_NE(bent<Sample>([](Sample& s) { change; }), "") << #change
#define EXPECT_LIVES(Sample, change) EXPECT_EQ(bent<Sample>([](Sample& s) { change; }), "") << #change

TEST(Envelope, BothVersionsPassAndTellWhatTheyAre) {
  const auto legacy = xml::parse_element(Legacy().text());
  Envelope out;
  EXPECT_EQ(check_envelope(legacy->root(), {}, {}, out), nullptr);
  EXPECT_EQ(out.version, Version::legacy);
  EXPECT_EQ(out.sender_device, 27183u);
  EXPECT_EQ(out.keys, 1u);
  EXPECT_EQ(out.prekeys, 0u);
  EXPECT_TRUE(out.has_payload);
  Second sample;
  sample.groups += "<keys jid='romeo@a.example'>" + key("1", Exchange2().text(), " kex='true'") + "</keys>";
  const auto second = xml::parse_element(sample.text());
  EXPECT_EQ(check_envelope(second->root(), {}, {}, out), nullptr);
  EXPECT_EQ(out.version, Version::omemo_2);
  EXPECT_EQ(out.keys, 2u);
  EXPECT_EQ(out.prekeys, 1u);
  EXPECT_EQ(out.identity_key.size(), 32u);
}

TEST(Envelope, FormsOfRealClientsPass) {
  EXPECT_LIVES(Legacy, std::swap(s.before_keys, s.iv));                         // Dino: iv first
  EXPECT_LIVES(Legacy, s.keys = key("31415", Signal().text(), " prekey='0'"));  // Monal
  EXPECT_LIVES(Legacy, s.keys = key("31415", Signal().text(), " prekey='false'"));
  EXPECT_LIVES(Legacy, s.keys = key("31415", PreKeySignal().text(), " prekey='1'"));
  EXPECT_LIVES(Legacy, s.keys = key("31415", PreKeySignal().text(), " prekey='true'"));
  EXPECT_LIVES(Legacy, s.keys += key("31415", Signal().text()));  // one id, two people
  EXPECT_LIVES(Legacy, s.header_attributes = " sid='2147483647'");
  EXPECT_LIVES(Legacy, s.keys = "\n " + s.keys + "\n\t" + key("2", Signal().text()));  // pretty-printed
  EXPECT_LIVES(Legacy, s.iv = "<iv>\n " + b64(noise(12)) + " </iv>");
  EXPECT_LIVES(Second, s.groups += "<keys jid='b@b.example'>" + key("31415", Message2().text()) + "</keys>");
}

TEST(Envelope, NoteToSelfWritesEachDeviceTwiceWithOneRatchetKey) {  // Dino; Profanity in rooms
  Signal first;
  Signal second;
  second.key = first.key;
  second.counter = number(2, 8);
  Legacy sample;
  sample.keys = key("31415", first.text()) + key("31415", second.text());
  EXPECT_EQ(verdict(sample.text()), "");
  sample.keys = key("31415", first.text()) + key("31416", second.text());
  EXPECT_NE(verdict(sample.text()), "") << "one ratchet key under two ids";
  sample.keys = key("31415", first.text()) + key("31415", first.text());
  EXPECT_NE(verdict(sample.text()), "") << "the same key text twice";
}

TEST(Envelope, KeyTransportsPassInTheirSizes) {
  for (const auto size : {32u, 48u}) {
    Signal small;
    small.ciphertext = bytes(4, noise(size));
    Legacy sample;
    sample.keys = key("1", small.text());
    sample.payload.clear();
    EXPECT_EQ(verdict(sample.text()), "") << size;
  }
  Message2 empty;
  empty.ciphertext = bytes(4, noise(48));
  Second sample;
  sample.groups = "<keys jid='a@b'>" + key("1", empty.text()) + "</keys>";
  EXPECT_NE(verdict(sample.text()), "") << "a payload goes with 64 bytes";
  sample.payload.clear();
  EXPECT_EQ(verdict(sample.text()), "");
}

TEST(Envelope, HasNothingButItsSchema) {
  EXPECT_DIES(Legacy, s.attributes = " x='1'");
  EXPECT_DIES(Legacy, s.attributes = " xml:lang='fr'");
  EXPECT_DIES(Legacy, s.attributes = " xmlns:p='urn:p' p:x='text'");
  EXPECT_DIES(Legacy, s.header_attributes += " x=''");
  EXPECT_DIES(Legacy, s.header_attributes += " xmlns:p='urn:p' p:sid='1'");
  EXPECT_DIES(Legacy, s.after_header = "text");
  EXPECT_DIES(Legacy, s.after_payload = "text");
  EXPECT_DIES(Legacy, s.before_keys = "text");
  EXPECT_DIES(Legacy, s.iv += "text");
  EXPECT_DIES(Legacy, s.iv += "AAAA");  // what could join the value before it
  EXPECT_DIES(Legacy, s.keys += "AAAA");
  EXPECT_DIES(Legacy, s.payload += "AAAA");
  EXPECT_DIES(Legacy, s.after_header = "\xc2\xa0");
  EXPECT_DIES(Legacy, s.after_payload = "<note/>");
  EXPECT_DIES(Legacy, s.after_header = "<header sid='1'/>");
  EXPECT_DIES(Legacy, s.after_payload = s.payload);
  EXPECT_DIES(Legacy, s.iv += s.iv);
  EXPECT_DIES(Legacy, s.iv.clear());
  EXPECT_DIES(Legacy, s.keys.clear());
  EXPECT_DIES(Legacy, s.before_keys = "<x/>");
  EXPECT_DIES(Legacy, s.before_keys = "<keys jid='a@b'/>");
  EXPECT_DIES(Legacy, s.keys = "<key xmlns='urn:other' rid='1'>" + b64(Signal().text()) + "</key>");
  EXPECT_DIES(Legacy, s.payload = "<payload xmlns='urn:other'>" + b64(noise(30)) + "</payload>");
  EXPECT_DIES(Legacy, s.payload = "<payload x='1'>" + b64(noise(30)) + "</payload>");
  EXPECT_DIES(Legacy, s.payload = "<payload><b/>" + b64(noise(30)) + "</payload>");
  EXPECT_DIES(Legacy, s.iv = "<iv x='1'>" + b64(noise(12)) + "</iv>");
  EXPECT_DIES(Legacy, s.keys = key("1", Signal().text(), " note='text'"));
  EXPECT_DIES(Legacy, s.keys = key("1", Signal().text(), " xmlns:p='urn:p' p:rid='2'"));
  EXPECT_DIES(Legacy, s.keys = key("1", Signal().text(), " kex='false'"));
  EXPECT_DIES(Legacy, s.keys = key("1", Signal().text(), " prekey='yes'"));
  EXPECT_DIES(Legacy, s.keys = "<key>" + b64(Signal().text()) + "</key>");
  EXPECT_DIES(Legacy, s.keys = "<key rid='1'/>");
  EXPECT_DIES(Second, s.groups += "<iv>" + b64(noise(12)) + "</iv>");
  EXPECT_DIES(Second, s.groups = key("1", Message2().text()));
  EXPECT_DIES(Second, s.groups = "<keys>" + key("1", Message2().text()) + "</keys>");
  EXPECT_DIES(Second, s.groups = "<keys jid='a@b' x=''>" + key("1", Message2().text()) + "</keys>");
  EXPECT_DIES(Second, s.groups = "<keys jid='a@b/phone'>" + key("1", Message2().text()) + "</keys>");
  EXPECT_DIES(Second, s.groups = "<keys jid='A@B.Example'>" + key("1", Message2().text()) + "</keys>");
  EXPECT_DIES(Second, s.groups = "<keys jid='see you at five'>" + key("1", Message2().text()) + "</keys>");
  EXPECT_DIES(Second, s.groups += "<keys jid='juliet@a.example'>" + key("2", Message2().text()) + "</keys>");
  EXPECT_DIES(Second, s.groups += "<keys jid='b@b.example'/>");
  EXPECT_DIES(Second, s.groups = "<keys jid='a@b'>" + key("1", Message2().text(), " kex='yes'") + "</keys>");
  EXPECT_DIES(Second, s.groups = "<keys jid='a@b'>" + key("1", Message2().text(), " prekey='false'") + "</keys>");
  EXPECT_DIES(Second,
              s.groups = "<keys jid='a@b'>" + key("1", Message2().text()) + key("1", Message2().text()) + "</keys>");
  EXPECT_DIES(Second, s.groups = "<keys jid='a@b'>text" + key("1", Message2().text()) + "</keys>");
}

TEST(Envelope, PayloadStandsBehindItsHeader) {
  const Legacy parts;
  const std::string open = "<encrypted xmlns='" + std::string(legacy_ns) + "'>";
  const std::string header = "<header sid='1'>" + parts.keys + parts.iv + "</header>";
  EXPECT_EQ(verdict(open + header + parts.payload + "</encrypted>"), "");
  EXPECT_NE(verdict(open + parts.payload + header + "</encrypted>"), "");
  EXPECT_NE(verdict(open + parts.payload + "</encrypted>"), "");
  EXPECT_NE(verdict(open + "</encrypted>"), "");
  EXPECT_NE(verdict(open + header + header + "</encrypted>"), "");
}

TEST(Envelope, DeviceIdsAreCanonicalNumbers) {
  for (const auto* id : {"0", "01", "-1", "+1", " 1", "1 ", "1.0", "2147483648", "4294967297", "99999999999", "x", "",
                         "\xd9\xa1", "1x"}) {
    Legacy sample;
    sample.header_attributes = " sid='" + std::string(id) + "'";
    EXPECT_NE(verdict(sample.text()), "") << "sid " << id;
    sample = {};
    sample.keys = key(id, Signal().text());
    EXPECT_NE(verdict(sample.text()), "") << "rid " << id;
  }
  EXPECT_DIES(Legacy, s.header_attributes.clear());
}

TEST(Envelope, Base64IsCanonical) {
  const auto good = b64(Signal().text());  // 98 bytes: one '='
  ASSERT_TRUE(good.ends_with("=") && !good.ends_with("=="));
  auto spare = good;
  spare[spare.size() - 2] = spare[spare.size() - 2] == '/' ? '+' : '/';  // bits beyond the last byte
  auto inside = good;
  inside[50] = '=';
  auto url = good;
  url[50] = '-';
  for (const auto& text :
       {std::string(), good.substr(0, good.size() - 1), good + "=", inside, url, spare,
        good.substr(0, 64) + "\n" + good.substr(64), good.substr(0, 64) + " " + good.substr(64), "\xc2\xa0" + good,
        good + "\xc2\xa0", good + good, good + "AAAA", std::string(400, 'A') + good, std::string(87'385, 'A')}) {
    Legacy sample;
    sample.keys = "<key rid='1'>" + text + "</key>";
    EXPECT_NE(verdict(sample.text()), "") << text.substr(0, 200);
  }
  EXPECT_DIES(Legacy, s.keys = "<key rid='1'>" + b64(Signal().text()) + "<!---->" + "</key>");
}

TEST(Envelope, TheIvIsTwelveBytesAndNotZero) {
  for (const std::size_t size : {0u, 1u, 11u, 13u, 16u, 48u}) {
    Legacy sample;
    sample.iv = "<iv>" + b64(noise(size)) + "</iv>";
    EXPECT_NE(verdict(sample.text()), "") << size;
  }
  EXPECT_DIES(Legacy, s.iv = "<iv>" + b64(std::string(12, '\0')) + "</iv>");
  EXPECT_LIVES(Legacy, s.iv = "<iv>" + b64("twelve chars") + "</iv>");  // 7 in a million true ones look so
}

TEST(Envelope, RatchetCiphertextFitsThePayload) {
  for (const std::size_t size : {0u, 16u, 32u, 47u, 49u, 64u, 80u}) {
    Signal odd;
    odd.ciphertext = bytes(4, noise(size));
    Legacy sample;
    sample.keys = key("1", odd.text());
    EXPECT_NE(verdict(sample.text()), "") << size;
  }
  for (const std::size_t size : {32u, 48u, 63u, 80u}) {
    Message2 odd;
    odd.ciphertext = bytes(4, noise(size));
    Second sample;
    sample.groups = "<keys jid='a@b'>" + key("1", odd.text()) + "</keys>";
    EXPECT_NE(verdict(sample.text()), "") << size;
  }
  Signal wide;
  wide.ciphertext = bytes(4, noise(64));
  Legacy sample;
  sample.keys = key("1", wide.text());
  EXPECT_EQ(verdict(sample.text(), {.wide_ratchet = true}), "");
}

TEST(Envelope, AllPrekeyMessagesNameOneIdentity) {
  PreKeySignal first;
  PreKeySignal second;
  Legacy sample;
  sample.keys = key("1", first.text(), " prekey='true'") + key("2", second.text(), " prekey='true'");
  EXPECT_NE(verdict(sample.text()), "");
  second.identity = first.identity;
  sample.keys = key("1", first.text(), " prekey='true'") + key("2", second.text(), " prekey='true'");
  EXPECT_EQ(verdict(sample.text()), "");
}

TEST(Envelope, CountsKeys) {
  std::string keys;
  for (int i = 1; i <= 65; ++i) {
    keys += key(std::to_string(i), Signal().text());
    Legacy sample;
    sample.keys = keys;
    if (i == 10) {
      EXPECT_EQ(verdict(sample.text(), {.keys = 10}), "");
    } else if (i == 11) {
      EXPECT_NE(verdict(sample.text(), {.keys = 10}), "");
    } else if (i >= 64) {
      sample.payload.clear();
      EXPECT_EQ(verdict(sample.text()) == "", i == 64) << "without payload";
    }
  }
}

TEST(Envelope, PayloadLengthHasABound) {
  for (const std::size_t size : {65'535u, 65'536u, 65'537u}) {
    Legacy sample;
    sample.payload = "<payload>" + b64(noise(size)) + "</payload>";
    EXPECT_EQ(verdict(sample.text()) == "", size <= 65'536) << size;
  }
  EXPECT_DIES(Legacy, s.payload = "<payload/>");
  EXPECT_DIES(Second, s.payload = "<payload>" + b64(noise(175)) + "</payload>");
  EXPECT_DIES(Second, s.payload = "<payload/>");
  EXPECT_LIVES(Second, s.payload = "<payload>" + b64(noise(16)) + "</payload>");
}

TEST(Plausibility, TextsAndFilesAreNoCiphertext) {
  const std::string prose = "Rendez-vous demain à la préfecture, apportez les documents signés.";
  for (const auto& text :
       {std::string("see you tomorrow at five"), prose, b64(noise(60)), b64(b64(prose)),
        "\x89PNG\r\n\x1a\n" + noise(50), "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + noise(50),
        std::string("SQLite format 3\0", 16) + noise(50), std::string(200, ' '),
        std::string("{\"json\": [1, 2, 3, 4, 5, 6]}"), std::string("\t\r\n line and line and line")}) {
    EXPECT_TRUE(looks_like_plaintext(text)) << text.substr(0, 60);
    Legacy sample;
    sample.payload = "<payload>" + b64(text) + "</payload>";
    EXPECT_NE(verdict(sample.text()), "");
  }
}

TEST(Plausibility, CiphertextOfAnySizePasses) {
  for (std::size_t size = 24; size < 400; ++size) {
    for (int i = 0; i < 200; ++i) EXPECT_FALSE(looks_like_plaintext(noise(size))) << size;
  }
  for (std::size_t size = 1; size < 20; ++size) EXPECT_FALSE(looks_like_plaintext(std::string(size, 'a'))) << size;
}

TEST(Properties, AValidElementStaysValidWrittenAnew) {
  for (const auto& text : {Legacy().text(), Second().text()}) {
    const auto document = xml::parse_element(text);
    ASSERT_TRUE(document);
    std::string written;
    xml::append_tree(written, document->root(), "jabber:client");
    EXPECT_EQ(verdict(written), "");
  }
}

TEST(Envelope, NamesNobodyButTheTwo) {  // docs/sealed.md D6
  const auto group = [](std::string_view jid) {
    return "<keys jid='" + std::string(jid) + "'>" + key("31415", Message2().text()) + "</keys>";
  };
  Second message;
  message.groups = group("juliet@a.example") + group("romeo@a.example");
  EXPECT_FALSE(rebuilt(message.text()).refused);
  EXPECT_FALSE(rebuilt(Legacy().text()).refused) << "names nobody";
  message.groups = group("the.merger.is.on.friday@a.example");
  EXPECT_EQ(rebuilt(message.text()).detail, "keys for somebody else");
  EXPECT_FALSE(rebuilt(message.text(), "groupchat").refused) << "a room's members are not known";
}

}  // namespace
}  // namespace valise::modules::omemo
