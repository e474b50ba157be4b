#include "modules/pep/nodes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "support.hpp"

namespace valise::modules::pep {
namespace {

using testing::Xml;
constexpr NodeLimits limits{.max_items = 256};
constexpr std::string_view list = "eu.siacs.conversations.axolotl.devicelist";
constexpr std::string_view avatar = "urn:xmpp:avatar:metadata";

Fields fields(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  Fields out;
  for (const auto& [name, value] : pairs) out.push_back({std::string(name), {std::string(value)}});
  return out;
}

TEST(PepNodes, NamesAreClassified) {
  EXPECT_EQ(classify(list).kind, NodeKind::device_list);
  EXPECT_EQ(classify("urn:xmpp:omemo:2:devices").version, OmemoVersion::omemo_2);
  EXPECT_EQ(classify("urn:xmpp:omemo:2:bundles").kind, NodeKind::bundle);
  EXPECT_EQ(classify("eu.siacs.conversations.axolotl.bundles:77").device, 77u);
  EXPECT_EQ(classify("eu.siacs.conversations.axolotl.verification:77").kind, NodeKind::verification);
  for (const std::string_view stray :
       {"eu.siacs.conversations.axolotl", "eu.siacs.conversations.axolotl.bundles:0",
        "eu.siacs.conversations.axolotl.bundles:077", "eu.siacs.conversations.axolotl.bundles:2147483648",
        "eu.siacs.conversations.axolotl.devicelist2", "urn:xmpp:omemo:1:devices", "urn:xmpp:omemo:2:note"}) {
    EXPECT_EQ(classify(stray).kind, NodeKind::stray) << stray;
  }
  EXPECT_EQ(classify(avatar).kind, NodeKind::ordinary);
  for (const auto id : {1u, 77u, 2147483647u}) EXPECT_EQ(classify(bundle_node(OmemoVersion::legacy, id)).device, id);
}

TEST(PepNodes, AProbeIsAUuidAndNothingElse) {
  const std::string prefix = "eu.siacs.conversations.axolotl.";
  EXPECT_EQ(classify(prefix + "0a1B2c3d-0000-4000-8000-0123456789ab").kind, NodeKind::probe);
  for (const std::string_view other :
       {"0a1b2c3d-0000-4000-8000-0123456789a", "0a1b2c3d-0000-4000-8000-0123456789abc",
        "0a1b2c3d_0000-4000-8000-0123456789ab", "let-us-meet-at-noon-under-the-old-oak"}) {
    EXPECT_EQ(classify(prefix + std::string(other)).kind, NodeKind::stray) << other;
  }
}

TEST(PepNodes, OrdinaryNodesAreForContactsAndHoldOneItem) {
  const auto config = default_config(avatar);
  EXPECT_EQ(config.access, AccessModel::presence);
  EXPECT_EQ(config.send_last, SendLast::on_sub_and_presence);
  EXPECT_TRUE(config.deliver_payloads);
  EXPECT_EQ(items_kept(config, avatar, limits), 1u);
  EXPECT_EQ(default_config("urn:xmpp:bookmarks:1").access, AccessModel::whitelist);
}

TEST(PepNodes, OmemoNodesStayOpenWhateverIsAsked) {
  const auto asked = fields({{"pubsub#access_model", "whitelist"},
                             {"pubsub#persist_items", "0"},
                             {"pubsub#max_items", "nonsense"},
                             {"pubsub#notify_delete", "0"}});
  for (const std::string_view node : {list, std::string_view("eu.siacs.conversations.axolotl.bundles:1"),
                                      std::string_view("urn:xmpp:omemo:2:bundles")}) {
    EXPECT_TRUE(meets(default_config(node), node, asked, limits));
    const auto config = apply(default_config(node), node, asked, limits, true);
    ASSERT_TRUE(config);
    EXPECT_EQ(config->access, AccessModel::open);
    EXPECT_TRUE(config->persist);
    EXPECT_FALSE(config->notify_delete);  // the one thing that is theirs to say
  }
  EXPECT_EQ(items_kept(default_config(list), list, limits), 1u);
  EXPECT_EQ(items_kept(default_config("urn:xmpp:omemo:2:bundles"), "urn:xmpp:omemo:2:bundles", {.max_items = 10}),
            256u);
}

TEST(PepNodes, PreconditionsHoldByTheLetterElsewhere) {
  const auto config = default_config(avatar);
  EXPECT_TRUE(
      meets(config, avatar, fields({{"pubsub#access_model", "presence"}, {"pubsub#persist_items", "true"}}), limits));
  EXPECT_FALSE(meets(config, avatar, fields({{"pubsub#access_model", "open"}}), limits));
  EXPECT_FALSE(meets(config, avatar, fields({{"pubsub#access_model", "friends"}}), limits));
  EXPECT_FALSE(meets(config, avatar, fields({{"pubsub#max_items", "2"}}), limits));
  EXPECT_FALSE(meets(config, avatar, fields({{"pubsub#what_is_this", "2"}}), limits));  // §7.1.5
}

TEST(PepNodes, MaxIsTheNumberThatItStandsFor) {
  const auto config = apply(default_config(avatar), avatar, fields({{"pubsub#max_items", "max"}}), limits, true);
  ASSERT_TRUE(config);
  EXPECT_EQ(items_kept(*config, avatar, limits), 256u);
  EXPECT_TRUE(meets(*config, avatar, fields({{"pubsub#max_items", "max"}}), limits));
  EXPECT_TRUE(meets(*config, avatar, fields({{"pubsub#max_items", "256"}}), limits));
  EXPECT_FALSE(meets(*config, avatar, fields({{"pubsub#max_items", "255"}}), limits));
  EXPECT_EQ(apply(*config, avatar, fields({{"pubsub#max_items", "257"}}), limits, true).error(),
            ConfigFault::not_acceptable);
}

TEST(PepNodes, BadValuesHaveTheirOwnFaults) {
  const auto fault = [](std::string_view name, std::string_view value) {
    return apply(default_config(avatar), avatar, fields({{name, value}}), limits, true).error();
  };
  EXPECT_EQ(fault("pubsub#access_model", "friends"), ConfigFault::unsupported_access_model);
  EXPECT_EQ(fault("pubsub#node_type", "collection"), ConfigFault::unsupported_collection);
  for (const auto* value : {"0", "-1", "257", "", "1 "}) {
    EXPECT_EQ(fault("pubsub#max_items", value), ConfigFault::not_acceptable) << value;
  }
  EXPECT_EQ(fault("pubsub#persist_items", "yes"), ConfigFault::not_acceptable);
  EXPECT_EQ(fault("pubsub#publish_model", "open"), ConfigFault::not_acceptable);  // where content is sealed
  EXPECT_EQ(
      apply(default_config(avatar), avatar, fields({{"pubsub#title", std::string(257, 'x')}}), limits, false).error(),
      ConfigFault::not_acceptable);
}

TEST(PepNodes, PrivateNodesStayPrivateOnlyWhereSealedContentIsRequired) {
  const auto open = fields({{"pubsub#access_model", "open"}});
  const std::string_view node = "urn:xmpp:bookmarks:1";
  EXPECT_EQ(apply(default_config(node), node, open, limits, true)->access, AccessModel::whitelist);
  EXPECT_EQ(apply(default_config(node), node, open, limits, false)->access, AccessModel::open);
}

TEST(PepNodes, ProseIsHeardOnlyWhereNothingNeedsASeal) {
  const auto asked = fields({{"pubsub#title", "see you"},
                             {"pubsub#description", "at five"},
                             {"pubsub#type", "tomorrow"},
                             {"pubsub#access_model", "open"}});
  const auto sealed = apply(default_config(avatar), avatar, asked, limits, true).value();
  EXPECT_EQ(sealed.title + sealed.description + sealed.type, "");
  EXPECT_EQ(sealed.access, AccessModel::open);
  auto config = apply(default_config(avatar), avatar, asked, limits, false).value();
  EXPECT_NE(metadata_form(config, limits, "alice@a.example").find("at five"), std::string::npos);
  forget_prose(config);
  EXPECT_EQ(metadata_form(config, limits, "a"), metadata_form(sealed, limits, "a"));
}

TEST(PepNodes, OnePersonCannotFillANode) {
  std::set<std::string> all;
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(add_subscriber(all, "eve@a.example", "eve@a.example/" + std::to_string(i)));
  EXPECT_EQ(all.size(), max_subscribed_devices);
  EXPECT_TRUE(all.contains("eve@a.example/299"));
  EXPECT_TRUE(add_subscriber(all, "eve@a.example", "eve@a.example"));
  EXPECT_TRUE(add_subscriber(all, "bob@a.example", "bob@a.example"));
  EXPECT_EQ(all.size(), max_subscribed_devices + 2);
  EXPECT_EQ(addresses_of(all, "eve@a.example").size(), max_subscribed_devices + 1);
  EXPECT_EQ(addresses_of(all, "bob@a.example"), std::vector<std::string>{"bob@a.example"});
  EXPECT_TRUE(addresses_of(all, "bo@a.example").empty());
  for (int i = 0; all.size() < max_subscribers; ++i) {
    const auto name = std::to_string(i) + "@a.example";
    ASSERT_TRUE(add_subscriber(all, name, name));
  }
  EXPECT_FALSE(add_subscriber(all, "late@a.example", "late@a.example"));
  EXPECT_TRUE(add_subscriber(all, "bob@a.example", "bob@a.example")) << "there already";
}

TEST(PepNodes, AnItemLastsAsLongAsItsNodeSays) {
  NodeConfig config;
  EXPECT_TRUE(is_live(config, 0, std::numeric_limits<std::int64_t>::max()));
  config.item_expire_s = 10;
  EXPECT_TRUE(is_live(config, 1'000, 10'999));
  EXPECT_FALSE(is_live(config, 1'000, 11'000));
}

// Dino gives the whole form back.
TEST(PepNodes, AFormSubmittedAsItWasShownChangesNothing) {
  for (const std::string_view node : {avatar, list, std::string_view("urn:xmpp:bookmarks:1")}) {
    auto config = default_config(node);
    config.title = "A title <&>";
    config.groups = {"Friends", "Work"};
    auto form = config_form(config, limits);
    form.replace(form.find("type='form'"), 11, "type='submit'");
    const auto submitted = read_form(Xml(form), "http://jabber.org/protocol/pubsub#node_config");
    ASSERT_TRUE(submitted);
    EXPECT_EQ(apply(config, node, *submitted, limits, true).value(), config);
  }
}

TEST(PepNodes, FormsOfOtherKindsAreRefused) {
  const auto fault = [](std::string_view inner, std::string_view type) {
    const Xml xml("<x xmlns='jabber:x:data' type='" + std::string(type) + "'>" + std::string(inner) + "</x>");
    return read_form(xml, "wanted").error();
  };
  EXPECT_EQ(fault("<field var='FORM_TYPE'><value>other</value></field>", "submit"), FormFault::wrong_type);
  EXPECT_EQ(fault("", "form"), FormFault::malformed);
  EXPECT_EQ(fault("", "cancel"), FormFault::cancelled);
  EXPECT_EQ(read_form(Xml("<y xmlns='jabber:x:data' type='submit'/>"), "wanted").error(), FormFault::malformed);
}

TEST(PepNodes, WhatIsStoredComesBack) {
  auto config = default_config(avatar);
  config.access = AccessModel::roster;
  config.groups = {"Amis", "Work"};
  config.send_last = SendLast::never;
  config.notify_delete = false;
  config.max_items = 7;
  config.title = "é";
  config.affiliations = {{"bob@example.org", Affiliation::member},
                         {"eve@example.org", Affiliation::outcast},
                         {"pub@example.org", Affiliation::publisher},
                         {"po@example.org", Affiliation::publish_only}};
  config.subscribers = {"carol@example.org", "dave@example.org/phone:1"};
  config.pending = {"frank@example.org"};
  config.unlisted = {{7, 1'700'000'000'001}, {2147483647, 3}};
  config.publish = PublishModel::subscribers;
  config.full = NodeFull::reject;
  config.headline = false;
  config.names_publisher = true;
  config.max_payload_size = 17;
  config.item_expire_s = 18;
  config.language = "fr";
  config.created_ms = 1'700'000'000'000;
  const auto stored = to_stored(config);
  EXPECT_TRUE(std::ranges::is_sorted(stored));
  EXPECT_EQ(from_stored(avatar, stored), config);
  config.max_is_max = true;
  config.max_items = 0;
  EXPECT_EQ(from_stored(avatar, to_stored(config)), config);
}

TEST(PepNodes, AStoredRowThatMakesNoSenseHasDefaults) {
  EXPECT_EQ(from_stored(avatar, {{"pubsub#access_model", "?"}, {"pubsub#max_items", "x"}, {"valise#created", "?"}}),
            default_config(avatar));
  EXPECT_EQ(from_stored(list, {{"pubsub#access_model", "whitelist"}}).access, AccessModel::open);
}

}  // namespace
}  // namespace valise::modules::pep
