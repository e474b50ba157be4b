#include "modules/archive/query.hpp"

#include <algorithm>
#include <charconv>

#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "core/result_set.hpp"
#include "xml/writer.hpp"

namespace valise::modules::archive {

using core::StanzaError;

const StanzaError not_in_archive{
    .type = StanzaError::Type::cancel,
    .condition = "item-not-found",
    .text = {"There is no such message in this archive.", "Ce message n’est pas dans cette archive."}};

namespace {

StanzaError malformed(core::Text text) {
  return {.type = StanzaError::Type::modify, .condition = "bad-request", .text = text};
}
StanzaError not_implemented(core::Text text) {
  return {.type = StanzaError::Type::cancel, .condition = "feature-not-implemented", .text = text};
}
const core::Text bad_form{"The archive does not understand this form.", "L’archive ne comprend pas ce formulaire."};
const core::Text bad_date{"The archive does not understand this date.", "L’archive ne comprend pas cette date."};

// Ids are decimal numbers, written as the server writes them.
std::optional<std::uint64_t> id_of(std::string_view text) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || text.front() == '0' || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  if (id >= storage::no_bound) return std::nullopt;
  return id;
}

// The smallest id of a message from that moment on (µs since 1970).
std::uint64_t first_id_from(std::int64_t utc_us) {
  const auto ms = utc_us / 1000 + (utc_us % 1000 > 0 ? 1 : 0);
  if (ms <= IdGenerator::epoch_ms) return 0;
  constexpr auto last_ms = static_cast<std::int64_t>(storage::no_bound >> 22) + IdGenerator::epoch_ms;
  return ms > last_ms ? storage::no_bound : IdGenerator::first_of(ms);
}

// One field of the form after the other, into the query.
class Fields {
 public:
  explicit Fields(Query& query) : query_(query) {}

  std::expected<void, StanzaError> take(std::string_view name, std::vector<std::string> values) {
    if (name == "ids") return take_ids(values);
    if (name != "with" && name != "start" && name != "end" && name != "after-id" && name != "before-id" &&
        name != "include-groupchat") {
      return std::unexpected(not_implemented({"The archive has no such field.", "L’archive ne connaît pas ce champ."}));
    }
    if (values.size() != 1) return std::unexpected(malformed(bad_form));
    const auto& value = values.front();
    if (name == "with") return take_with(value);
    if (name == "start" || name == "end") return take_time(name == "start", value);
    if (name == "include-groupchat") return take_flag(value);
    return take_bound(name == "after-id", value);
  }

 private:
  using Taken = std::expected<void, StanzaError>;

  Taken take_with(const std::string& value) {
    const auto jid = core::Jid::parse(value);
    if (!jid) return std::unexpected(StanzaError{.type = StanzaError::Type::modify, .condition = "jid-malformed"});
    query_.range.peer = jid->bare();
    if (!jid->is_bare()) query_.range.party = jid->full();
    return {};
  }
  Taken take_time(bool start, const std::string& value) {
    const auto utc_us = parse_utc(value);
    if (!utc_us) return std::unexpected(malformed(bad_date));
    if (start) {
      const auto first = first_id_from(*utc_us);
      if (first > 0) query_.range.after = std::max(query_.range.after, first - 1);
    } else {  // the whole last millisecond belongs to it, as the stamps show it
      const auto floor_ms = *utc_us / 1000 - (*utc_us % 1000 < 0 ? 1 : 0);
      query_.range.before = std::min(query_.range.before, first_id_from((floor_ms + 1) * 1000));
    }
    return {};
  }
  Taken take_bound(bool after, const std::string& value) {
    const auto id = id_of(value);
    if (!id) return std::unexpected(not_in_archive);
    query_.named.push_back(*id);
    if (after) {
      query_.range.after = std::max(query_.range.after, *id);
    } else {
      query_.range.before = std::min(query_.range.before, *id);
    }
    return {};
  }
  Taken take_ids(const std::vector<std::string>& values) {
    if (values.empty()) return std::unexpected(malformed(bad_form));
    if (values.size() > max_page) {
      return std::unexpected(
          StanzaError{.type = StanzaError::Type::modify,
                      .condition = "policy-violation",
                      .text = {"Ask for fewer messages at a time.", "Demandez moins de messages à la fois."}});
    }
    for (const auto& value : values) {
      const auto id = id_of(value);
      if (!id) return std::unexpected(not_in_archive);
      query_.ids.push_back(*id);
    }
    std::ranges::sort(query_.ids);
    query_.ids.erase(std::ranges::unique(query_.ids).begin(), query_.ids.end());
    return {};
  }
  // §4.1.4: messages of rooms are not in here, so both answers are the same.
  static Taken take_flag(const std::string& value) {
    if (value == "true" || value == "false" || value == "1" || value == "0") return {};
    return std::unexpected(malformed(bad_form));
  }

