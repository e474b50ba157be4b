// XEP-0060 §6.5: reading items. Out of the store; the account may be offline, the reader anybody whom the node admits.
#include <charconv>

#include "core/namespaces.hpp"
#include "modules/pep/errors.hpp"
#include "modules/pep/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::pep {
namespace {

constexpr std::size_t max_ids = 64;             // items asked for by name in one request
constexpr std::size_t max_answer = 512 * 1024;  // bytes; what does not fit is announced as left out (XEP-0059)

struct Wanted {
  std::string owner, node;
  std::vector<std::string> ids;
  std::size_t limit = 0;
};

Result<std::vector<storage::PepItem>> read_items(storage::Reader& reader, const Wanted& wanted) {
  if (wanted.ids.empty()) return reader.pep_items(wanted.owner, wanted.node, wanted.limit);
  std::vector<storage::PepItem> items;
  for (const auto& id : wanted.ids) {
    auto found = reader.pep_items(wanted.owner, wanted.node, 1, id);
    if (!found) return std::unexpected(found.error());
    for (auto& item : *found) items.push_back(std::move(item));
  }
  return items;
}

std::string answer_of(const std::string& node, const std::vector<storage::PepItem>& items) {
  std::string out;
  xml::Writer writer(out);
  writer.open("pubsub", core::ns::pubsub).open("items").attribute("node", node);
  std::size_t written = 0;
  for (const auto& item : items) {
    if (written != 0 && out.size() + item.payload.size() > max_answer) break;
    writer.open("item").attribute("id", item.id).raw(item.payload).close();
    ++written;
  }
  writer.close();
  if (written < items.size()) {
    writer.open("set", "http://jabber.org/protocol/rsm");
    writer.open("first").attribute("index", "0").text(items.front().id).close();
    writer.element("last", {}, items[written - 1].id);
    writer.element("count", {}, std::to_string(items.size())).close();
  }
  writer.close();
  return out;
}

}  // namespace

void Pep::get_items(core::Account& account, core::IqRequest request, xml::Element items) {
  Wanted wanted{.owner = account.jid.str(), .node = std::string(items.attribute_or_empty("node")), .ids = {}};
  if (wanted.node.empty()) return request.error(errors::bad_request("nodeid-required"));
  const auto* state = find(account, wanted.node);
  if (state == nullptr) return not_found(request);
  const auto who = requester(account, request.from());
  if (auto refusal = refusal_for(account, wanted.node, state->config, who)) return request.error(*refusal);
  if (!state->config.persist) return request.error(errors::unsupported("persistent-items"));
  wanted.limit = items_kept(state->config, wanted.node, limits_);
  if (const auto text = items.attribute("max_items")) {
    std::size_t count = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), count);
    if (error != std::errc() || end != text->data() + text->size() || count == 0) {
      return request.error(errors::bad_request());
    }
    wanted.limit = std::min(wanted.limit, count);
  }
  for (const auto item : items.children()) {
    if (!item.is("item", core::ns::pubsub)) continue;
    const auto id = item.attribute_or_empty("id");
    if (id.empty() || wanted.ids.size() == max_ids) return request.error(errors::bad_request());
    wanted.ids.emplace_back(id);
  }
  shard_.read([wanted](storage::Reader& reader) { return read_items(reader, wanted); },
              [this, node = wanted.node, by_name = !wanted.ids.empty(),
               request = std::move(request)](Result<std::vector<storage::PepItem>> found) mutable {
                if (!found) return request.error(core::store_away);
                if (by_name && found->empty()) return not_found(request);  // §6.5.9.11
                request.result(answer_of(node, *found));
              });
}

}  // namespace valise::modules::pep
