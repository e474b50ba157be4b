// What is published and sent, and what is read from a server that alters it.
#include "selftest/wire.hpp"

#include "people.hpp"

namespace valise::ctl::selftest {
namespace {

class WireTest : public TwoDevices {
 protected:
  // The iq in which a server gives back what was published.
  [[nodiscard]] Stanza answered(const Publication& publication) const {
    return parsed(context_.get(),
                  "<iq xmlns='jabber:client' type='result'><pubsub "
                  "xmlns='http://jabber.org/protocol/pubsub'><items node='n'><item id='current'>" +
                      publication.payload + "</item></items></pubsub></iq>");
  }
  // The message as it arrives: with the stream's namespace.
  [[nodiscard]] Stanza arrived(const std::string& xml) const {
    return parsed(context_.get(), "<message xmlns='jabber:client'" + xml.substr(std::string("<message").size()));
  }
  struct FreeContext {
    void operator()(xmpp_ctx_t* context) const noexcept { xmpp_ctx_free(context); }
  };
  std::unique_ptr<xmpp_ctx_t, FreeContext> context_{xmpp_ctx_new(nullptr, nullptr)};
};

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

// Every element of that name is called otherwise.
std::string renamed(std::string text, const std::string& name) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + name.size() + 1)) {
    const bool begins = text[at - 1] == '<' || text[at - 1] == '/';
    const bool ends = at + name.size() < text.size() && std::string_view(" >/").contains(text[at + name.size()]);
    if (begins && ends) text.insert(at, "X");
  }
  return text;
}

TEST_P(WireTest, GivesTheListBack) {
  const auto stanza = answered(device_list(version(), 27183));
  const auto list = read_device_list(version(), Element(stanza));
  ASSERT_TRUE(list) << list.error().text;
  EXPECT_EQ(*list, std::vector<std::uint32_t>{27183});
}

TEST_P(WireTest, ReadsNoListThatIsNone) {
  const auto published = device_list(version(), 27183);
  for (const auto& payload :
       {std::string(), std::string("<list xmlns='urn:example'/>"), replaced(published.payload, "27183", "2147483648"),
        replaced(published.payload, "27183", "27183x"), renamed(published.payload, "device")}) {
    const auto stanza = answered({published.node, published.item, payload});
    EXPECT_FALSE(read_device_list(version(), Element(stanza))) << payload;
  }
}

TEST_P(WireTest, GivesTheBundleBack) {
  const auto& keys = alice->bundle(version());
  const auto stanza = answered(bundle(version(), alice->id(), keys));
  const auto read = read_bundle(version(), Element(stanza));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->identity_key, keys.identity_key);
  EXPECT_EQ(read->signed_prekey_id, keys.signed_prekey_id);
  EXPECT_EQ(read->signed_prekey, keys.signed_prekey);
  EXPECT_EQ(read->signature, keys.signature);
  ASSERT_EQ(read->prekeys.size(), keys.prekeys.size());
  for (std::size_t i = 0; i < keys.prekeys.size(); ++i) {
    EXPECT_EQ(read->prekeys[i].id, keys.prekeys[i].id);
    EXPECT_EQ(read->prekeys[i].key, keys.prekeys[i].key);
  }
}

TEST_P(WireTest, ReadsNoBundleWithoutOneOfItsParts) {
  const auto published = bundle(version(), alice->id(), alice->bundle(version()));
  const auto names = version() == Version::legacy
                         ? std::vector<std::string>{"signedPreKeyPublic", "signedPreKeySignature", "identityKey",
                                                    "prekeys", "preKeyPublic"}
                         : std::vector<std::string>{"spk", "spks", "ik", "prekeys", "pk"};
  for (const auto& name : names) {
    const auto stanza = answered({published.node, published.item, renamed(published.payload, name)});
    ASSERT_TRUE(stanza) << name;
    EXPECT_FALSE(read_bundle(version(), Element(stanza))) << name;
  }
}

TEST_P(WireTest, CarriesASealedMessage) {
  begin();
  const auto text = content(version(), alice->jid(), bob->jid(), "Bonjour <&> à tous");
  const auto sealed = alice->seal(version(), bob->jid(), bob->id(), text);
  ASSERT_TRUE(sealed);
  const auto stanza = arrived(message(version(), bob->jid(), "m1", *sealed));
  ASSERT_TRUE(stanza);
  EXPECT_EQ(Element(stanza).attribute("id"), "m1");
  const auto read = read_message(version(), Element(stanza));
  ASSERT_TRUE(read) << read.error().text;
  const auto opened = bob->open(version(), alice->jid(), *read);
  ASSERT_TRUE(opened) << opened.error().text;
  EXPECT_EQ(read_content(version(), *opened, alice->jid(), bob->jid(), context_.get()).value_or("another"),
            "Bonjour <&> à tous");
}

TEST_P(WireTest, ReadsNoMessageWithoutItsSeal) {
  begin();
  const auto sealed = alice->seal(version(), bob->jid(), bob->id(), "Bonjour");
  ASSERT_TRUE(sealed);
  const auto xml = message(version(), bob->jid(), "m1", *sealed);
  for (const auto* name : {"encrypted", "header", "payload"}) {
    const auto stanza = arrived(renamed(xml, name));
    ASSERT_TRUE(stanza) << name;
    EXPECT_FALSE(read_message(version(), Element(stanza))) << name;
  }
  const auto stanza = arrived(replaced(xml, "sid=", "xid="));
  ASSERT_TRUE(stanza);
  EXPECT_FALSE(read_message(version(), Element(stanza)));
}

TEST(Envelope, IsForOneRecipientOfOneSender) {
  const std::unique_ptr<xmpp_ctx_t, void (*)(xmpp_ctx_t*)> context(xmpp_ctx_new(nullptr, nullptr), &xmpp_ctx_free);
  const auto envelope = content(Version::omemo_2, "alice@example.org", "bob@example.org", "Bonjour");
  const auto read = [&](const char* from, const char* to) {
    return read_content(Version::omemo_2, envelope, from, to, context.get()).value_or("refused");
  };
  EXPECT_EQ(read("alice@example.org", "bob@example.org"), "Bonjour");
  EXPECT_EQ(read("mallory@example.org", "bob@example.org"), "refused");
  EXPECT_EQ(read("alice@example.org", "carol@example.org"), "refused");
  EXPECT_FALSE(read_content(Version::omemo_2, "no envelope", "alice@example.org", "bob@example.org", context.get()));
}

INSTANTIATE_TEST_SUITE_P(BothVersions, WireTest, testing::ValuesIn(versions), &version_name);

}  // namespace
}  // namespace valise::ctl::selftest
