// docs/sealed.md 3.7-5: ratchet messages, bent one thing at a time.
#include <gtest/gtest.h>

#include "samples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;

std::string verdict_of(const std::string& text, Version version, bool prekey, RatchetMessage* out = nullptr) {
  RatchetMessage message;
  const auto* why = parse_ratchet_message(text, version, prekey, message);
  if (out != nullptr) *out = message;
  return why == nullptr ? "" : why;
}
std::string signal(const std::string& text) { return verdict_of(text, Version::legacy, false); }
std::string prekey_signal(const std::string& text) { return verdict_of(text, Version::legacy, true); }
std::string message2(const std::string& text) { return verdict_of(text, Version::omemo_2, false); }
std::string exchange2(const std::string& text) { return verdict_of(text, Version::omemo_2, true); }

TEST(SignalMessage, PassesWithItsSizes) {
  RatchetMessage out;
  Signal sample;
  EXPECT_EQ(verdict_of(sample.text(), Version::legacy, false, &out), "");
  EXPECT_EQ(out.ciphertext, 48u);
  EXPECT_EQ(out.ratchet_key.size(), 33u);
  EXPECT_FALSE(out.prekey);
  sample.counter = number(2, (1u << 31) - 1);
  EXPECT_EQ(signal(sample.text()), "");
  EXPECT_EQ(sample.text().size(), 102u);
}

TEST(SignalMessage, HasVersionThree) {
  for (const auto* version : {"\x22", "\x23", "\x32", "\x34", "\x43", "\x44"}) {
    Signal sample;
    sample.version = version;
    EXPECT_NE(signal(sample.text()), "") << version;
  }
  EXPECT_NE(signal(""), "");
  EXPECT_NE(signal("\x33"), "");
}

TEST(SignalMessage, HasOneRatchetKeyOf33BytesWithPrefixFive) {
  for (const auto& key :
       {bytes(1, noise(32)), bytes(1, "\x04" + noise(32)), bytes(1, "\x05" + noise(33)),
        bytes(1, "\x05" + std::string(32, '\0')), std::string(), number(1, 5), bytes(1, point()) + bytes(1, point())}) {
    Signal sample;
    sample.key = key;
    EXPECT_NE(signal(sample.text()), "");
  }
}

TEST(SignalMessage, HasEachFieldOnceInOrderAndNoOther) {
  const std::vector<void (*)(Signal&)> bends{
      [](Signal& s) { s.counter.clear(); },
      [](Signal& s) { s.previous.clear(); },
      [](Signal& s) { s.ciphertext.clear(); },
      [](Signal& s) { s.counter += s.counter; },
      [](Signal& s) { s.ciphertext += s.ciphertext; },
      [](Signal& s) { std::swap(s.counter, s.previous); },
      [](Signal& s) { s.more = number(5, 1); },
      [](Signal& s) { s.more = bytes(7, "text"); },
      [](Signal& s) { s.more = "\x28"; },
      [](Signal& s) { s.more = std::string(1, '\0'); },
      [](Signal& s) { s.mac += 'x'; },      // a trailing byte
      [](Signal& s) { s.mac.pop_back(); },  // a cut MAC
      [](Signal& s) { s.mac.clear(); },
      [](Signal& s) { s.counter = std::string("\x10\x87\x00", 3); },  // overlong varint
      [](Signal& s) { s.counter = "\x10\x87\x80\x80\x80\x80\x01"; },  // six bytes
      [](Signal& s) { s.counter = number(2, 0xffffffff); },
      [](Signal& s) { s.previous = number(3, 1u << 31); },
      [](Signal& s) { s.counter = "\x15" + noise(4); },  // fixed32
      [](Signal& s) { s.counter = bytes(2, "7"); },
      [](Signal& s) { s.ciphertext = "\x22\x7f" + noise(48); },  // longer than what there is
      [](Signal& s) { s.ciphertext = "\x22\xff\xff\xff\xff\x7f" + noise(48); },
  };
  for (std::size_t i = 0; i < bends.size(); ++i) {
    Signal sample;
    bends[i](sample);
    EXPECT_NE(signal(sample.text()), "") << "bend " << i;
  }
}

