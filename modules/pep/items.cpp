// XEP-0060 §6.5: reading items. Out of the store; the account may be offline, the reader anybody whom the node admits.
#include <algorithm>
#include <charconv>

#include "base/clock.hpp"
#include "core/namespaces.hpp"
#include "core/result_set.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::size_t max_ids = 64;             // items asked for by name in one request
constexpr unsigned max_reading = 64;            // reads under way of one person, on one shard
constexpr std::size_t max_answer = 512 * 1024;  // bytes; what does not fit is announced as left out (XEP-0059)

struct Wanted {
  std::string owner, node;
  NodeConfig config;                   // of it only what readers of items are concerned with
  std::vector<std::string> ids;        // by name; otherwise
  std::size_t limit = 0;               // the newest so many,
  std::optional<core::PageWish> page;  // of these a page
  bool sealed = true;                  // shown is what may be published now
  core::Switches switches{};           // likewise
  std::vector<std::string> hidden{};   // ids that are not there for this reader
};

struct Found {
  std::vector<storage::PepItem> items;
  std::vector<std::string> ids;  // of which the page is one
  core::Page page;
  bool lost = false;  // the page begins at an item that is not there
};

// Reads one item; the size of all may not pass the bound, but one item always comes. False: no room for it.
Result<bool> read_one(storage::Reader& reader, const Wanted& wanted, const std::string& id, Found& found,
                      std::size_t& bytes) {
  if (std::ranges::find(wanted.hidden, id) != wanted.hidden.end()) return true;
  auto items = reader.pep_items(wanted.owner, wanted.node, 1, id);
  if (!items) return std::unexpected(items.error());
  for (auto& item : *items) {
    if (!is_live(wanted.config, IdGenerator::utc_ms(item.version), utc_now_ms())) continue;
    if (wanted.sealed && !keep_allowed(item, wanted.switches)) continue;
    bytes += item.payload.size() + item.id.size();
    if (bytes > max_answer && !found.items.empty()) return false;
    found.items.push_back(std::move(item));
  }
  return true;
}

Result<Found> read_named(storage::Reader& reader, const Wanted& wanted) {
  Found found;
  std::size_t bytes = 0;
  for (const auto& id : wanted.ids) {
    const auto fits = read_one(reader, wanted, id, found, bytes);
    if (!fits) return std::unexpected(fits.error());
    if (!*fits) break;
  }
  return found;
}

Result<Found> read_page(storage::Reader& reader, const Wanted& wanted) {
  Found found;
  auto names = reader.pep_item_names(wanted.owner, wanted.node, wanted.limit);
  if (!names) return std::unexpected(names.error());
  for (auto& name : *names) {
    if (wanted.sealed && !may_show_id(wanted.node, name.id, wanted.switches)) continue;
    if (std::ranges::find(wanted.hidden, name.id) != wanted.hidden.end()) continue;
    if (is_live(wanted.config, IdGenerator::utc_ms(name.version), utc_now_ms())) {
      found.ids.push_back(std::move(name.id));
    }
  }
  const auto page = core::page_of(found.ids, wanted.page.value_or(core::PageWish()), found.ids.size());
  found.lost = !page;
  if (!page) return found;
  found.page = *page;
  // What does not fit is missing where the page may end: at its far side from the item that was named.
  const bool backwards = wanted.page && wanted.page->before;
  std::size_t bytes = 0, taken = 0;
  for (; taken < page->count; ++taken) {
    const auto place = backwards ? page->first + page->count - 1 - taken : page->first + taken;
    const auto fits = read_one(reader, wanted, found.ids[place], found, bytes);
    if (!fits) return std::unexpected(fits.error());
    if (!*fits) break;
  }
  if (backwards) {
    std::ranges::reverse(found.items);
    found.page.first += page->count - taken;
  }
  found.page.count = taken;
  return found;
}

std::string answer_of(const Wanted& wanted, const Found& found) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", core::ns::pubsub).open("items").attribute("node", wanted.node);
  for (const auto& item : found.items) {
    writer.open("item").attribute("id", item.id);
    if (wanted.config.names_publisher) writer.attribute_if("publisher", bare_of(item.publisher));
    writer.raw(item.payload).close();
  }
  writer.close();
  // Asked for (XEP-0059), or some were left out (§6.5.4).
  const bool cut = wanted.ids.empty() && found.page.count < found.ids.size();
  if (wanted.page || cut) core::append_page(writer, found.ids, found.page);
  writer.close();
  return out;
}

// The "max_items" of the request, at most `most`; nothing if it is no number.
std::optional<std::size_t> newest_asked(xml::Element items, std::size_t most) {
  const auto text = items.attribute("max_items");
  if (!text) return most;
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
  if (error != std::errc() || end != text->data() + text->size() || count == 0) return std::nullopt;
  return std::min(most, count);
}

}  // namespace

void Pep::get_items(core::Account& account, core::IqRequest request, xml::Element items) {
  Wanted wanted{.owner = account.jid.str(),
                .node = std::string(items.attribute_or_empty("node")),
                .config = {},
                .ids = {},
                .page = {}};
  if (wanted.node.empty()) return request.error(errors::bad_request("nodeid-required"));
  const auto* state = find_shown(account, wanted.node);
  if (state == nullptr) return not_found(request);
  const auto who = requester(account, request.from());
  if (is_kept_back(account, wanted.node, who)) return not_found(request);
  if (auto refusal = refusal_for(account, wanted.node, state->config, who)) return request.error(*refusal);
  if (!state->config.persist) return request.error(errors::unsupported("persistent-items"));
  wanted.sealed = is_sealed(account);
  wanted.switches = switches(account);
  wanted.hidden = hidden_items(account, wanted.node, who);
  wanted.config.item_expire_s = state->config.item_expire_s;
  wanted.config.names_publisher = state->config.names_publisher;
  const auto limit = newest_asked(items, items_kept(state->config, wanted.node, limits_));
  auto page = core::read_page_wish(request.payload());
  if (!limit) return request.error(errors::bad_request());
  if (!page) return request.error(page.error());
  wanted.limit = *limit;
  wanted.page = std::move(*page);
  for (const auto item : items.children()) {
    if (!item.is("item", core::ns::pubsub)) continue;
    const auto id = item.attribute_or_empty("id");
    if (id.empty() || wanted.ids.size() == max_ids) return request.error(errors::bad_request());
    wanted.ids.emplace_back(id);
  }
  if (!wanted.ids.empty()) wanted.page.reset();
  const std::string asker(request.from().bare());
  if (auto& reading = reading_[asker]; ++reading > max_reading) {
    --reading;
    return request.error(
        errors::too_many({"Too many requests at once. Please try again.", "Trop de demandes à la fois. Réessayez."}));
  }
  shard_.read(
      [wanted](storage::Reader& reader) {
        return wanted.ids.empty() ? read_page(reader, wanted) : read_named(reader, wanted);
      },
      [this, asker, wanted, request = std::move(request)](Result<Found> found) mutable {
        if (const auto reading = reading_.find(asker); --reading->second == 0) reading_.erase(reading);
        if (!found) return request.error(core::store_away);
        if (found->lost) return request.error(errors::item_not_found());
        request.result(answer_of(wanted, *found));
      });
}

}  // namespace valise::modules::pep
