#include "modules/pep/omemo_payloads.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/crypto.hpp"
#include "modules/pep/nodes.hpp"
#include "support.hpp"

namespace valise::modules::pep {
namespace {

using testing::Recorded;
using testing::recorded_publications;
using testing::Xml;

std::vector<Recorded> recorded(NodeKind kind) {
  std::vector<Recorded> out;
  for (auto& publication : recorded_publications()) {
    if (classify(publication.node).kind == kind) out.push_back(std::move(publication));
  }
  return out;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

// A recorded legacy bundle, and its parts to break.
std::string legacy_bundle() {
  for (const auto& publication : recorded(NodeKind::bundle)) {
    if (classify(publication.node).version == OmemoVersion::legacy) return publication.payload;
  }
  return {};
}

PayloadFault fault_of(std::string_view payload, OmemoVersion version = OmemoVersion::legacy) {
  const Xml xml(payload);
  const auto bundle = parse_bundle(xml, version);
  if (!bundle) return bundle.error();
  const auto checked = check_keys(*bundle);
  EXPECT_FALSE(checked) << payload.substr(0, 200);
  return checked ? PayloadFault::structure : checked.error();
}

TEST(OmemoBundle, EveryRecordedOneIsGood) {
  std::size_t legacy = 0;
  std::size_t omemo_2 = 0;
  for (const auto& publication : recorded(NodeKind::bundle)) {
    const auto version = classify(publication.node).version;
    const Xml xml(publication.payload);
    const auto bundle = parse_bundle(xml, version);
    ASSERT_TRUE(bundle) << publication.file << ": " << describe(bundle.error()).english;
    const auto checked = check_keys(*bundle);
    EXPECT_TRUE(checked) << publication.file << ": " << describe(checked.error()).english;
    ++(version == OmemoVersion::legacy ? legacy : omemo_2);
  }
  EXPECT_GT(legacy, 20u);
  EXPECT_GT(omemo_2, 5u);
}

TEST(OmemoBundle, WrittenAnewItIsTheSame) {
  for (const auto& publication : recorded(NodeKind::bundle)) {
    const auto version = classify(publication.node).version;
    const Xml xml(publication.payload);
    const auto once = to_xml(*parse_bundle(xml, version));
    const Xml again(once);
    ASSERT_TRUE(again.root());
    EXPECT_EQ(to_xml(*parse_bundle(again, version)), once);
  }
}

// One device has one identity in both versions (Converse, the bot).
TEST(OmemoBundle, IdentitiesOfBothVersionsAreEqualAfterConversion) {
  std::map<std::pair<std::string, std::uint32_t>, omemo_keys::Key> legacy;
  const auto all = recorded(NodeKind::bundle);
  for (const auto& publication : all) {
    const auto name = classify(publication.node);
    if (name.version != OmemoVersion::legacy) continue;
    legacy[{publication.file, name.device}] = *identity_u(*parse_bundle(Xml(publication.payload), name.version));
  }
  std::size_t compared = 0;
  for (const auto& publication : all) {
    if (classify(publication.node).version != OmemoVersion::omemo_2) continue;
    const auto same = legacy.find({publication.file, *parse_device_id(publication.item_id)});
    if (same == legacy.end()) continue;
    EXPECT_EQ(identity_u(*parse_bundle(Xml(publication.payload), OmemoVersion::omemo_2)), same->second)
        << publication.file;
    ++compared;
  }
  EXPECT_GT(compared, 5u);
}

TEST(OmemoBundle, ABundleOfOneVersionIsNoneOfTheOther) {
  for (const auto& publication : recorded(NodeKind::bundle)) {
    const auto other =
        classify(publication.node).version == OmemoVersion::legacy ? OmemoVersion::omemo_2 : OmemoVersion::legacy;
    EXPECT_FALSE(parse_bundle(Xml(publication.payload), other));
  }
}

TEST(OmemoBundle, UnknownOrRepeatedChildrenAndTextAreRefused) {
  const auto good = legacy_bundle();
  const auto end = std::string("</bundle>");
  EXPECT_EQ(fault_of(replaced(good, end, "<note/></bundle>")), PayloadFault::structure);
  EXPECT_EQ(fault_of(replaced(good, end, "hello</bundle>")), PayloadFault::structure);
  EXPECT_EQ(fault_of(replaced(good, end, "<identityKey>BQ==</identityKey></bundle>")), PayloadFault::structure);
  EXPECT_EQ(fault_of("<bundle xmlns='eu.siacs.conversations.axolotl'/>"), PayloadFault::structure);
  EXPECT_EQ(fault_of("<bundle xmlns='urn:xmpp:omemo:1'/>"), PayloadFault::structure);
}

// The text of the first element `name`.
std::string text_of(const std::string& bundle, const std::string& name) {
  const auto open = bundle.find("<" + name);
  const auto begin = bundle.find('>', open) + 1;
  return bundle.substr(begin, bundle.find('<', begin) - begin);
}

TEST(OmemoBundle, KeysOfWrongLengthTypeOrEncodingAreRefused) {
  const auto good = legacy_bundle();
  const auto identity = text_of(good, "identityKey");
  const auto raw = *crypto::base64_decode(identity);
  const auto with_identity = [&](std::string_view bytes) {
    return replaced(good, identity, crypto::base64_encode(bytes));
  };
  EXPECT_EQ(fault_of(with_identity(raw.substr(1))), PayloadFault::key_encoding);
  EXPECT_EQ(fault_of(with_identity("\x04" + raw.substr(1))), PayloadFault::key_encoding);
  EXPECT_EQ(fault_of(replaced(good, identity, "not base64 at all, but some text in here...")),
            PayloadFault::key_encoding);
  EXPECT_EQ(fault_of(replaced(good, identity, identity.substr(0, 10) + "\n" + identity.substr(10))),
            PayloadFault::key_encoding);
}

TEST(OmemoBundle, BlanksAroundAKeyAreTolerated) {
  const auto good = legacy_bundle();
  const auto identity = text_of(good, "identityKey");
  const Xml xml(replaced(good, identity, "\n  " + identity + "\n"));
  const auto bundle = parse_bundle(xml, OmemoVersion::legacy);
  ASSERT_TRUE(bundle);
  EXPECT_TRUE(check_keys(*bundle));
}

TEST(OmemoBundle, LowOrderKeysAreRefusedWhereverTheyStand) {
  const auto good = legacy_bundle();
  const auto zero = crypto::base64_encode("\x05" + std::string(32, '\0'));
  for (const std::string name : {"identityKey", "signedPreKeyPublic", "preKeyPublic"}) {
    EXPECT_EQ(fault_of(replaced(good, text_of(good, name), zero)), PayloadFault::weak_key) << name;
  }
}

TEST(OmemoBundle, ASignatureOverAnotherKeyIsRefused) {
  const auto good = legacy_bundle();
  const auto prekey = text_of(good, "preKeyPublic");
  EXPECT_EQ(fault_of(replaced(good, text_of(good, "signedPreKeyPublic"), prekey)), PayloadFault::signature);
}

TEST(OmemoBundle, EveryFlippedBitOfTheSignatureIsNoticed) {
  const auto good = legacy_bundle();
  const auto text = text_of(good, "signedPreKeySignature");
  const auto raw = *crypto::base64_decode(text);
  for (std::size_t bit = 0; bit < raw.size() * 8; bit += 7) {
    auto forged = raw;
    forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(fault_of(replaced(good, text, crypto::base64_encode(forged))), PayloadFault::signature) << bit;
  }
}

std::string bundle_with_prekeys(std::size_t count, bool same_id = false) {
  const auto good = legacy_bundle();
  const auto key = text_of(good, "preKeyPublic");
  std::string prekeys = "<prekeys>";
  for (std::size_t i = 0; i < count; ++i) {
    prekeys += "<preKeyPublic preKeyId='" + std::to_string(same_id ? 1 : i) + "'>" + key + "</preKeyPublic>";
  }
  const auto begin = good.find("<prekeys");
  const auto end = good.find("</prekeys>");
  return good.substr(0, begin) + prekeys + good.substr(end);
}

TEST(OmemoBundle, PrekeysAreOneToThreeHundred) {
  EXPECT_EQ(fault_of(bundle_with_prekeys(0)), PayloadFault::prekey_count);
  EXPECT_TRUE(parse_bundle(Xml(bundle_with_prekeys(1)), OmemoVersion::legacy));
  EXPECT_TRUE(parse_bundle(Xml(bundle_with_prekeys(300)), OmemoVersion::legacy));
  EXPECT_EQ(fault_of(bundle_with_prekeys(301)), PayloadFault::prekey_count);
  EXPECT_EQ(fault_of(bundle_with_prekeys(2, true)), PayloadFault::id_twice);
}

TEST(OmemoDeviceList, EveryRecordedOneIsGood) {
  std::size_t count = 0;
  for (const auto& publication : recorded(NodeKind::device_list)) {
    const auto version = classify(publication.node).version;
    const auto list = parse_device_list(Xml(publication.payload), version, 20);
    ASSERT_TRUE(list) << publication.file;
    const auto once = to_xml(*list, version);
    EXPECT_EQ(to_xml(*parse_device_list(Xml(once), version, 20), version), once);
    ++count;
  }
  EXPECT_GT(count, 20u);
}

std::string list_of(std::string_view devices) {
  return "<list xmlns='eu.siacs.conversations.axolotl'>" + std::string(devices) + "</list>";
}

TEST(OmemoDeviceList, MayBeEmpty) {
  const auto list = parse_device_list(Xml(list_of("")), OmemoVersion::legacy, 20);
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->devices.empty());
}

TEST(OmemoDeviceList, IdsAreOneToTwoToTheThirtyOneMinusOne) {
  const auto fault = [](std::string_view id) -> std::optional<PayloadFault> {
    const Xml xml(list_of("<device id='" + std::string(id) + "'/>"));
    const auto list = parse_device_list(xml, OmemoVersion::legacy, 20);
    return list ? std::nullopt : std::optional(list.error());
  };
  for (const std::string_view good : {"1", "2147483647", "24"}) EXPECT_FALSE(fault(good)) << good;
  for (const std::string_view bad : {"", "0", "01", "-1", "+1", " 1", "1 ", "2147483648", "4294967297",
                                     "99999999999999999999", "0x10", "1.0", "\xd9\xa1"}) {
    EXPECT_EQ(fault(bad), PayloadFault::id_range) << bad;
  }
}

TEST(OmemoDeviceList, ALimitOfDevicesIsKept) {
  std::string devices;
  for (int i = 1; i <= 20; ++i) devices += "<device id='" + std::to_string(i) + "'/>";
  EXPECT_TRUE(parse_device_list(Xml(list_of(devices)), OmemoVersion::legacy, 20));
  const auto more = parse_device_list(Xml(list_of(devices + "<device id='21'/>")), OmemoVersion::legacy, 20);
  EXPECT_EQ(more.error(), PayloadFault::too_many_devices);
}

TEST(OmemoDeviceList, TextAndForeignElementsAreRefused) {
  for (const std::string_view inner : {"text", "<device id='1'>text</device>", "<device id='1'><x/></device>",
                                       "<other/>", "<device xmlns='urn:example' id='1'/>"}) {
    const auto list = parse_device_list(Xml(list_of(inner)), OmemoVersion::legacy, 20);
    ASSERT_FALSE(list) << inner;
    EXPECT_EQ(list.error(), PayloadFault::structure) << inner;
  }
  EXPECT_EQ(parse_device_list(Xml(list_of("<device id='1'/><device id='1'/>")), OmemoVersion::legacy, 20).error(),
            PayloadFault::id_twice);
}

DeviceList labelled(std::string_view label, std::size_t signature_bytes = 64) {
  const auto signature = crypto::base64_encode(std::string(signature_bytes, 's'));
  const Xml xml("<devices xmlns='urn:xmpp:omemo:2'><device id='1' label='" + std::string(label) + "' labelsig='" +
                signature + "'/></devices>");
  return parse_device_list(xml, OmemoVersion::omemo_2, 20).value();
}

TEST(OmemoDeviceList, ComesBackFromTheStoreAsItWent) {
  for (const auto version : {OmemoVersion::legacy, OmemoVersion::omemo_2}) {
    auto list = version == OmemoVersion::legacy ? DeviceList() : labelled("Phone");  // of the second version alone
    list.devices.push_back({.id = 2'147'483'647, .label = {}, .label_signature = {}});
    const auto xml = to_xml(list, version);
    const auto back = stored_device_list(xml, version);
    ASSERT_TRUE(back) << xml;
    EXPECT_EQ(to_xml(*back, version), xml);
    EXPECT_EQ(ids_of(*back), ids_of(list));
  }
  for (const auto bad : {"", "<list", "<list xmlns='urn:example:x'/>", "letter"}) {
    EXPECT_FALSE(stored_device_list(bad, OmemoVersion::legacy)) << bad;
  }
}

TEST(OmemoDeviceList, LabelsAreShortVisibleAndSigned) {
  EXPECT_EQ(labelled("phone").devices.front().label, "phone");
  EXPECT_EQ(labelled(std::string(53, 'x')).devices.front().label.size(), 53u);
  EXPECT_TRUE(labelled(std::string(54, 'x')).devices.front().label.empty());
  EXPECT_TRUE(labelled("a&#10;b").devices.front().label.empty());
  EXPECT_TRUE(labelled("a&#x202e;b").devices.front().label.empty());
  EXPECT_TRUE(labelled("phone", 63).devices.front().label.empty());
  std::string accents;
  for (int i = 0; i < 53; ++i) accents += "é";
  EXPECT_EQ(labelled(accents).devices.front().label, accents);
}

TEST(OmemoDeviceList, LegacyListsHaveNoLabels) {
  const auto list =
      parse_device_list(Xml(list_of("<device id='1' label='x' labelsig='y'/>")), OmemoVersion::legacy, 20);
  EXPECT_EQ(to_xml(*list, OmemoVersion::legacy),
            "<list xmlns='eu.siacs.conversations.axolotl'><device id='1'/></list>");
}

TEST(OmemoProbe, IsAnEmptyElementAndNothingElse) {
  const std::string_view ns = "eu.siacs.conversations.axolotl";
  const auto probe = [ns](std::string_view inside) {
    return is_probe_payload(Xml("<" + std::string(inside.substr(0, inside.find('|'))) + " xmlns='" + std::string(ns) +
                                "'" + std::string(inside.substr(inside.find('|') + 1))));
  };
  EXPECT_TRUE(probe("bundle|/>"));
  EXPECT_TRUE(probe("list|></list>"));
  EXPECT_FALSE(probe("bundle| id='1'/>"));
  EXPECT_FALSE(probe("bundle|> </bundle>"));
  EXPECT_FALSE(probe("bundle|><x/></bundle>"));
  EXPECT_FALSE(probe("note|/>"));
  EXPECT_FALSE(is_probe_payload(Xml("<bundle xmlns='urn:xmpp:omemo:2'/>")));
}

}  // namespace
}  // namespace valise::modules::pep