TEST(SignalMessage, EachPrefixOfAValidOneIsInvalid) {
  const auto whole = Signal().text();
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_NE(signal(whole.substr(0, size)), "") << size;
}

TEST(PreKeySignalMessage, PassesWithAndWithoutRegistrationId) {
  RatchetMessage out;
  PreKeySignal sample;
  EXPECT_EQ(verdict_of(sample.text(), Version::legacy, true, &out), "");
  EXPECT_TRUE(out.prekey);
  EXPECT_EQ(out.identity_key.size(), 33u);
  EXPECT_EQ(out.ciphertext, 48u);
  sample.registration.clear();
  EXPECT_EQ(prekey_signal(sample.text()), "");
  sample.prekey_id = number(1, 0);  // Converse counts from 0
  EXPECT_EQ(prekey_signal(sample.text()), "");
}

TEST(PreKeySignalMessage, BentIsRefused) {
  const std::vector<void (*)(PreKeySignal&)> bends{
      [](PreKeySignal& s) { s.prekey_id.clear(); },
      [](PreKeySignal& s) { s.signed_id.clear(); },
      [](PreKeySignal& s) { s.base.clear(); },
      [](PreKeySignal& s) { s.identity.clear(); },
      [](PreKeySignal& s) { s.message.clear(); },
      [](PreKeySignal& s) { s.base = bytes(2, noise(32)); },
      [](PreKeySignal& s) { s.base = bytes(2, "\x05" + std::string(32, '\0')); },
      [](PreKeySignal& s) { s.identity = bytes(3, "\x04" + noise(32)); },
      [](PreKeySignal& s) { s.prekey_id = number(1, 1u << 31); },
      [](PreKeySignal& s) { s.signed_id = number(6, 0xffffffff); },
      [](PreKeySignal& s) { s.registration = number(5, 0xffffffff); },
      [](PreKeySignal& s) { s.registration = bytes(5, "hello"); },
      [](PreKeySignal& s) { s.version = "\x23"; },
      [](PreKeySignal& s) { s.more = noise(8); },  // a MAC of its own
      [](PreKeySignal& s) { s.more = bytes(7, "hello"); },
      [](PreKeySignal& s) { std::swap(s.base, s.identity); },
      // Right framing around a text.
      [](PreKeySignal& s) { s.identity = bytes(3, "\x05the merger is on friday, at noon"); },
      [](PreKeySignal& s) {
        Signal inner;
        inner.ciphertext = bytes(4, "the merger is on friday, at noon, burn this now.");
        s.message = bytes(4, inner.text());
      },
      [](PreKeySignal& s) {
        Signal inner;
        inner.ciphertext = bytes(4, "la fusion est décidée, à huis clos, vendredi.");
        s.message = bytes(4, inner.text());
      },
      [](PreKeySignal& s) {
        Signal inner;
        inner.version = "\x22";
        s.message = bytes(4, inner.text());
      },
      [](PreKeySignal& s) { s.message = bytes(4, PreKeySignal().text()); },
      [](PreKeySignal& s) { s.message = bytes(4, "hello"); },
  };
  for (std::size_t i = 0; i < bends.size(); ++i) {
    PreKeySignal sample;
    bends[i](sample);
    EXPECT_NE(prekey_signal(sample.text()), "") << "bend " << i;
  }
}

TEST(Flag, AndFramingMustAgree) {
  EXPECT_NE(prekey_signal(Signal().text()), "");
  EXPECT_NE(signal(PreKeySignal().text()), "");
  EXPECT_NE(exchange2(Message2().text()), "");
  EXPECT_NE(message2(Exchange2().text()), "");
  EXPECT_NE(message2(Signal().text()), "");
  EXPECT_NE(signal(Message2().text()), "");
}

