// docs/sealed-table.md: each row of the table, by its own verdict, with its switch as it is and turned. A test is
// called like its row; a row for which nothing is known to send fails.
#include "modules/omemo/table/table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "modules/pep/allow_list.hpp"
#include "modules/pep/nodes.hpp"
#include "modules/private_storage/elements.hpp"
#include "modules/vcard/card.hpp"
#include "samples.hpp"
#include "table_examples.hpp"

namespace valise::modules::omemo {
namespace {
using namespace samples;
using examples::Example;
using examples::Examples;
using table::Form;
using table::MessageRow;
using table::Place;
using table::Row;
using table::Switch;
using table::Verdict;

constexpr std::string_view composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
constexpr std::string_view store = "<store xmlns='urn:xmpp:hints'/>";
constexpr std::string_view word = "merger";

core::Switches turned(Switch which) {
  return which == Switch::none ? core::Switches() : core::Switches{1U << static_cast<unsigned>(which)};
}

// What the row says, by its own words: not by the functions that the checks ask.
Verdict said_by(const MessageRow& row, Place place, core::Switches switches) {
  const auto usual = place == Place::beside ? row.beside : row.alone;
  if (switches == core::Switches() || switches != turned(row.by)) return usual;
  if (row.turns != Place::both && row.turns != place) return usual;
  if (usual != Verdict::pass) return Verdict::pass;
  return place == Place::beside ? Verdict::strip : row.unfit;
}
bool lets(const Row& row, core::Switches switches) {
  const bool usual = row.verdict == Verdict::pass || row.verdict == Verdict::replace;
  const bool other_way = switches != core::Switches() && switches == turned(row.by);
  return usual != other_way;
}

const std::string& seal() {
  static const std::string made = Legacy().text();
  return made;
}

// What becomes of a message, or "refused REASON".
std::string of_message(std::string_view children, core::Switches switches, std::string_view type = "chat") {
  const auto result = rebuild_message(*message_of(children, type), switches);
  return result.refused ? "refused " + std::string(code_of(*result.refused)) : result.children;
}

// ---- what a row is about

std::string title(std::string_view name, std::string_view ns) { return std::string(name) + " " + std::string(ns); }

// An element of the row's name that says something.
std::string letter(std::string_view name, std::string_view ns) {
  const std::string element(name.empty() ? "x" : name);
  return "<" + element + " xmlns='" + std::string(ns.empty() ? "urn:x" : ns) + "' id='m0'>the merger</" + element + ">";
}

std::string value_for(std::string_view attribute) {
  return attribute == "to" ? "juliet@a.example" : attribute == "jid" ? "room@c.example" : "m0";
}

// Of its row alone: no content, its attributes.
std::string empty_element(const MessageRow& row) {
  std::string out = "<" + std::string(row.name) + " xmlns='" + std::string(row.ns) + "'";
  for (const auto attribute : row.attributes) {
    if (!attribute.empty()) out += " " + std::string(attribute) + "='" + value_for(attribute) + "'";
  }
  return out + "/>";
}

// Nothing: there is no example, and none can be made.
std::optional<Example> example_of(const Examples& known, const std::string& key, bool may_pass, std::string otherwise) {
  const auto found = known.find(key);
  if (found != known.end()) return found->second;
  if (may_pass) return std::nullopt;
  return Example{.in = std::move(otherwise), .out = {}};
}

// ---- messages

std::optional<Example> example_of(const MessageRow& row) {
  if (row.form == Form::seal) {
    static const std::string second = Second().text();
    return examples::same(row.ns == omemo2_ns ? second : seal());
  }
  if (row.form == Form::empty) return examples::same(empty_element(row));
  int same = 1;
  for (const auto& other : table::message_rows()) {
    if (&other == &row) break;
    if (other.name == row.name && other.ns == row.ns) ++same;
  }
  const auto key = title(row.name, row.ns) + (same == 1 ? "" : " " + std::to_string(same));
  return example_of(examples::of_messages(), key, row.form != Form::none, letter(row.name, row.ns));
}

std::string because(const MessageRow& row, std::string_view type) {
  switch (row.because) {
    case table::Because::reaction:
      return "refused reaction";
    case table::Because::file:
      return "refused file";
    case table::Because::subject:
      return type == "groupchat" ? "refused subject" : "refused plaintext";
    case table::Because::plaintext:
      break;
  }
  return "refused plaintext";
}

// What modules/labels has found to be one of the catalogue passes in its words, once; else nothing of the message does.
void label_beside_a_seal(const Example& example) {
  EXPECT_EQ(of_message(seal() + example.in, {}), "refused label");
  for (const auto& [children, passes] :
       {std::pair(seal() + example.in, true), {seal() + example.in + example.in, false}}) {
    const auto message = message_of(children);
    message->label = make_ref<const core::Label>("secret", example.out);
    const auto result = rebuild_message(*message);
    EXPECT_EQ(result.refused, passes ? std::nullopt : std::optional(Reason::label));
    if (passes) {
      EXPECT_EQ(result.children, seal() + example.out);
    }
  }
}

void beside_a_seal(const MessageRow& row, const Example& example, core::Switches switches) {
  if (row.form == Form::label) return label_beside_a_seal(example);
  if (row.form == Form::seal) {
    EXPECT_EQ(of_message(example.in, switches), example.in);
    return;
  }
  const bool passes = said_by(row, Place::beside, switches) != Verdict::strip;
  for (const auto& both : {seal() + example.in, seal() + example.in + example.in}) {
    EXPECT_EQ(of_message(both, switches), seal() + (passes ? example.out : "")) << both;
  }
}

void without_a_seal(const MessageRow& row, const Example& example, core::Switches switches) {
  if (row.form == Form::seal) {  // what is none refuses the whole
    EXPECT_EQ(of_message(letter("encrypted", row.ns), switches), "refused malformed");
    return;
  }
  const std::string sign(composing);
  switch (said_by(row, Place::alone, switches)) {
    case Verdict::pass:
      // An aside is nothing by itself, and a state stands once.
      if (row.matter == table::Matter::aside || row.matter == table::Matter::sign) {
        const auto company =
            row.name == "composing" ? std::string("<active xmlns='http://jabber.org/protocol/chatstates'/>") : sign;
        EXPECT_EQ(of_message(example.in + company, switches), example.out + company);
        if (row.matter == table::Matter::aside) {
          EXPECT_EQ(of_message(example.in, switches), "refused plaintext");
        }
        return;
      }
      EXPECT_EQ(of_message(example.in, switches),
                example.out + (row.matter == table::Matter::retraction ? std::string(store) : ""));
      EXPECT_EQ(of_message(example.in + "<body>the merger</body>", switches),
                row.matter == table::Matter::retraction ? example.out + std::string(store) : "refused plaintext");
      return;
    case Verdict::strip:
    case Verdict::replace:
      EXPECT_EQ(of_message(sign + example.in, switches), sign);
      EXPECT_EQ(of_message(example.in, switches), "refused plaintext");
      return;
    case Verdict::refuse:
      for (const auto* type : {"chat", "normal", "groupchat"}) {
        EXPECT_EQ(of_message(example.in, switches, type), because(row, type));
        EXPECT_EQ(of_message(sign + example.in, switches, type), because(row, type));
      }
      return;
  }
}

void check_message_row(const MessageRow& row, Place place, core::Switches switches) {
  const auto example = example_of(row);
  ASSERT_TRUE(example) << "a row without an example: " << title(row.name, row.ns);
  ASSERT_EQ(table::message_row(row.name.empty() ? "x" : row.name, row.ns.empty() ? "urn:x" : row.ns).ns, row.ns);
  if (place == Place::beside) return beside_a_seal(row, *example, switches);
  without_a_seal(row, *example, switches);
}

// ---- the other paths: what becomes of an example, or "refused"

std::string of_presence(const Example& example, core::Switches switches) {
  return rebuild_presence(*stanza_of("<presence" + example.attributes + ">" + example.in + "</presence>"), switches);
}

std::string of_request(const Example& example, std::string_view type) {
  const auto iq =
      stanza_of("<iq to='juliet@a.example' id='q1' type='" + std::string(type) + "'>" + example.in + "</iq>");
  return rebuild_request(*iq).value_or("refused");
}

std::string of_answer(const Example& example, std::string_view type) {
  const auto iq =
      stanza_of("<iq to='juliet@a.example/r' id='q1' type='" + std::string(type) + "'>" + example.in + "</iq>");
  return rebuild_answer(*iq).value_or("refused");
}

std::string of_node(const Example& example, const std::string& node, core::Switches switches) {
  const pep::testing::Xml payload(example.in);
  auto kept = pep::allowed_payload(node, example.id, payload, switches);
  if (kept) return std::move(*kept);
  return kept.error() == pep::AllowFault::node ? "refused" : "refused: " + std::string(pep::reason_of(kept.error()));
}

std::string of_card(const Example& example, std::string_view ns) {
  if (ns == vcard::ns_vcard) {
    const pep::testing::Xml card("<vCard xmlns='vcard-temp'>" + example.in + "</vCard>");
    auto kept = vcard::allowed_card(card);
    return kept ? std::move(*kept) : "refused";
  }
  const pep::testing::Xml card("<vcard xmlns='" + std::string(ns) + "'>" + example.in + "</vcard>");
  auto kept = pep::allowed_payload("urn:xmpp:vcard4", "current", card);
  return kept ? std::move(*kept) : "refused";
}

std::string card_of(std::string_view inner, std::string_view ns) {
  if (ns == vcard::ns_vcard) return inner.empty() ? "" : "<vCard xmlns='vcard-temp'>" + std::string(inner) + "</vCard>";
  return "<vcard xmlns='" + std::string(ns) + "'" + (inner.empty() ? "/>" : ">" + std::string(inner) + "</vcard>");
}

std::string of_private_xml(const Example& example) {
  const pep::testing::Xml element(example.in);
  auto kept = private_storage::kept({}, element);
  return kept ? std::move(*kept) : "refused";
}

// The second row of one name is of another type.
std::string key_of(table::Path path, const Row& row) {
  if (path == table::Path::node) return std::string(row.name);
  const bool second = path == table::Path::request && row.type == "set" && row.name == "pubsub";
  return title(row.name, row.ns) + (second ? " 2" : "");
}

const Examples& examples_of(table::Path path) {
  switch (path) {
    case table::Path::presence:
      return examples::of_presence();
    case table::Path::request:
      return examples::of_requests();
    case table::Path::answer:
      return examples::of_answers();
    case table::Path::node:
      return examples::of_nodes();
    case table::Path::card:
      return examples::of_cards();
    case table::Path::private_xml:
      return examples::of_private_xml();
  }
  return examples::of_cards();
}

// Device lists and bundles: what clients were recorded to publish is taken, and written anew.
void check_keys(const Row& row) {
  std::size_t taken = 0;
  for (const auto& publication : pep::testing::recorded_publications()) {
    if (row.prefix ? !publication.node.starts_with(row.name) : publication.node != row.name) continue;
    const auto name = pep::classify(publication.node);
    const pep::testing::Xml payload(publication.payload);
    EXPECT_TRUE(pep::has_keys(publication.node));
    if (row.form == Form::device_list) {
      EXPECT_TRUE(pep::parse_device_list(payload, name.version, 20)) << publication.payload;
    } else {
      EXPECT_TRUE(pep::parse_bundle(payload, name.version)) << publication.payload;
    }
    ++taken;
  }
  EXPECT_GT(taken, 0u) << "a row without an example: " << row.name;
}

void check_probe() {
  EXPECT_TRUE(pep::has_keys("eu.siacs.conversations.axolotl.0f3e1d2c-1111-2222-3333-444455556666"));
  EXPECT_EQ(pep::classify("eu.siacs.conversations.axolotl.0f3e1d2c-1111-2222-3333-444455556666").kind,
            pep::NodeKind::probe);
  EXPECT_TRUE(pep::is_probe_payload(pep::testing::Xml("<bundle xmlns='eu.siacs.conversations.axolotl'/>")));
  EXPECT_FALSE(
      pep::is_probe_payload(pep::testing::Xml("<bundle xmlns='eu.siacs.conversations.axolotl'>the merger</bundle>")));
  EXPECT_NE(pep::classify("eu.siacs.conversations.axolotl.the-merger").kind, pep::NodeKind::probe);
}

void check_row(table::Path path, const Row& row, core::Switches switches) {
  if (path == table::Path::node) {
    if (row.form == Form::device_list || row.form == Form::bundle) return check_keys(row);
    if (row.form == Form::probe) return check_probe();
  }
  const bool last = row.name.empty() && row.ns.empty();
  auto example =
      example_of(examples_of(path), key_of(path, row),
                 row.form != Form::none && row.form != Form::plain && row.form != Form::seal, letter(row.name, row.ns));
  ASSERT_TRUE(example) << "a row without an example: " << key_of(path, row);
  const bool passes = lets(row, switches);
  if (row.form == Form::seal) *example = examples::same(Second().text());
  const auto types =
      row.type.empty() ? std::vector<std::string>{"get", "set"} : std::vector<std::string>{std::string(row.type)};
  switch (path) {
    case table::Path::presence:
      EXPECT_EQ(of_presence(*example, switches), passes ? example->out : "");
      return;
    case table::Path::request:
      if (row.form == Form::plain) {
        *example = examples::same("<" + std::string(row.name) + " xmlns='" + std::string(row.ns) + "'/>");
        EXPECT_EQ(of_request({.in = letter(row.name, row.ns)}, "get"), "refused");
      }
      for (const auto& type : types) EXPECT_EQ(of_request(*example, type), passes ? example->out : "refused");
      return;
    case table::Path::answer:
      EXPECT_EQ(of_answer(*example, row.form == Form::bare_error ? "error" : "result"),
                passes ? example->out : "refused");
      return;
    case table::Path::node: {
      auto node = example->node.empty() ? std::string(row.name) : example->node;
      if (row.prefix && example->node.empty()) node += "x";
      if (last) node = "my diary";
      if (example->id.empty()) example->id = "current";
      EXPECT_EQ(pep::is_allowed_node(node, switches), passes);
      EXPECT_EQ(of_node(*example, node, switches), passes ? example->out : "refused");
      return;
    }
    case table::Path::card:
      if (last) {
        EXPECT_EQ(of_card({.in = "<X>the merger</X>"}, vcard::ns_vcard), "");
      } else {
        EXPECT_EQ(of_card(*example, row.ns), card_of(passes ? example->out : "", row.ns));
      }
      return;
    case table::Path::private_xml:
      EXPECT_EQ(of_private_xml(*example), passes ? example->out : "refused");
      return;
  }
}

// ---- one test a row

struct Case {
  std::string name;
  std::function<void()> check;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

// Letters, digits and "_", once in the whole.
std::string test_name(const std::string& words, std::set<std::string>& used) {
  std::string name;
  for (const unsigned char c : words) {
    if (std::isalnum(c) != 0) {
      name += static_cast<char>(c);
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  while (name.ends_with('_')) name.pop_back();
  auto unique = name;
  for (int i = 2; !used.insert(unique).second; ++i) unique = name + "_" + std::to_string(i);
  return unique;
}

std::string element_of(std::string_view name, std::string_view ns) {
  if (name.empty() && ns.empty()) return "everything else";
  return title(name.empty() ? "each" : name, ns);
}

void add_message(std::vector<Case>& out, std::set<std::string>& used, const MessageRow& row, Place place) {
  const auto* where = place == Place::beside ? "beside" : "alone";
  const auto usual = said_by(row, place, {});
  const auto words = std::string("message ") + where + " " + element_of(row.name, row.ns) + " ";
  out.push_back({test_name(words + std::string(table::name_of(usual)), used),
                 [&row, place] { check_message_row(row, place, {}); }});
  if (row.by == Switch::none) return;
  const auto& by = table::switches()[static_cast<std::size_t>(row.by)];
  const auto then = said_by(row, place, turned(row.by));
  out.push_back({test_name(words + (by.open ? "denied " : "allowed ") + std::string(table::name_of(then)), used),
                 [&row, place] { check_message_row(row, place, turned(row.by)); }});
}

std::vector<Case> cases() {
  using enum table::Path;
  std::vector<Case> out;
  std::set<std::string> used;
  for (const auto& row : table::message_rows()) {
    for (const auto place : {Place::beside, Place::alone}) add_message(out, used, row, place);
  }
  for (const auto path : {presence, request, answer, node, card, private_xml}) {
    for (const auto& row : table::rows(path)) {
      const auto words = std::string(table::name_of(path)) + " " + std::string(row.type) + " " +
                         (path == node && !row.name.empty() ? std::string(row.name) : element_of(row.name, row.ns)) +
                         " ";
      out.push_back({test_name(words + std::string(table::name_of(row.verdict)), used),
                     [path, &row] { check_row(path, row, {}); }});
      if (row.by == Switch::none) continue;
      const bool opens = !table::switches()[static_cast<std::size_t>(row.by)].open;
      out.push_back({test_name(words + (opens ? "allowed" : "denied"), used),
                     [path, &row] { check_row(path, row, turned(row.by)); }});
    }
  }
  return out;
}

class TableRow : public testing::TestWithParam<Case> {};
TEST_P(TableRow, is_as_it_says) { GetParam().check(); }
INSTANTIATE_TEST_SUITE_P(Each, TableRow, testing::ValuesIn(cases()), [](const auto& row) { return row.param.name; });

// ---- the table as a whole

TEST(Table, EachExampleHasItsRow) {
  for (const auto path : {table::Path::presence, table::Path::request, table::Path::answer, table::Path::node,
                          table::Path::card, table::Path::private_xml}) {
    std::set<std::string> keys;
    for (const auto& row : table::rows(path)) keys.insert(key_of(path, row));
    for (const auto& [key, example] : examples_of(path)) EXPECT_TRUE(keys.contains(key)) << key;
  }
  std::set<std::string> keys;
  for (const auto& row : table::message_rows()) {
    auto key = title(row.name, row.ns);
    while (keys.contains(key)) key += " 2";
    keys.insert(key);
  }
  for (const auto& [key, example] : examples::of_messages()) EXPECT_TRUE(keys.contains(key)) << key;
}

// A switch opens or closes its own rows, and nothing else.
TEST(Table, ASwitchTurnsItsOwnRowsAlone) {
  for (const auto& by : table::switches()) {
    const auto switches = turned(by.id);
    std::size_t turned_rows = 0;
    for (const auto& row : table::message_rows()) {
      const auto example = example_of(row);
      ASSERT_TRUE(example);
      if (row.by == by.id) {
        ++turned_rows;
        continue;
      }
      for (const auto& children : {example->in, seal() + example->in, std::string(composing) + example->in}) {
        EXPECT_EQ(of_message(children, switches), of_message(children, {})) << by.name << ": " << children;
      }
    }
    for (const auto path : {table::Path::presence, table::Path::node}) {
      for (const auto& row : table::rows(path)) {
        turned_rows += row.by == by.id ? 1 : 0;
        EXPECT_EQ(table::passes(row, switches) != table::passes(row, {}), row.by == by.id) << by.name << row.name;
      }
    }
    EXPECT_GT(turned_rows, 0u) << by.name << " turns nothing";
  }
}

// What was let in is not shown once the switch is closed: what is written anew once more is as if it had never been
// open.
TEST(Table, WhatASwitchLetInIsGoneOnceItIsClosed) {
  for (const auto& row : table::message_rows()) {
    if (row.by == Switch::none) continue;
    const auto example = example_of(row);
    const auto open = seal() + example->in;
    const auto& by = table::switches()[static_cast<std::size_t>(row.by)];
    const auto let_in = of_message(open, by.open ? core::Switches() : turned(row.by));
    EXPECT_EQ(let_in, seal() + example->out) << by.name;
    EXPECT_EQ(of_message(let_in, by.open ? turned(row.by) : core::Switches()), seal()) << by.name;
  }
}

TEST(Table, NoExampleLetsALetterThrough) {
  for (const auto& by : table::switches()) {
    for (const auto& row : table::message_rows()) {
      const auto example = example_of(row);
      EXPECT_EQ(of_message(seal() + example->in, turned(by.id)).find(word), std::string::npos) << example->in;
      EXPECT_EQ(of_message(example->in, turned(by.id)).find(word), std::string::npos) << example->in;
    }
  }
}

std::string_view first_word(std::string_view words) { return words.substr(0, words.find(' ')); }

// What modules handle: by all that the row says, and by no less.
TEST(Table, AHandlersRowIsForItsModuleAndElementAlone) {
  for (const auto& row : table::handler_rows()) {
    const core::Handled what{.module = row.module,
                             .kind = row.kind,
                             .place = first_word(row.place),
                             .type = first_word(row.type),
                             .name = row.name,
                             .ns = row.ns};
    EXPECT_TRUE(table::has_row(what)) << core::describe(what);
    EXPECT_FALSE(row.what.empty()) << core::describe(what);
    for (const auto part : {&core::Handled::module, &core::Handled::place, &core::Handled::type, &core::Handled::name,
                            &core::Handled::ns}) {
      auto other = what;
      other.*part = "fake";
      EXPECT_FALSE(table::has_row(other)) << core::describe(other);
    }
  }
}

TEST(Table, EachSwitchHasItsReason) {
  std::set<std::string_view> names;
  for (const auto& by : table::switches()) {
    EXPECT_TRUE(names.insert(by.name).second) << by.name;
    EXPECT_FALSE(by.opens.empty() || by.because.empty()) << by.name;
  }
}

}  // namespace
}  // namespace valise::modules::omemo
