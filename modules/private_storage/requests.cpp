// XEP-0049 §2: get and set, one after the other.
#include <algorithm>
#include <map>
#include <set>

#include "modules/bookmarks/private_list.hpp"
#include "modules/private_storage/module.hpp"
#include "xml/writer.hpp"

namespace valise::modules::private_storage {
namespace {

using core::StanzaError;
using Rows = std::vector<storage::AccountData>;

constexpr std::size_t max_waiting = 32;

const StanzaError full{.type = StanzaError::Type::wait,
                       .condition = "resource-constraint",
                       .text = {"Your private storage is full.", "Votre espace privé est plein."}};

StanzaError refused(Fault fault) {
  return {.type = StanzaError::Type::modify, .condition = "policy-violation", .text = describe(fault)};
}

// On a database thread. Bookmarks are those of PEP, too: modules/bookmarks keeps them.
Result<std::string> stored_element(storage::Reader& reader, const std::string& owner, const std::string& key) {
  if (key == bookmarks::private_name) return bookmarks::read_private_list(reader, owner);
  auto rows = reader.account_data(owner, storage::DataKind::private_xml, key);
  if (!rows) return std::unexpected(rows.error());
  return rows->empty() ? std::string() : std::move(rows->front().value);
}

// What the account would keep with these rows written over its own.
bool has_room(const Rows& rows, const std::map<std::string, std::string>& changed, std::size_t max_bytes) {
  std::size_t bytes = 0, count = changed.size();
  for (const auto& [key, value] : changed) bytes += key.size() + value.size();
  for (const auto& row : rows) {
    if (changed.contains(row.name)) continue;
    bytes += row.name.size() + row.value.size();
    ++count;
  }
  return bytes <= max_bytes && count <= max_elements;
}

}  // namespace

void PrivateStorage::take(core::IqRequest request) {
  auto& account = *request.account();
  auto& queue = line(account);
  if (!queue.busy) return begin(std::move(request));
  const auto bytes = request.stanza().memory();
  const bool room = queue.waiting.empty() || queue.bytes + bytes <= shard_.settings().queue_bytes;
  if (!room || queue.waiting.size() >= max_waiting) return request.error(core::store_away);
  queue.bytes += bytes;
  queue.waiting.push(std::move(request));
}

void PrivateStorage::begin(core::IqRequest request) {
  line(*request.account()).busy = true;
  if (request.is_set()) return check_set(std::move(request));
  answer_get(std::move(request));
}

void PrivateStorage::next(const core::Jid& jid) {
  auto* account = shard_.find_account(jid.full());
  if (account == nullptr) return;
  auto& queue = line(*account);
  queue.busy = false;
  if (queue.waiting.empty()) return;
  auto request = queue.waiting.take();
  queue.bytes -= request.stanza().memory();
  begin(std::move(request));
}

// An element that is not there is answered empty, as it was asked for.
void PrivateStorage::answer_get(core::IqRequest request) {
  auto& account = *request.account();
  auto elements = elements_of(request.payload(), true);
  if (!elements) {
    request.error(elements.error());
    return next(account.jid);
  }
  std::vector<std::string> keys;
  for (const auto element : *elements) {
    auto key = key_of(element);
    if (std::ranges::find(keys, key) == keys.end()) keys.push_back(std::move(key));
  }
  if (keys.size() > max_elements) {
    request.error(full);
    return next(account.jid);
  }
  shard_.read(
      [owner = account.jid.str(), keys,
       schema = schema_of(account)](storage::Reader& reader) -> Result<std::map<std::string, std::string>> {
        std::map<std::string, std::string> found;
        for (const auto& key : keys) {
          const auto stored = stored_element(reader, owner, key);
          if (!stored) return std::unexpected(stored.error());
          if (!stored->empty()) found[key] = shown(schema, *stored);
        }
        return found;
      },
      [this, jid = account.jid,
       request = std::move(request)](Result<std::map<std::string, std::string>> found) mutable {
        if (!found) {
          request.error(core::store_away);
          return next(jid);
        }
        std::string out;
        xml::Writer writer(out);
        writer.open("query", ns_private);
        std::set<std::string> answered;
        for (const auto element : request.payload().children()) {
          const auto key = element.is_text() ? std::string() : key_of(element);
          if (key.empty() || !answered.insert(key).second) continue;
          if (const auto& value = (*found)[key]; value.empty()) {
            writer.element(element.name(), element.ns());
          } else {
            writer.raw(value);
          }
        }
        writer.close();
        request.result(std::move(out));
        next(jid);
      });
}

void PrivateStorage::check_set(core::IqRequest request) {
  auto& account = *request.account();
  auto elements = elements_of(request.payload(), false);
  if (!elements) {
    request.error(elements.error());
    return next(account.jid);
  }
  const auto schema = schema_of(account);
  std::map<std::string, std::string> changed;  // several of one name stand together
  for (const auto element : *elements) {
    auto written = kept(schema, element);
    auto fault = written ? Fault::content : written.error();
    if (written) {
      auto& value = changed[key_of(element)];
      value += *written;
      if (value.size() <= max_element_) continue;
    }
    request.deny(refused(fault), std::string(reason_of(fault)));
    return next(account.jid);
  }
  shard_.read(
      [owner = account.jid.str()](storage::Reader& reader) {
        return reader.account_data(owner, storage::DataKind::private_xml);
      },
      [this, jid = account.jid, changed = std::move(changed), request = std::move(request)](Result<Rows> rows) mutable {
        auto* owner = shard_.find_account(jid.full());
        if (!rows || owner == nullptr || !has_room(*rows, changed, max_bytes_)) {
          request.error(!rows || owner == nullptr ? core::store_away : full);
          return next(jid);
        }
        std::vector<storage::Write> writes;
        std::optional<std::string> list;
        if (const auto found = changed.find(std::string(bookmarks::private_name)); found != changed.end()) {
          list = std::move(found->second);
          changed.erase(found);
        }
        for (auto& [key, value] : changed) {
          writes.emplace_back(
              storage::PutAccountData{jid.str(), storage::DataKind::private_xml, {key, std::move(value)}});
        }
        if (list) return replace_bookmarks(*owner, std::move(request), std::move(*list), std::move(writes));
        commit(*owner, std::move(request), std::move(writes));
      });
}

// Together with what else was set: one unit.
void PrivateStorage::replace_bookmarks(core::Account& account, core::IqRequest request, std::string list,
                                       std::vector<storage::Write> writes) {
  auto* bookmarks = shard_.service<PrivateBookmarks>();
  const auto from = request.from();
  auto answer = [this, jid = account.jid, request = std::move(request)](auto done) mutable {
    if (done) {
      request.result();
    } else {
      request.error(done.error());
    }
    next(jid);
  };
  if (bookmarks == nullptr) return answer(std::expected<void, StanzaError>(std::unexpected(core::store_away)));
  bookmarks->replace(account, from, std::move(list), std::move(writes), std::move(answer));
}

void PrivateStorage::commit(core::Account& account, core::IqRequest request, std::vector<storage::Write> writes) {
  auto unit = std::make_unique<core::Unit>();
  unit->writes = std::move(writes);
  const auto bytes = sizeof request + request.stanza().memory();
  unit->done = [this, jid = account.jid, request = std::move(request)](core::Unit& finished) mutable {
    if (finished.outcome) {
      request.result();
    } else {
      request.error(core::store_away);
    }
    next(jid);
  };
  shard_.commit_in_order(account, std::move(unit), bytes);
}

}  // namespace valise::modules::private_storage