TEST(Message2Test, PassesAndBentIsRefused) {
  RatchetMessage out;
  EXPECT_EQ(verdict_of(Message2().text(), Version::omemo_2, false, &out), "");
  EXPECT_EQ(out.ciphertext, 64u);
  EXPECT_EQ(out.ratchet_key.size(), 32u);
  const std::vector<void (*)(Message2&)> bends{
      [](Message2& s) { s.mac = bytes(1, noise(15)); },
      [](Message2& s) { s.mac = bytes(1, noise(17)); },
      [](Message2& s) { s.mac.clear(); },
      [](Message2& s) { s.dh = bytes(3, std::string(32, '\0')); },
      [](Message2& s) { s.dh = bytes(3, noise(33)); },
      [](Message2& s) { s.dh.clear(); },
      [](Message2& s) { s.n.clear(); },
      [](Message2& s) { s.pn = number(2, 1u << 31); },
      [](Message2& s) { s.ciphertext.clear(); },
      [](Message2& s) { s.ciphertext += bytes(5, "hello"); },
      [](Message2& s) { s.more = bytes(3, "hello"); },
      [](Message2& s) { s.more = "x"; },
      [](Message2& s) { std::swap(s.dh, s.ciphertext); },
  };
  for (std::size_t i = 0; i < bends.size(); ++i) {
    Message2 sample;
    bends[i](sample);
    EXPECT_NE(message2(sample.text()), "") << "bend " << i;
  }
}

TEST(Exchange2Test, PassesAndBentIsRefused) {
  RatchetMessage out;
  EXPECT_EQ(verdict_of(Exchange2().text(), Version::omemo_2, true, &out), "");
  EXPECT_TRUE(out.prekey);
  EXPECT_EQ(out.identity_key.size(), 32u);
  const std::vector<void (*)(Exchange2&)> bends{
      [](Exchange2& s) { s.identity = bytes(3, noise(33)); },
      [](Exchange2& s) { s.identity = bytes(3, std::string(32, '\0')); },
      [](Exchange2& s) { s.ephemeral = bytes(4, noise(31)); },
      [](Exchange2& s) { s.ephemeral = bytes(4, std::string(32, '\0')); },
      [](Exchange2& s) { s.prekey_id.clear(); },
      [](Exchange2& s) { s.signed_id.clear(); },
      [](Exchange2& s) { s.message.clear(); },
      [](Exchange2& s) { s.message = bytes(5, Exchange2().text()); },
      [](Exchange2& s) { s.more = number(6, 1); },
      [](Exchange2& s) { s.more = "x"; },
  };
  for (std::size_t i = 0; i < bends.size(); ++i) {
    Exchange2 sample;
    bends[i](sample);
    EXPECT_NE(exchange2(sample.text()), "") << "bend " << i;
  }
}

TEST(Ratchet, NoiseIsNeverFraming) {
  for (int i = 0; i < 20'000; ++i) {
    const auto text = noise(static_cast<std::size_t>(i) % 210);
    for (const auto version : {Version::legacy, Version::omemo_2}) {
      for (const bool prekey : {false, true}) EXPECT_NE(verdict_of(text, version, prekey), "");
    }
  }
}

TEST(Ratchet, TwoKeysSeenInTheWildPass) {  // the shape of lurch's: 98 bytes, 33 0a 21 05 … 10 nn 18 nn 22 30
  const auto sample = Signal().text();
  EXPECT_EQ(sample.size(), 98u);
  EXPECT_EQ(sample.substr(0, 4), "\x33\x0a\x21\x05");
  EXPECT_EQ(b64(sample).size(), 132u);
  EXPECT_TRUE(b64(sample).starts_with("MwohB"));
}

}  // namespace
}  // namespace valise::modules::omemo