  Query& query_;
};

std::expected<void, StanzaError> read_form(xml::Element form, Query& query) {
  if (form.attribute_or_empty("type") != "submit") return std::unexpected(malformed(bad_form));
  Fields fields(query);
  std::vector<std::string> seen;
  for (const auto field : form.children()) {
    if (!field.is("field", core::ns::data_forms)) continue;
    std::string name(field.attribute_or_empty("var"));
    if (name.empty() || std::ranges::find(seen, name) != seen.end() || seen.size() > 16) {
      return std::unexpected(malformed(bad_form));
    }
    std::vector<std::string> values;
    for (const auto value : field.children()) {
      if (value.is("value", core::ns::data_forms)) values.push_back(value.text());
    }
    seen.push_back(name);
    if (name == "FORM_TYPE") {
      if (values != std::vector<std::string>{std::string(ns_mam)}) return std::unexpected(malformed(bad_form));
      continue;
    }
    if (auto taken = fields.take(name, std::move(values)); !taken) return taken;
  }
  if (std::ranges::find(seen, "FORM_TYPE") == seen.end()) return std::unexpected(malformed(bad_form));
  return {};
}

std::expected<void, StanzaError> read_page(xml::Element element, Query& query) {
  const auto wish = core::read_page_wish(element);
  if (!wish) return std::unexpected(wish.error());
  if (!*wish) return {};
  const auto& page = **wish;
  if (page.index) {  // XEP-0059 §2.6 lets us: it would count through the archive
    return std::unexpected(not_implemented(
        {"The archive knows pages by ids only.", "L’archive ne connaît les pages que par identifiants."}));
  }
  query.max = std::min(page.max.value_or(max_page), max_page);
  query.backwards = page.before.has_value();
  for (const auto& bound : {page.after, page.before}) {
    if (!bound || bound->empty()) continue;
    const auto id = id_of(*bound);
    if (!id) return std::unexpected(not_in_archive);
    query.named.push_back(*id);
    (page.after ? query.page_after : query.page_before) = *id;
  }
  return {};
}

}  // namespace

std::expected<Query, StanzaError> read_query(xml::Element element) {
  Query query;
  query.id = element.attribute_or_empty("queryid");
  if (query.id.size() > max_query_id) {
    return std::unexpected(malformed({"This queryid is too long.", "Ce queryid est trop long."}));
  }
  if (element.attribute("node")) {  // XEP-0442: of pubsub nodes there are no archives
    return std::unexpected(
        not_implemented({"There is no archive of this node.", "Il n’y a pas d’archive de ce nœud."}));
  }
  if (const auto form = element.child("x", core::ns::data_forms)) {
    if (auto read = read_form(form, query); !read) return std::unexpected(read.error());
  }
  if (auto read = read_page(element, query); !read) return std::unexpected(read.error());
  query.flipped = static_cast<bool>(element.child("flip-page", ns_mam));
  return query;
}

std::string query_form() {
  std::string out;
  xml::Writer form(out);
  const auto field = [&form](std::string_view type, std::string_view name) -> xml::Writer& {
    return form.open("field").attribute("type", type).attribute("var", name);
  };
  form.open("query", ns_mam).open("x", core::ns::data_forms).attribute("type", "form");
  field("hidden", "FORM_TYPE").element("value", {}, ns_mam).close();
  field("jid-single", "with").close();
  for (const auto* name : {"start", "end", "before-id", "after-id"}) field("text-single", name).close();
  field("list-multi", "ids").open("validate", "http://jabber.org/protocol/xdata-validate");
  form.attribute("datatype", "xs:string").open("open").close().close().close();  // XEP-0122: any value
  field("boolean", "include-groupchat").close();
  form.close().close();
  return out;
}

}  // namespace valise::modules::archive
