// The Lua functions that build actions.
#include <fmt/core.h>

#include <algorithm>

#include "policy/lua_arguments.hpp"
#include "policy/opening.hpp"

namespace valise::policy {
namespace {

constexpr std::int64_t most_days_of_delay = 31;
constexpr double most_keep_days = 36'500;  // as archive.keep_days
constexpr std::string_view default_fr = "Une règle de ce serveur ne le permet pas.";
constexpr std::string_view default_en = "A rule of this server does not allow this.";

int allow(lua_State* lua) {
  building(lua);
  return push_action(lua, make_allow());
}

int drop(lua_State* lua) {
  building(lua);
  return push_action(lua, make_drop());
}

int log_action(lua_State* lua) {
  building(lua);
  return push_action(lua, make_log());
}

// Seal("required"), Seal("warn"), Seal("off")
int seal(lua_State* lua) {
  building(lua);
  return push_action(lua, make_seal(mode_names[read_name(lua, 1, "Seal", mode_names)]));
}

int tag(lua_State* lua) {
  building(lua);
  return push_action(lua, make_tag(read_text(lua, 1, "Tag")));
}

StanzaError read_condition(lua_State* lua, int index) {
  std::vector<std::string_view> names;
  for (const auto& error : stanza_errors()) names.push_back(error.condition);
  return stanza_errors()[read_name(lua, index, "Deny", names)];
}

// Deny("forbidden"), Deny{ "forbidden", fr = "…", en = "…", type = "cancel" }
int deny(lua_State* lua) {
  building(lua, "Deny");  // a second argument has a text of its own
  Refusal refusal{.error = {}, .text_fr = std::string(default_fr), .text_en = std::string(default_en)};
  constexpr const char* one_condition = "Deny takes one condition; a text is said as fr = \"…\", en = \"…\"";
  if (!lua_istable(lua, 1)) {
    if (lua_gettop(lua) > 1) refuse(lua, one_condition);
    refusal.error = read_condition(lua, 1);
    return push_action(lua, make_deny(std::move(refusal)));
  }
  constexpr std::string_view keys[] = {"fr", "en", "type"};
  check_keys(lua, 1, "Deny", keys);
  if (lua_rawlen(lua, 1) > 1) refuse(lua, one_condition);
  lua_rawgeti(lua, 1, 1);
  refusal.error = read_condition(lua, -1);
  if (lua_getfield(lua, 1, "fr") != LUA_TNIL) refusal.text_fr = read_person_text(lua, -1, "fr");
  if (lua_getfield(lua, 1, "en") != LUA_TNIL) refusal.text_en = read_person_text(lua, -1, "en");
  if (lua_getfield(lua, 1, "type") != LUA_TNIL) {
    constexpr std::string_view types[] = {"auth", "cancel", "modify", "wait"};  // RFC 6120 §8.3.2
    refusal.error.type = types[read_name(lua, -1, "type", types)];
  }
  return push_action(lua, make_deny(std::move(refusal)));
}

// Redirect("deputy@example.org"), Redirect{ "deputy@example.org", fr = "…", en = "…" }
int redirect(lua_State* lua) {
  building(lua);
  const bool with_text = lua_istable(lua, 1);
  constexpr std::string_view keys[] = {"fr", "en"};
  if (with_text) check_keys(lua, 1, "Redirect", keys);
  if (with_text && lua_rawlen(lua, 1) > 1)
    refuse(lua, "Redirect takes one address; a text is said as fr = \"…\", en = \"…\"");
  if (with_text) lua_rawgeti(lua, 1, 1);
  auto to = read_address(lua, -1, "Redirect");
  Refusal refusal{.error = {"redirect", "modify"},  // RFC 6120 §8.3.3.14
                  .text_fr = fmt::format("Écrivez à {}.", to),
                  .text_en = fmt::format("Write to {} instead.", to),
                  .redirect = to};
  if (with_text) {
    if (lua_getfield(lua, 1, "fr") != LUA_TNIL) refusal.text_fr = read_person_text(lua, -1, "fr");
    if (lua_getfield(lua, 1, "en") != LUA_TNIL) refusal.text_en = read_person_text(lua, -1, "en");
  }
  return push_action(lua, make_deny(std::move(refusal)));
}

int jump(lua_State* lua) {
  auto& state = building(lua);
  auto name = read_person_text(lua, 1, "Jump");
  state.jumps.push_back(std::make_unique<JumpTo>(JumpTo{std::move(name), caller_place(lua), 0}));
  return push_action(lua, make_jump(*state.jumps.back()));
}

int leave(lua_State* lua) {
  building(lua);
  return push_action(lua, make_return());
}

int record(lua_State* lua) {
  building(lua);
  return push_action(lua, make_record(read_word(lua, 1, "Record")));
}

int disconnect(lua_State* lua) {
  building(lua);
  return push_action(lua, make_disconnect());
}

int unsubscribe(lua_State* lua) {
  building(lua);
  return push_action(lua, make_unsubscribe());
}

// Limit{ stanzas_per_s = 5, stanzas_burst = 20 }
int limit(lua_State* lua) {
  building(lua);
  if (!lua_istable(lua, 1)) refuse(lua, "Limit takes a table: Limit{ stanzas_per_s = 5, stanzas_burst = 20 }");
  std::vector<std::string_view> names;
  for (const auto& one : pace_fields) names.push_back(one.name);
  check_keys(lua, 1, "Limit", names);
  Pace pace;
  for (const auto& one : pace_fields) {
    if (lua_getfield(lua, 1, one.name.data()) != LUA_TNIL) {
      pace.*one.field = static_cast<std::uint32_t>(read_whole(lua, -1, one.name, one.least, one.most));
    }
    lua_pop(lua, 1);
  }
  if (pace == Pace()) refuse(lua, "Limit takes at least one of rate, rate_burst, stanzas_per_s, stanzas_burst");
  return push_action(lua, make_limit(pace));
}

int quiet(lua_State* lua) {
  building(lua);
  return push_action(lua, make_quiet());
}

// Keep{ days = 365 }
int keep_days(lua_State* lua) {
  auto& state = building(lua);
  constexpr std::string_view keys[] = {"days"};
  if (!lua_istable(lua, 1)) refuse(lua, "Keep takes a table: Keep{ days = 365 }");
  check_keys(lua, 1, "Keep", keys);
  lua_getfield(lua, 1, "days");
  const auto days = static_cast<std::uint32_t>(read_whole(lua, -1, "days", 0, most_keep_days));
  if (days != 0 && (state.fewest_days == 0 || days < state.fewest_days)) state.fewest_days = days;
  return push_action(lua, make_keep(days));
}

// Delay("10m"), Delay(Weekday("mon-fri") * Hours("08:00-19:00"))
int delay(lua_State* lua) {
  building(lua);
  if (lua_isnumber(lua, 1) || lua_type(lua, 1) == LUA_TSTRING) {
    const auto ms = read_duration(lua, 1, "Delay");
    if (ms < 1000 || ms > most_days_of_delay * 86'400'000) {
      refuse(lua, fmt::format("Delay waits from 1 second to {} days", most_days_of_delay));
    }
    return push_action(lua, make_delay(ms));
  }
  const auto& open = *read_matcher(lua, 1);
  if (!is_of_time(open)) {
    refuse(
        lua,
        "Delay takes a time such as \"10m\", or when the wait is over: Hours, Weekday, Date, Holiday and nothing else");
  }
  return push_action(lua, make_delay(open));
}

int require_approval(lua_State* lua) {
  building(lua);
  return push_action(lua, make_require_approval());
}

// Strip("name"), Strip("name", "ns"), Strip{ {"name", "ns"}, … }
int strip(lua_State* lua) {
  building(lua);
  constexpr std::size_t most = 32;
  std::vector<StripName> names;
  const auto add = [&](int name, int ns) {
    StripName one{read_text(lua, name, "Strip"),
                  lua_isnoneornil(lua, ns) ? std::string() : read_text(lua, ns, "Strip")};
    if (one.name == "*" && one.ns.empty()) refuse(lua, "Strip(\"*\") takes a namespace, too");
    if (one.name == "encrypted") refuse(lua, "Strip leaves the seal alone: Deny what may not pass");
    names.push_back(std::move(one));
  };
  if (!lua_istable(lua, 1)) {
    lua_settop(lua, 2);
    add(1, 2);
    return push_action(lua, make_strip(std::move(names)));
  }
  const auto count = lua_rawlen(lua, 1);
  if (count == 0 || count > most) refuse(lua, fmt::format("Strip takes 1 to {} elements", most));
  for (lua_Unsigned i = 1; i <= count; ++i) {
    lua_rawgeti(lua, 1, static_cast<lua_Integer>(i));
    if (lua_istable(lua, -1)) {
      lua_rawgeti(lua, -1, 1);
      lua_rawgeti(lua, -2, 2);
      add(-2, -1);
      lua_pop(lua, 3);
    } else {
      lua_pushnil(lua);
      add(-2, -1);
      lua_pop(lua, 2);
    }
  }
  return push_action(lua, make_strip(std::move(names)));
}

// Notify("text" [, every]), Notify{ fr = "…", en = "…", every = "1h" }
int notify(lua_State* lua) {
  building(lua);
  constexpr std::int64_t usually = 10 * 60'000, least = 10'000;
  std::string text_fr, text_en;
  if (lua_istable(lua, 1)) {
    constexpr std::string_view keys[] = {"fr", "en", "every"};
    check_keys(lua, 1, "Notify", keys);
    lua_settop(lua, 1);
    lua_getfield(lua, 1, "every");
    lua_getfield(lua, 1, "fr");
    lua_getfield(lua, 1, "en");
    text_fr = read_person_text(lua, 3, "fr");
    text_en = read_person_text(lua, 4, "en");
  } else {
    text_fr = text_en = read_person_text(lua, 1, "Notify");
  }
  const auto every = lua_isnoneornil(lua, 2) ? usually : read_duration(lua, 2, "Notify");
  if (every < least) refuse(lua, "Notify: at most once in 10 seconds");
  return push_action(lua, make_notify(std::move(text_fr), std::move(text_en), every));
}

const Function functions[] = {
    {"Allow", &allow, "", "ends: allowed"},
    {"Deny", &deny, "\"condition\" | { \"condition\", fr =, en =, type = }",
     "ends: an error of RFC 6120 §8.3.3 with a text in the language of whoever reads it, one line of at most 512 "
     "bytes"},
    {"Redirect", &redirect, "\"address\" | { \"address\", fr =, en = }",
     "ends: denied with `redirect` and that address (RFC 6120 §8.3.3.14), so that the sender's client or its person "
     "can "
     "write there, sealed for whoever reads it there. What was sealed for one person is never given to another",
     at::stanzas},
    {"Drop", &drop, "",
     "ends: nothing is delivered, nobody is told. Where an answer is due it gives no reason: a log-in fails as with a "
     "wrong password, the others with `policy-violation`"},
    {"Tag", &tag, "\"tag\"",
     "goes on; later rules see the tag, at the recipient too; at most eight a decision. Given by a rule about `login` "
     "or "
     "`session` it stays with the session"},
    {"Log", &log_action, "", "goes on; a line with the rule's name and count in the log, at most one in ten seconds"},
    {"Seal", &seal, "\"required\" | \"warn\" | \"off\"", "ends: that mode shall hold for this one",
     mask_of(Event::unsealed)},
    {"Strip", &strip, "\"name\" [, \"ns\"] | { {\"name\", \"ns\"}, … }",
     "goes on; these elements are left out of the stanza's children (`\"*\"`: each of the namespace), never the seal. "
     "Written for messages and presences; of other events nothing is taken",
     mask_of(Event::message) | at::presences},
    {"Record", &record, "\"word\"",
     "goes on; the audit log's record of this event has `policy:word` as its reason, with the rule that decided, if "
     "one "
     "did; a denial keeps its own",
     at::stanzas},
    {"Notify", &notify, "\"text\" [, every] | { fr =, en =, every = }",
     "goes on; the administrators of the host (`commands.administrators`) get a message with the rule's text, at most "
     "once in that time (ten minutes), from each shard"},
    {"Disconnect", &disconnect, "",
     "goes on; the session of whoever acts ends with `policy-violation` when the decision is made. At the recipient, "
     "where it is not known, and before a session is there: nothing",
     at::stanzas& all_out},
    {"Unsubscribe", &unsubscribe, "",
     "goes on; the sender no longer sees when the recipient is there, as if the recipient had sent `unsubscribed` (RFC "
     "6121 §3.2), and a request of his that waits is refused. Whether the recipient sees the sender stays as it was",
     at::stanzas& all_in},
    {"Limit", &limit, "{ rate =, rate_burst =, stanzas_per_s =, stanzas_burst = }",
     "goes on; the session that begins is read so fast and no faster, whatever the options `limits.*` of these names "
     "say: bytes and stanzas a second, above a burst. Of several rules the strictest number holds",
     mask_of(Event::session) & all_out},
    {"Quiet", &quiet, "",
     "goes on; the message waits for whoever is away, or is shown to who is there, and no push service (XEP-0357) is "
     "told "
     "that it came",
     mask_of(Event::message) & all_in},
    {"Delay", &delay, "\"10m\" | matcher",
     "goes on; a message for a person to read is kept for so long (1 second to 31 days), or until the matcher, made of "
     "`Hours`, `Weekday`, `Date`, `Holiday` alone, is true (where it is now, nothing waits), and comes then, with the "
     "time at which it was sent (XEP-0203). Until then the recipient sees it nowhere. The beginning of a call cannot "
     "wait: it comes back as `recipient-unavailable`; receipts, markers and chat states pass at once. Of several rules "
     "the longest wait holds. Rules are not asked again. A matcher that is not true within 400 days fails. `valisectl "
     "held` lists and releases",
     mask_of(Event::message)},
    {"Keep", &keep_days, "{ days = }",
     "goes on; the account's archive keeps messages for so many days, 0: for ever, instead of the host's "
     "`archive.keep_days`; of several rules the last that matches. What `valisectl archive keep` says of an account "
     "wins. "
     "Each of two people has an archive of his own",
     mask_of(Event::archive) & all_out},
    {"RequireApproval", &require_approval, "",
     "goes on; an OMEMO device that is new in what is published, or has other keys than before, waits for an "
     "administrator (`valisectl omemo approve`), as with `omemo.approve = \"administrator\"`, however that is set. It "
     "waits until then, whatever becomes of the rule",
     at::publications& all_out},
    {"Jump", &jump, "\"chain\"",
     "the rules of that `chain` are tried; if none ends the decision, it goes on behind the `Jump`"},
    {"Return", &leave, "", "ends the chain: on behind its `Jump`; in the main one: no rule is left, allowed"},
};

}  // namespace

std::span<const Function> action_functions() { return functions; }

}  // namespace valise::policy
