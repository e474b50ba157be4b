// The Lua functions that build matchers of single facts, of place and time, and their combinations.
#include <fmt/core.h>

#include <algorithm>

#include "policy/fact_names.hpp"
#include "policy/lua_arguments.hpp"

namespace valise::policy {
namespace {

// RFC 6121 §4.7.1, §5.2.2; RFC 6120 §8.2.3; then what records are.
constexpr auto type_names = [] {
  constexpr std::string_view stanzas[] = {"chat",      "groupchat",  "headline",    "normal",       "error",
                                          "get",       "set",        "result",      "available",    "unavailable",
                                          "subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe"};
  std::array<std::string_view, std::size(stanzas) + record_kinds.size()> all;
  std::ranges::copy(record_kinds, std::ranges::copy(stanzas, all.begin()).out);
  return all;
}();
constexpr std::string_view affiliation_names[] = {"owner", "admin", "member", "outcast", "none"};  // XEP-0045 §5.2
constexpr std::string_view side_names[] = {"from", "to"};

// ---- shapes that many share

// Name(): the fact is true.
template <bool Facts::* Field>
int flag(lua_State* lua) {
  building(lua);
  return push_matcher(lua, make_flag(fmt::format("{}()", name_of(lua)), [](const Facts& f) { return f.*Field; },
                                     {fact_of_builder(name_of(lua)), {"true"}, {}}));
}

// Name("from"), Name("to"): the fact is true of the sender, the recipient.
template <auto From, auto To, const auto& FactNames>
int flag_of_side(lua_State* lua) {
  building(lua);
  const auto side = read_name(lua, 1, name_of(lua), side_names);
  auto described = fmt::format("{}(\"{}\")", name_of(lua), side_names[side]);
  return push_matcher(lua, make_flag(std::move(described), side == 0 ? +From : +To, {FactNames[side], {"true"}, {}}));
}

// What a matcher of yes or no reads, and for which values it is true and false.
struct YesOrNo {
  std::string_view fact;
  std::span<const std::string_view> yes, no;
  std::span<const std::string_view> needs{};
};
// Name(true), Name(false); true if it is left out.
template <auto Yes, auto No, const YesOrNo& About>
int yes_or_no(lua_State* lua) {
  building(lua);
  const bool yes = lua_isnoneornil(lua, 1) || read_bool(lua, 1, name_of(lua));
  const auto values = yes ? About.yes : About.no;
  return push_matcher(
      lua, make_flag(fmt::format("{}({})", name_of(lua), yes), yes ? +Yes : +No,
                     {About.fact, {values.begin(), values.end()}, {About.needs.begin(), About.needs.end()}}));
}

// Name("a"), Name{ "a", "b" }: the fact is one of these.
template <std::string_view Facts::* Field>
int text(lua_State* lua) {
  building(lua);
  return push_matcher(
      lua, make_text(name_of(lua), [](const Facts& f) { return f.*Field; }, read_texts(lua, 1, name_of(lua))));
}

// Label("dr"), Label{ "dr", "secret" }, Label(""): what has no label has that one.
int label(lua_State* lua) {
  building(lua);
  const bool without = lua_type(lua, 1) == LUA_TSTRING && lua_rawlen(lua, 1) == 0;
  auto names = without ? std::vector<std::string>{""} : read_texts(lua, 1, name_of(lua));
  return push_matcher(lua, make_text(name_of(lua), [](const Facts& f) { return f.label; }, std::move(names)));
}

// The same where the texts are among few.
template <std::string_view Facts::* Field, const auto& Names>
int word(lua_State* lua) {
  building(lua);
  auto values = read_texts(lua, 1, name_of(lua));
  for (const auto& value : values) name_index(lua, value, name_of(lua), Names);
  return push_matcher(lua, make_text(name_of(lua), [](const Facts& f) { return f.*Field; }, std::move(values)));
}

// Name(">", 5).
template <auto Field>
int number(lua_State* lua) {
  building(lua);
  const auto comparison = read_comparison(lua, 1, name_of(lua));
  const auto bound = read_whole(lua, 2, name_of(lua), 0, 1e15);
  return push_matcher(lua, make_number(
                               name_of(lua), [](const Facts& f) -> std::optional<std::uint64_t> { return f.*Field; },
                               comparison, static_cast<std::uint64_t>(bound)));
}

// Name("a") or Name{ … }, whose texts the maker reads.
template <auto Make>
int from_texts(lua_State* lua) {
  building(lua);
  std::string error;
  auto made = Make(read_texts(lua, 1, name_of(lua)), error);
  if (!made) refuse(lua, fmt::format("{}: {}", name_of(lua), error));
  return push_matcher(lua, std::move(made));
}

// ---- those that are like no other

int always(lua_State* lua) {
  building(lua);
  return push_matcher(lua, make_always());
}

int kind(lua_State* lua) {
  building(lua);
  std::vector<Event> events;
  for (const auto& text : read_texts(lua, 1, "Kind")) {
    events.push_back(static_cast<Event>(name_index(lua, text, "Kind", event_names)));
  }
  for (const auto event : events) {
    if (events.size() > 1 && stands_alone(event)) {
      refuse(lua, fmt::format("Kind: \"{}\" stands alone", event_names[static_cast<std::size_t>(event)]));
    }
  }
  return push_matcher(lua, make_kind(std::move(events)));
}

int direction(lua_State* lua) {
  building(lua);
  return push_matcher(lua, make_direction(static_cast<Direction>(read_name(lua, 1, "Direction", direction_names))));
}

int omemo(lua_State* lua) {
  building(lua);
  return push_matcher(lua, make_omemo(static_cast<Omemo>(read_name(lua, 1, "OmemoVersion", omemo_names))));
}

int device_id(lua_State* lua) {
  building(lua);
  constexpr std::size_t most_ids = 100'000;
  constexpr double greatest = 0x7fffffff;  // XEP-0384 §4.1
  std::vector<std::uint32_t> ids;
  if (!lua_istable(lua, 1)) {
    ids.push_back(static_cast<std::uint32_t>(read_whole(lua, 1, "DeviceId", 1, greatest)));
  } else {
    const auto count = lua_rawlen(lua, 1);
    if (count == 0 || count > most_ids) refuse(lua, fmt::format("DeviceId takes 1 to {} ids", most_ids));
    for (lua_Unsigned i = 1; i <= count; ++i) {
      lua_rawgeti(lua, 1, static_cast<lua_Integer>(i));
      ids.push_back(static_cast<std::uint32_t>(read_whole(lua, -1, "DeviceId", 1, greatest)));
      lua_pop(lua, 1);
    }
  }
  return push_matcher(lua, make_device_id(std::move(ids)));
}

int device_age(lua_State* lua) {
  building(lua);
  const auto comparison = read_comparison(lua, 1, "DeviceAge");
  const auto seconds = read_duration(lua, 2, "DeviceAge") / 1000;
  const NumberField age = [](const Facts& f) -> std::optional<std::uint64_t> {
    return f.device_age_s < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(f.device_age_s));
  };
  return push_matcher(lua, make_number("DeviceAge", age, comparison, static_cast<std::uint64_t>(seconds)));
}

int has_tag(lua_State* lua) {
  building(lua);
  return push_matcher(lua, make_has_tag(read_texts(lua, 1, "HasTag")));
}

int child(lua_State* lua) {
  building(lua);
  auto name = read_text(lua, 1, "Child");
  if (name == "*") name.clear();
  auto ns = lua_isnoneornil(lua, 2) ? std::string() : read_text(lua, 2, "Child");
  if (name.empty() && ns.empty()) refuse(lua, "Child(\"*\") takes a namespace, too");
  return push_matcher(lua, make_child(std::move(name), std::move(ns)));
}

int roster_group(lua_State* lua) {
  building(lua);
  return push_matcher(lua, make_roster_group(read_texts(lua, 1, "RosterGroup")));
}

int client(lua_State* lua) {
  building(lua);
  auto values = read_texts(lua, 1, "Client");
  if (values.size() > most_alike) refuse(lua, fmt::format("Client takes at most {} texts", most_alike));
  return push_matcher(lua, make_pattern("Client", [](const Facts& f) { return f.client; }, std::move(values)));
}

// ---- combinations

// The parts of a table or of all arguments.
std::vector<const Matcher*> parts(lua_State* lua) {
  building(lua);
  std::vector<const Matcher*> out;
  if (lua_gettop(lua) == 1 && lua_istable(lua, 1)) {
    const auto count = lua_rawlen(lua, 1);
    for (lua_Unsigned i = 1; i <= std::min<lua_Unsigned>(count, Matcher::max_weight + 1); ++i) {
      lua_rawgeti(lua, 1, static_cast<lua_Integer>(i));
      out.push_back(read_matcher(lua, -1));
      lua_pop(lua, 1);
    }
  } else {
    for (int i = 1; i <= lua_gettop(lua); ++i) out.push_back(read_matcher(lua, i));
  }
  if (out.empty()) refuse(lua, fmt::format("{} takes at least one matcher", name_of(lua)));
  return out;
}
int all(lua_State* lua) { return push_matcher(lua, make_all(parts(lua))); }
int any(lua_State* lua) { return push_matcher(lua, make_any(parts(lua))); }
int negation(lua_State* lua) {
  building(lua, "Not");
  return push_matcher(lua, make_not(read_matcher(lua, 1)));
}
// Operators: exactly two operands, one of which may be a function.
int times(lua_State* lua) {
  building(lua, "*");
  return push_matcher(lua, make_all({read_matcher(lua, 1), read_matcher(lua, 2)}));
}
int plus(lua_State* lua) {
  building(lua, "+");
  return push_matcher(lua, make_any({read_matcher(lua, 1), read_matcher(lua, 2)}));
}

int to_string(lua_State* lua) {
  lua_pushstring(lua, (*static_cast<const Matcher* const*>(luaL_checkudata(lua, 1, matcher_type)))->describe().c_str());
  return 1;
}

constexpr auto is_sealed = [](const Facts& f) { return f.sealed; };
constexpr auto is_open = [](const Facts& f) { return !f.sealed; };
constexpr auto is_bound = [](const Facts& f) { return f.mechanism.ends_with("-PLUS"); };
constexpr auto is_unbound = [](const Facts& f) { return !f.mechanism.ends_with("-PLUS"); };
constexpr auto is_self = [](const Facts& f) { return !f.from.bare.empty() && f.from.bare == f.to.bare; };
constexpr auto is_other = [](const Facts& f) { return f.from.bare.empty() || f.from.bare != f.to.bare; };
constexpr auto is_contact = [](const Facts& f) { return !f.subscription.empty(); };
constexpr auto is_no_contact = [](const Facts& f) { return f.subscription.empty(); };
constexpr auto from_local = [](const Facts& f) { return f.from_local; };
constexpr auto to_local = [](const Facts& f) { return f.to_local; };
constexpr auto from_admin = [](const Facts& f) { return f.from_admin; };
constexpr auto to_admin = [](const Facts& f) { return f.to_admin; };
constexpr auto from_full = [](const Facts& f) { return !f.from.resource.empty(); };
constexpr auto to_full = [](const Facts& f) { return !f.to.resource.empty(); };

constexpr std::string_view true_name[] = {"true"}, false_name[] = {"false"};
constexpr std::string_view both_parties[] = {"from", "to"}, how_logged_in[] = {"mechanism"}, no_contact_name[] = {""};
constexpr YesOrNo sealed_fact{"sealed", true_name, false_name};
constexpr YesOrNo binding_fact{"channel_binding", true_name, false_name, how_logged_in};
constexpr YesOrNo self_fact{"to_self", true_name, false_name, both_parties};
constexpr YesOrNo contact_fact{"subscription", subscription_names, no_contact_name};
constexpr std::string_view local_facts[] = {"from_local", "to_local"};
constexpr std::string_view admin_facts[] = {"from_admin", "to_admin"};
constexpr std::string_view resource_facts[] = {"from_resource", "to_resource"};

constexpr EventMask relations = at::stanzas;
constexpr EventMask known_at_sender = at::acting;

const Function functions[] = {
    {"Always", &always, "", "everything"},
    {"Kind", &kind, "kind | {kind, …}",
     "the event. A `subscription` is a `presence` as well, a `device` a `publish`; `unsealed` and `record` stand "
     "alone"},
    {"Direction", &direction, "\"out\" | \"in\"", "asked at the sender, at the recipient"},
    {"Type", &word<&Facts::type, type_names>, "type | {type, …}",
     "the stanza's type; a message without one is `normal`, a presence `available`. Of a record its kind: "
     "`login-failed`",
     at::written | at::asked_once},
    {"Host", &text<&Facts::host>, "host | {host, …}", "the host of this server that is concerned"},
    {"Payload", &text<&Facts::payload>, "ns | {ns, …}",
     "of an iq the namespace of its child, of a publication the node",
     mask_of(Event::iq) | mask_of(Event::unsealed) | mask_of(Event::record) | at::publications},
    {"Child", &child, "name [, ns]",
     "an element among the stanza's children, by its name (`\"*\"`: any) and its namespace; names only, never what "
     "stands in it",
     at::stanzas, Costly::children},
    {"Size", &number<&Facts::size>, "op, bytes", "the stanza as it was sent, the file, the letter", at::weighed},
    {"Sealed", &yes_or_no<is_sealed, is_open, sealed_fact>, "[true | false]", "an OMEMO message, or not", at::messages},
    {"SealedMode", &word<&Facts::sealed_mode, mode_names>, "mode | {mode, …}",
     "`required`, `warn`, `off`: what holds for it (docs/sealed.md 3.6)", at::messages | mask_of(Event::iq)},
    // What the server says in its errors (docs/sealed.md §5) is a short list that grows: any text is taken.
    {"Unsealed", &text<&Facts::unsealed>, "reason | {reason, …}",
     "why it would be refused; of a message or request that passed all the same, likewise",
     at::messages | mask_of(Event::iq)},
    {"OmemoVersion", &omemo, "\"legacy\" | \"2\" | \"none\"", "the version of the seal", at::messages},
    {"DeviceId", &device_id, "id | {id, …}", "the OMEMO device that sealed it", at::messages},
    {"DeviceAge", &device_age, "op, time",
     "how long the server has known that device: `DeviceAge(\"<\", \"7d\")`. Not known at the recipient, and what is "
     "not known never matches",
     mask_of(Event::message) & all_out, Costly::device_age},
    {"Keys", &number<&Facts::keys>, "op, n", "for how many devices it is sealed: its recipients", at::messages},
    {"UnknownDevices", &number<&Facts::unknown_devices>, "op, n",
     "how many of them neither the sender's nor the recipient's list names", mask_of(Event::message) & all_in,
     Costly::unknown_devices},
    {"Devices", &number<&Facts::devices>, "op, n", "so many stand in the list that is published",
     mask_of(Event::device)},
    {"NewDevices", &number<&Facts::new_devices>, "op, n", "so many of them not in the list before",
     mask_of(Event::device)},
    {"Uses", &number<&Facts::uses>, "op, n", "so many people may come by the invitation", mask_of(Event::invitation)},
    {"Sessions", &number<&Facts::sessions>, "op, n",
     "connected devices of the account that the direction names; at `session` those that are there already",
     at::stanzas | mask_of(Event::session)},
    {"Mechanism", &text<&Facts::mechanism>, "name | {name, …}", "how the session logged in: `SCRAM-SHA-256-PLUS`",
     known_at_sender},
    {"ChannelBinding", &yes_or_no<is_bound, is_unbound, binding_fact>, "[true | false]",
     "whether it logged in with a mechanism that is bound to its TLS channel", known_at_sender},
    {"TlsVersion", &text<&Facts::tls>, "version | {version, …}", "`1.2`, `1.3`", at::connected},
    {"Network", &from_texts<&make_network>, "network | {network, …}",
     "the address of whoever acts: `10.0.0.0/8`, `2001:db8::/32`; what is not known is in no network", at::connected},
    {"Client", &client, "text | {text, …}",
     "what its software calls itself (XEP-0115, a URI; `*` for any characters): known once it has sent presence",
     at::written& all_out, Costly::client},
    {"Language", &text<&Facts::language>, "tag | {tag, …}", "of the stream: `fr`, `en`"},
    {"HasTag", &has_tag, "tag | {tag, …}",
     "a tag that a rule gave: earlier in this decision, at the sender, or to the session at its log-in or binding"},
    {"ToSelf", &yes_or_no<is_self, is_other, self_fact>, "[true | false]", "to the sender's own account", at::written},
    {"Contact", &yes_or_no<is_contact, is_no_contact, contact_fact>, "[true | false]",
     "the other party stands in the contact list of the account that the direction names", relations, Costly::relation},
    {"Subscription", &word<&Facts::subscription, subscription_names>, "state | {state, …}",
     "`none`, `to`, `from`, `both`: of that contact; of nobody else", relations, Costly::relation},
    {"Asked", &flag<&Facts::asked>, "", "it has asked the other for a subscription and waits", relations,
     Costly::relation},
    {"Pending", &flag<&Facts::pending>, "", "the other has asked it, and waits", relations, Costly::relation},
    {"RosterGroup", &roster_group, "group | {group, …}", "the other stands in that group of its list", relations,
     Costly::relation},
    {"Shown", &flag<&Facts::shown>, "", "one of its sessions shows the other its presence, directed presence included",
     relations, Costly::shown},
    {"Local", &flag_of_side<from_local, to_local, local_facts>, "\"from\" | \"to\"",
     "the party is of a host of this server", at::anywhere, Costly::parties},
    {"Administrator", &flag_of_side<from_admin, to_admin, admin_facts>, "\"from\" | \"to\"",
     "the party administers the host that is concerned (`commands.administrators`)", at::anywhere, Costly::parties},
    {"FullAddress", &flag_of_side<from_full, to_full, resource_facts>, "\"from\" | \"to\"",
     "the party's address names a resource"},
    {"Hours", &from_texts<&make_hours>, "range | {range, …}",
     "local time: `08:00-19:00`; `22:00-06:00` runs past midnight"},
    {"Weekday", &from_texts<&make_weekday>, "day | {day, …}", "`mon` … `sun`, `mon-fri`"},
    {"Date", &from_texts<&make_date>, "date | {date, …}",
     "the local date: `2026-12-24`, `12-24` of each year, `2026-07-01..2026-08-31`, `12-24..01-02`"},
    {"Holiday", &from_texts<&make_holiday>, "calendar",
     "a public holiday: `fr`, or `fr-alsace-moselle` with Good Friday and 26 December; Easter's are reckoned"},
    {"Affiliation", &word<&Facts::affiliation, affiliation_names>, "name | {name, …}",
     "`owner`, `admin`, `member`, `outcast`, `none`: in the room", at::rooms},
    {"Occupants", &number<&Facts::occupants>, "op, n", "so many are in the room already", mask_of(Event::room_join)},
    {"Label", &label, "name | {name, …}",
     "the classification label (XEP-0258) by its name in `labels.catalogue`: `dr`, `secret`; `Label(\"\")`: without "
     "one",
     at::messages | mask_of(Event::room_message)},
    {"Datacenter", &text<&Facts::datacenter>, "name | {name, …}",
     "where whoever acts is connected; not known before there are several"},
    {"All", &all, "matcher, … | {matcher, …}", "all of them: `a * b`"},
    {"Any", &any, "matcher, … | {matcher, …}", "one of them: `a + b`"},
    {"Not", &negation, "matcher", "not that: `-a`"},
};

}  // namespace

std::span<const Function> matcher_functions() { return functions; }

void add_matcher_type(lua_State* lua, PolicySet::State& state) {
  push_type(lua, state, matcher_type);
  const luaL_Reg behaviour[] = {
      {"__mul", &times}, {"__add", &plus}, {"__unm", &negation}, {"__tostring", &to_string}, {nullptr, nullptr}};
  lua_pushlightuserdata(lua, &state);
  luaL_setfuncs(lua, behaviour, 1);
  lua_pop(lua, 1);
}

}  // namespace valise::policy
